"""The process `worker`: goes on with payments that were interrupted, or that something did not answer for (SP-9).

Any number of them may run: a payment is claimed by one at a time.
"""

import asyncio
import contextlib
from collections.abc import Awaitable
from contextlib import AsyncExitStack
from functools import partial
from uuid import UUID, uuid4

import structlog
from opentelemetry.trace import SpanKind
from prometheus_client import Gauge
from sqlalchemy.ext.asyncio import AsyncEngine

from chassis import reports, tracing
from chassis.errors import UnavailableError
from chassis.grpc.client import calling
from chassis.running import running
from chassis.shutdown import Shutdown
from chassis.sql import idempotency
from chassis.sql.database import opened, ping
from chassis.tidying import tidying
from payment_service import SERVICE
from payment_service.domain import Payment
from payment_service.saga import Saga
from payment_service.service import LONGEST_PAUSE_SECONDS, PAUSE_SECONDS
from payment_service.settings import SagaSettings
from payment_service.storage.events import PostgresEventRepository
from payment_service.storage.repository import PostgresPaymentRepository
from payment_service.transport import processor
from payment_service.transport.order import TIMEOUT_SECONDS, RemoteOrderBook

log = structlog.get_logger(__name__)

MOST_AT_ONCE = 10
IDLE_SECONDS = 0.5
AWAY_SECONDS = 2.0
LEASE_SECONDS = 30.0
TIDY_SECONDS = 60.0

_unfinished = Gauge("payments_unfinished", "Payments that are not at rest")
_oldest = Gauge("payments_unfinished_oldest_seconds", "How long the oldest of them has not changed; 0 if there is none")


async def run(settings: SagaSettings) -> None:
    """Work until SIGTERM or SIGINT.

    Raises:
        CommandError: the database does not answer at the start, or a port is taken.
    """
    async with AsyncExitStack() as stack:
        engine = await stack.enter_async_context(opened(settings, "payment-worker"))
        order = await stack.enter_async_context(calling("order", settings.order_address, TIMEOUT_SECONDS))
        stripe = await stack.enter_async_context(processor.opened(settings))
        process = await stack.enter_async_context(running(settings, SERVICE, {"database": partial(ping, engine)}))
        repository = PostgresPaymentRepository(engine)
        await stack.enter_async_context(tidying(partial(_forget, engine), TIDY_SECONDS))
        worker = Worker(repository, Saga(repository, RemoteOrderBook(order), stripe))
        log.info("working", metrics_port=process.metrics_port)
        await worker.run(process.shutdown)


class Worker:
    """Looks for payments to go on with."""

    def __init__(self, repository: PostgresPaymentRepository, saga: Saga) -> None:
        self._repository = repository
        self._saga = saga

    async def run(self, shutdown: Shutdown) -> None:
        """Go on until the process is to end, and then with what has been begun as long as the drain allows."""
        pause = 0.0
        while not await shutdown.during(pause):
            try:
                found = await self._repository.claim_due(claim := uuid4(), MOST_AT_ONCE, LEASE_SECONDS)
                batch = asyncio.gather(*(self.resume(payment, claim) for payment in found))
                await _within_the_drain(batch, shutdown)
                count, seconds = await self._repository.unfinished()
            except UnavailableError as error:
                log.error("cannot work", error=str(error))  # noqa: TRY400 - the trace says no more
                pause = AWAY_SECONDS
            else:
                _unfinished.set(count)
                _oldest.set(seconds)
                pause = 0 if len(found) == MOST_AT_ONCE else IDLE_SECONDS

    async def resume(self, payment: Payment, claim: UUID) -> None:
        """Go on with one payment; what stands in its way is told, and it is left for a while."""
        with (
            tracing.handling("payment resume", payment.headers or {}, SpanKind.CONSUMER),
            structlog.contextvars.bound_contextvars(user_id=payment.user_id),
        ):
            log.info("payment resumed", payment_id=str(payment.id), status=payment.status, attempts=payment.attempts)
            try:
                await self._saga.run(payment, claim)
            except UnavailableError as error:
                log.warning("payment left for later", payment_id=str(payment.id), error=str(error))
            except Exception as error:
                log.exception("payment failed", payment_id=str(payment.id), error=str(error))
                reports.report(error)
            else:
                return
            pause = min(PAUSE_SECONDS * 2**payment.attempts, LONGEST_PAUSE_SECONDS)
            with contextlib.suppress(UnavailableError):  # then the lease ends by itself
                await self._repository.release(payment.id, claim, pause)


async def _forget(engine: AsyncEngine) -> dict[str, int]:
    """Forget the idempotency keys whose time is over, and what Stripe tells no more."""
    keys, events = await idempotency.expire(engine), await PostgresEventRepository(engine).forget()
    return {"idempotency_keys": keys, "stripe_events": events}


async def _within_the_drain(batch: Awaitable[object], shutdown: Shutdown) -> None:
    work, told = asyncio.ensure_future(batch), asyncio.create_task(shutdown.wait())
    try:
        await asyncio.wait({work, told}, return_when=asyncio.FIRST_COMPLETED)
        async with asyncio.timeout(shutdown.remaining_seconds):
            await work
    except TimeoutError:
        log.warning("payments left as they are", limit="the drain is over")
    finally:
        told.cancel()
