"""Runs `payment` as the platform does."""

import contextlib
import ssl
import subprocess
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, LiteralString
from uuid import uuid4

import httpx
import psycopg
from orders import Orders

from chassis_testing import program
from chassis_testing.program import DEADLINE, RunningProgram
from chassis_testing.stripe import Account

TLS = ssl.create_default_context()  # a client makes one of its own otherwise, which takes longer than most tests


_DONE = {
    "payment_intent.amount_capturable_updated": "authorised",
    "payment_intent.succeeded": "captured",
    "payment_intent.canceled": "cancelled",
    "charge.refunded": "refunded",
}


@dataclass(frozen=True)
class Surroundings:
    """What the service needs."""

    database: str
    account: Account
    orders: Orders

    @property
    def variables(self) -> dict[str, str]:
        """How the service learns of it. Nothing takes long here, so nothing is waited for long."""
        return {
            "DATABASE_URL": self.database,
            "STRIPE_API_KEY": self.account.key,
            "STRIPE_API_BASE": self.account.url,
            "STRIPE_WEBHOOK_SECRET": self.account.webhook_secret,
            "STRIPE_TIMEOUT_SECONDS": "0.5",
            "STRIPE_RETRY_PAUSE_SECONDS": "0.05",
            "SHUTDOWN_DRAIN_SECONDS": "6",
            "ORDER_ADDRESS": self.orders.address,
        }

    def rows(self, statement: LiteralString, *values: object) -> list[tuple[Any, ...]]:
        """Ask the service's database."""
        with psycopg.connect(self.database, autocommit=True) as connection:
            found = connection.execute(statement, values)
            return found.fetchall() if found.description else []

    def statuses(self, order_id: str) -> list[str]:
        """Those of an order's payments, as they are stored, the oldest first."""
        found = self.rows("SELECT status FROM payments WHERE order_id = %s ORDER BY created_at", order_id)
        return [row[0] for row in found]

    def intents(self, order_id: str) -> list[dict[str, Any]]:
        """Stripe's payment intents for an order, the oldest first."""
        return [each for each in self.account.intents() if each["metadata"].get("order_id") == order_id]

    def money(self, order_id: str) -> dict[str, int]:
        """How often Stripe did something for an order."""
        kinds = [
            e["type"] for e in self.account.events() if e["data"]["object"]["metadata"].get("order_id") == order_id
        ]
        return dict(Counter(_DONE[kind] for kind in kinds if kind in _DONE))

    def settled(self, *order_ids: str) -> bool:
        """Whether each of these orders has payments, and all of them are at rest."""
        found = self.rows(
            "SELECT count(DISTINCT order_id), count(due_at) FROM payments WHERE order_id = ANY(%s)", list(order_ids)
        )
        return found == [(len(order_ids), 0)]

    def leases_end(self) -> None:
        """Let time pass until nobody has a payment any more: that of a process that has died."""
        self.rows("UPDATE payments SET due_at = now() - interval '1 minute' WHERE due_at IS NOT NULL")


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a subcommand to its end."""
    return program.run("payment", *arguments, **variables)


@contextlib.asynccontextmanager
async def started(
    surroundings: Surroundings, command: str = "web", says: str = "serving", **variables: str
) -> AsyncIterator["Payment"]:
    """Start a process of the service on free ports, and wait until it works."""
    given = {**surroundings.variables, **variables}
    async with Payment.started("payment", command, says, **given) as running:
        yield running


@contextlib.asynccontextmanager
async def working(surroundings: Surroundings, **variables: str) -> AsyncIterator["Payment"]:
    """Start a `payment worker`."""
    async with started(surroundings, "worker", "working", **variables) as running:
        yield running


class Payment(RunningProgram):
    """A running `payment web`, or another process of the service."""

    @contextlib.asynccontextmanager
    async def client(self) -> AsyncIterator["Client"]:
        async with httpx.AsyncClient(base_url=self.url, timeout=DEADLINE, verify=TLS) as client:
            yield Client(client)


class Client:
    """Makes requests."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def pay(
        self, order_id: str, key: str | None = None, payment_method: str = "pm_card_visa", **headers: str
    ) -> httpx.Response:
        sent = {"Idempotency-Key": key or uuid4().hex, **headers}
        body = {"order_id": order_id, "payment_method": payment_method}
        return await self.http.post("/v1/payments", json=body, headers=sent)

    async def get(self, payment_id: str, **headers: str) -> httpx.Response:
        return await self.http.get(f"/v1/payments/{payment_id}", headers=headers)

    async def refund(self, payment_id: str, key: str | None = None) -> httpx.Response:
        headers = {"Idempotency-Key": key or uuid4().hex}
        return await self.http.post(f"/v1/payments/{payment_id}/refunds", headers=headers)
