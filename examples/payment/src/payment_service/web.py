"""The process `web`: answers HTTP until it is told to stop."""

from contextlib import AsyncExitStack
from functools import partial
from importlib import metadata

from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine

from chassis.admission import PATIENCE
from chassis.grpc.client import calling
from chassis.http.app import application
from chassis.http.server import Server, request_timeout_seconds
from chassis.readiness import Readiness
from chassis.running import running
from chassis.sql.database import opened, ping
from chassis.sql.idempotency import IdempotencyKeys
from chassis.sql.watch import watch_pool
from payment_service import SERVICE
from payment_service.saga import OrderBook, Processor, Saga
from payment_service.service import Payments
from payment_service.settings import WebSettings
from payment_service.storage.events import PostgresEventRepository
from payment_service.storage.repository import PostgresPaymentRepository
from payment_service.transport import processor
from payment_service.transport.order import TIMEOUT_SECONDS, RemoteOrderBook
from payment_service.transport.routes import STATUSES, payments_router, webhooks_router
from payment_service.webhooks import Webhooks

KEY_SECONDS = 0.5
"""What is left for the idempotency key, before and after."""


async def run(settings: WebSettings) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        CommandError: the database does not answer at the start, or a port is taken.
    """
    async with AsyncExitStack() as stack:
        engine = await stack.enter_async_context(opened(settings, "payment-web"))
        watch_pool(engine)
        order = await stack.enter_async_context(calling("order", settings.order_address, TIMEOUT_SECONDS))
        stripe = await stack.enter_async_context(processor.opened(settings))
        # Neither Stripe nor the order service: without them, payments are shown all the same.
        process = await stack.enter_async_context(running(settings, SERVICE, {"database": partial(ping, engine)}))
        app = build(settings, engine, RemoteOrderBook(order), stripe, process.readiness)
        server = Server(settings, SERVICE, app, process.readiness)
        await server.serve(settings.port, process.shutdown, metrics_port=process.metrics_port)


def build(
    settings: WebSettings, engine: AsyncEngine, orders: OrderBook, stripe: Processor, readiness: Readiness
) -> FastAPI:
    """Put the application together."""
    limit = request_timeout_seconds(settings)
    repository = PostgresPaymentRepository(engine)
    payments = Payments(repository, orders, Saga(repository, orders, stripe), within_seconds=within(limit))
    app = application("Payments", metadata.version("payment-service"), "Takes payments for orders", readiness, STATUSES)
    pay_keys, refund_keys = (IdempotencyKeys(engine, scope, limit) for scope in ("payments", "refunds"))
    app.include_router(payments_router(payments, pay_keys, refund_keys))
    secret = settings.stripe_webhook_secret.get_secret_value()
    app.include_router(webhooks_router(Webhooks(PostgresEventRepository(engine)), secret))
    return app


def within(limit: float) -> float:
    """How many seconds a caller waits for a payment, of those that its request may take.

    It hears that the payment is on its way before the server would give the request up, which counts from its arrival:
    waiting for its turn, and for its key, is before. Something is left however short the drain.
    """
    return max(limit * (1 - PATIENCE) - KEY_SECONDS, limit / 4)
