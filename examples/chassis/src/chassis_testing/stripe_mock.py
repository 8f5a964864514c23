"""stripe-mock: Stripe's own stand-in for its API, which checks requests against Stripe's schema and keeps nothing."""

from collections.abc import Sequence
from pathlib import Path

from chassis_testing import programs
from chassis_testing.network import HOST, free_port, listens
from chassis_testing.server import Server


class StripeMock(Server):
    """Stripe's API, over HTTP. It takes any key that looks like a test key, such as `sk_test_123`."""

    name = "stripe-mock"

    def __init__(self) -> None:
        """Take ports for HTTP and HTTPS."""
        super().__init__()
        self._https_port = free_port()

    def command(self) -> Sequence[str | Path]:
        """The program. It serves HTTPS too, which nobody here uses: by default that is at every address."""
        addresses = ["-http-addr", f"{HOST}:{self.port}", "-https-addr", f"{HOST}:{self._https_port}"]
        return [programs.stripe_mock(), *addresses]

    def answers(self) -> bool:
        """Whether it listens, which it does once it has read Stripe's schema."""
        return listens(self.port)

    @property
    def url(self) -> str:
        """What Stripe's clients call `api_base`."""
        return f"http://{HOST}:{self.port}"
