"""Stripe, as far as payments go: a server that remembers, in front of stripe-mock; see `stripe_stand_in`."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

from chassis_testing.network import HOST, greeting
from chassis_testing.server import Server, unique
from chassis_testing.stripe_mock import StripeMock

_opener = build_opener(ProxyHandler({}))  # no proxies: they would catch loopback traffic


class Stripe(Server):
    """A stand-in for Stripe: `account()` makes an account of a test's own. What it holds ends with the server.

    It needs httpx, which who uses Stripe has: the extra `http`.
    """

    name = "stripe"

    def __init__(self) -> None:
        """Take ports, also for its stripe-mock."""
        super().__init__()
        self._mock = StripeMock()

    def prepare(self) -> None:
        """Start stripe-mock, which stays until `close`."""
        self._mock.start()

    def command(self) -> Sequence[str | Path]:
        """The stand-in, as on a cluster."""
        return [sys.executable, "-m", "chassis_testing.stripe_stand_in"]

    def environment(self) -> dict[str, str]:
        """Where it listens, and where stripe-mock is."""
        return {**super().environment(), "HOST": HOST, "PORT": str(self.port), "STRIPE_MOCK_URL": self._mock.url}

    def answers(self) -> bool:
        """Whether it is alive."""
        return greeting(self.port, 15, b"GET /healthz HTTP/1.1\r\nHost: stripe\r\n\r\n") == b"HTTP/1.1 200 OK"

    def close(self) -> None:
        """End both."""
        super().close()
        self._mock.close()

    @property
    def url(self) -> str:
        """What Stripe's clients call `api_base`."""
        return f"http://{HOST}:{self.port}"

    def account(self) -> "Account":
        """A new account: nothing is in it, and nobody else's failures."""
        return Account(self.url, unique("sk_test_"), unique("whsec_"))


@dataclass(frozen=True)
class Account:
    """One account, seen by who tests.

    Attributes:
        url: what Stripe's clients call `api_base`.
        key: its API key.
        webhook_secret: what its webhooks are signed with.
    """

    url: str
    key: str
    webhook_secret: str

    def counts(self) -> dict[str, int]:
        """How often each was done: created, authorised, captured, cancelled, refunded; a repeated answer does none."""
        return dict(self._ask("GET", "account")["counts"])

    def intents(self) -> list[dict[str, Any]]:
        """The payment intents, the oldest first."""
        return list(self._ask("GET", "account")["intents"])

    def events(self, kind: str = "") -> list[dict[str, Any]]:
        """What has happened, the oldest first; of one kind, such as `payment_intent.succeeded`."""
        return [event for event in self._ask("GET", "account")["events"] if kind in ("", event["type"])]

    def fail(self, operation: str, how: str = "error", effect: str = "before", times: int = 1) -> None:
        """Let the next requests go wrong.

        Args:
            operation: create, retrieve, capture, cancel or refund.
            how: `error` answers 500; `hang` answers nothing.
            effect: `before` nothing was done, or `after` it was.
            times: so many of them.
        """
        self._ask("POST", "failures", {"operation": operation, "how": how, "effect": effect, "times": times})

    def send_events_to(self, url: str) -> None:
        """Send events to an address as they happen, again until they are taken."""
        self._ask("POST", "webhook", {"url": url, "secret": self.webhook_secret})

    def deliver(self, event: dict[str, Any], url: str, secret: str | None = None) -> int:
        """Send one event now, as often as this is called; gives the status of the answer."""
        signed = {"url": url, "secret": secret or self.webhook_secret}
        return int(self._ask("POST", f"events/{event['id']}", signed)["status"])

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        url, headers = f"{self.url}/_stand_in/{path}", {"Authorization": f"Bearer {self.key}"}
        content = None if body is None else json.dumps(body).encode()
        request = Request(url, content, headers, method=method)  # noqa: S310 - our own address
        with _opener.open(request, timeout=30) as answer:
            said = answer.read()
        return json.loads(said) if said else None
