"""What a customer sees: an order is placed, paid and on its way; and what the logs say of it, by one trace id."""

import json
import secrets
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from demo import shop
from demo.narrate import DemoError
from demo.tools import Tools

DEADLINE_SECONDS = 90
T = TypeVar("T")
_LOOPBACK = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # a proxy has no way to a port of this machine
_MAILS = """import pathlib, sys
for mail in pathlib.Path('/var/mail/shop/new').glob('*'):
    text = mail.read_text()
    if f'X-RcptTo: {sys.argv[1]}' in text: print(text)
"""


@dataclass(frozen=True)
class Trace:
    """One trace that everything belongs to.

    Attributes:
        id: 32 hexadecimal digits.
        parent: what a client sends of it (W3C Trace Context).
    """

    id: str
    parent: str

    @classmethod
    def begin(cls) -> "Trace":
        """Make a new one."""
        trace_id = secrets.token_hex(16)
        return cls(trace_id, f"00-{trace_id}-{secrets.token_hex(8)}-01")


class Customer:
    """Somebody who orders tea."""

    def __init__(self, tools: Tools) -> None:
        """Begin a trace."""
        self.trace = Trace.begin()
        self.email = f"ada-{self.trace.id[:8]}@shop.test"
        self._tools = tools

    def sign_up(self) -> str:
        """Become a user; gives the id."""
        user = shop.client(self._tools, "user", "create_user.py", self.email, "--traceparent", self.trace.parent)
        return str(json.loads(user)["id"])

    def order(self, user: str) -> dict[str, Any]:
        """Place an order."""
        answers = self._order("--user", user, "--traceparent", self.trace.parent)
        return dict(answers["CreateOrder"])

    def pay(self, order_id: str) -> dict[str, Any]:
        """Pay it, with a test card of Stripe."""
        body = {"order_id": order_id, "payment_method": "pm_card_visa"}
        return self._http("payment", "POST", "/v1/payments", body, {"Idempotency-Key": order_id})

    def courier(self) -> str:
        """Let a courier say that there is one; gives the name. One that says nothing for minutes gets no order."""
        name = f"courier-{self.trace.id[:8]}"
        place = {"latitude": 52.5208, "longitude": 13.4094, "available": True}
        self._http("delivery", "PUT", f"/v1/couriers/{name}", place)
        return name

    def on_its_way(self, order_id: str) -> dict[str, Any]:
        """Wait until a courier has the order."""

        def look() -> dict[str, Any] | None:
            order = dict(self._order("--read", order_id)["GetOrder"])
            return order if order["status"] == "ORDER_STATUS_IN_DELIVERY" else None

        return _wait(look, "no courier has the order")

    def mail(self) -> str:
        """Wait for the mail that says so; gives its subject."""

        def look() -> str | None:
            command = ("exec", "-n", shop.NAMESPACE, "stand-ins-0", "-c", "mail", "--", "/app/bin/python", "-c", _MAILS)
            found = self._tools.kubectl(*command, self.email)
            subjects = [line.partition(" ")[2] for line in found.splitlines() if line.startswith("Subject: ")]
            return next((each for each in subjects if "on its way" in each), None)

        return _wait(look, f"no mail for {self.email}")

    def _http(
        self, service: str, method: str, path: str, body: dict[str, Any], more: dict[str, str] | None = None
    ) -> dict[str, Any]:
        """Make a request.

        Raises:
            DemoError: it was refused, or not answered.
        """
        headers = {"Content-Type": "application/json", "traceparent": self.trace.parent, **(more or {})}
        with self._tools.cluster.port_forward(f"service/{service}-service", 80, "-n", shop.NAMESPACE) as port:
            url = f"http://127.0.0.1:{port}{path}"
            request = urllib.request.Request(url, json.dumps(body).encode(), headers, method=method)
            try:
                with _LOOPBACK.open(request, timeout=30) as answer:
                    said = answer.read()
            except urllib.error.HTTPError as error:
                raise DemoError(f"the {service} service answered {error.code}: {error.read().decode()}") from error
        return dict(json.loads(said)) if said else {}

    def _order(self, *arguments: str) -> dict[str, Any]:
        said = shop.client(self._tools, "order", "call.py", *arguments)
        return {name: answer for line in said.splitlines() for name, answer in json.loads(line).items()}


def play(tools: Tools, services: Collection[str], tell: Callable[[str], None]) -> Trace:
    """Order, pay, and wait for the courier and, where there is a notification service, the mail."""
    customer = Customer(tools)
    tell(f"PUT /v1/couriers/{customer.courier()} (HTTP, delivery)")
    user = customer.sign_up() if "user" in services else "demo"
    order = customer.order(user)
    total = order["total"]
    tell(f"CreateOrder (gRPC, order): {order['id']}, {int(total['amount']) / 100:.2f} {total['currency']}")
    payment = customer.pay(order["id"])
    tell(f"POST /v1/payments (HTTP, payment): {payment['status']}")
    tell(f"GetOrder: {customer.on_its_way(order['id'])['status']}")
    if "notification" in services:
        tell(f"mail to {customer.email}: {customer.mail()}")
    return customer.trace


def lines(tools: Tools, services: Sequence[str], trace: Trace) -> list[str]:
    """What the services' logs say of a trace, in order: when, which container, what."""
    found = sorted(each for service in services for each in _said(tools, service, trace))
    return [f"{when[11:23]} {where:22} {what}" for when, where, what in found]


def _said(tools: Tools, service: str, trace: Trace) -> Iterator[tuple[str, str, str]]:
    selector = f"delivery.dev/service={service},delivery.dev/process"
    words = ("logs", "-n", shop.NAMESPACE, "-l", selector, "--tail=-1", "--prefix", "--max-log-requests=20")
    for line in tools.cluster.kubectl(*words).splitlines():
        if trace.id not in line:
            continue
        prefix, _, text = line.partition(" ")
        pod = prefix.split("/")[1]
        entry = json.loads(text)
        process = "-".join(pod.split("-")[:2])
        details = (f"{key}={entry[key]}" for key in ("method", "path", "key", "status", "order_id") if key in entry)
        yield entry["timestamp"], process, " ".join((entry["message"], *details))


def _wait(look: Callable[[], T | None], problem: str) -> T:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < deadline:
        if (found := look()) is not None:
            return found
        time.sleep(0.5)
    raise DemoError(f"{problem} after {DEADLINE_SECONDS} s")
