"""The service's parts in this process, for deaths at places that a process cannot be stopped at from outside."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import stripe
from processes import Surroundings
from sqlalchemy.ext.asyncio import AsyncEngine

from chassis.grpc.client import Remote
from payment_service.domain import Payment
from payment_service.saga import Saga
from payment_service.service import Payments
from payment_service.storage.repository import PostgresPaymentRepository
from payment_service.transport.order import RemoteOrderBook
from payment_service.transport.processor import StripeProcessor

PATIENCE_SECONDS = 60.0


class Killed(BaseException):
    """The process is gone: nothing catches this, as nothing catches SIGKILL."""


class Death:
    """Counts what the service asks of others, and kills it after one of these: it was done, and nobody heard of it."""

    def __init__(self, after: int = 0, then: dict[str, Callable[[], object]] | None = None) -> None:
        """Die after the call of this number; 0 never.

        Args:
            after: the number of the call, from 1 on.
            then: what others do right after a call of this name.
        """
        self.calls: list[str] = []
        self._after = after
        self._then = then or {}

    def around(self, thing: Any) -> Any:
        """The same thing, whose calls count."""
        return _Counted(thing, self)

    async def call(self, name: str, call: Callable[..., Any], *given: Any) -> Any:
        self.calls.append(name)
        mine = len(self.calls)
        result = await call(*given)
        self._then.pop(name, lambda: None)()
        if mine == self._after:
            raise Killed
        return result


class _Counted:
    def __init__(self, thing: Any, death: Death) -> None:
        self._thing = thing
        self._death = death

    def __getattr__(self, name: str) -> Any:
        async def counted(*given: Any) -> Any:
            return await self._death.call(name, getattr(self._thing, name), *given)

        return counted


@dataclass(frozen=True)
class Inside:
    """The service without its transport."""

    surroundings: Surroundings
    engine: AsyncEngine
    remote: Remote
    client: stripe.StripeClient

    @property
    def repository(self) -> PostgresPaymentRepository:
        """Where payments are."""
        return PostgresPaymentRepository(self.engine)

    def payments(self, death: Death, now: Any = None) -> Payments:
        """The business layer, which may die."""
        repository = death.around(self.repository)
        orders = death.around(RemoteOrderBook(self.remote))
        return Payments(repository, orders, self.saga(death, now), PATIENCE_SECONDS)

    def saga(self, death: Death, now: Any = None) -> Saga:
        """The saga, which may die."""
        processor = StripeProcessor(self.client, timeout_seconds=2, pause_seconds=0.05)
        parts = (death.around(each) for each in (self.repository, RemoteOrderBook(self.remote), processor))
        return Saga(*parts, **({"now": now} if now else {}))

    async def resume(self, payment_id: UUID, death: Death | None = None, now: Any = None) -> Payment:
        """Go on as the worker does, when the dead process's claim has ended."""
        self.surroundings.rows(
            "UPDATE payments SET due_at = now() - interval '1 minute' WHERE id = %s AND due_at IS NOT NULL", payment_id
        )
        claim = uuid4()
        payment = await self.repository.claim(payment_id, claim, PATIENCE_SECONDS)
        if payment is not None:
            return await self.saga(death or Death(), now).run(payment, claim)
        found = await self.repository.find(payment_id)
        assert found is not None
        return found
