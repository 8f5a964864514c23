"""The service without what it is good at: composed here by the seams of `order_service`, and known to nobody else.

Run as `python -m bench.plain web`, `worker` or `relay`, with BENCH_WITHOUT naming what to leave out.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from sqlalchemy import NullPool, event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from bench.rows import RowByRow
from bench.variants import Technique
from chassis.batches import Batches
from chassis.program import Command, Program
from chassis.sql.database import connect_args, ping, pool_options
from chassis.sql.settings import DatabaseSettings
from chassis.sql.watch import watch
from order_service.domain import Change, Outcome
from order_service.relay import MOST_AT_ONCE
from order_service.relay import work as relaying
from order_service.service import BATCH_SIZE, Orders
from order_service.settings import KafkaSettings, Settings, WebSettings
from order_service.storage.outbox import Outbox
from order_service.storage.repository import PostgresOrderRepository
from order_service.web import serve
from order_service.worker import work as working

Without = frozenset[Technique]


class PlainWeb(WebSettings):
    """With what to leave out, names apart by spaces."""

    bench_without: str


class PlainKafka(KafkaSettings):
    """With what to leave out, names apart by spaces."""

    bench_without: str


async def web(settings: PlainWeb) -> None:
    """Run as `order_service.web.run` does."""
    without = _without(settings.bench_without)
    async with _opened(settings, "order-web", without) as engine:
        await serve(settings, _repository(engine, without), partial(ping, engine))


async def worker(settings: PlainKafka) -> None:
    """Run as `order_service.worker.run` does; without batches, each order is changed when its event is worked."""
    without = _without(settings.bench_without)
    async with _opened(settings, "order-worker", without) as engine:
        orders = Orders(_repository(engine, without))

        async def alone(change: Change) -> Outcome:
            return (await orders.change([change]))[0]

        change = alone if Technique.BATCHES in without else Batches(orders.change, BATCH_SIZE).add
        await working(settings, change, partial(ping, engine))


async def relay(settings: PlainKafka) -> None:
    """Run as `order_service.relay.run` does; without batches, each event is told and forgotten by itself."""
    without = _without(settings.bench_without)
    async with _opened(settings, "order-relay", without) as engine:
        most = 1 if Technique.BATCHES in without else MOST_AT_ONCE
        await relaying(settings, Outbox(engine), partial(ping, engine), most)


def _without(names: str) -> Without:
    return frozenset(map(Technique, names.split()))


def _repository(engine: AsyncEngine, without: Without) -> PostgresOrderRepository:
    return RowByRow(engine) if Technique.BATCHES in without else PostgresOrderRepository(engine)


@asynccontextmanager
async def _opened(settings: DatabaseSettings, application: str, without: Without) -> AsyncIterator[AsyncEngine]:
    """Give the engine of `chassis.sql.database.opened`, less what is to be left out."""
    engine = create_async_engine(
        settings.database,
        # Row by row needs transactions, which a connection of psycopg has from the start.
        **{} if Technique.BATCHES in without else {"isolation_level": "AUTOCOMMIT"},
        **{"poolclass": NullPool} if Technique.POOL in without else pool_options(settings),
        hide_parameters=True,
        connect_args=connect_args(application),
    )
    watch(engine, settings.slow_seconds)
    if Technique.PREPARED in without:

        @event.listens_for(engine.sync_engine, "do_connect")
        def connect(*given: Any) -> None:
            given[3]["prepare_threshold"] = None

    try:
        yield engine
    finally:
        await engine.dispose()


main = Program(
    name="order-plain",
    service="order_service",
    purpose="The order service, with less",
    settings=Settings,
    commands={
        "web": Command("bench.plain:web", "answer gRPC calls", PlainWeb),
        "worker": Command("bench.plain:worker", "change orders by what Kafka tells of deliveries", PlainKafka),
        "relay": Command("bench.plain:relay", "tell Kafka what happens to orders", PlainKafka),
    },
)

if __name__ == "__main__":
    main()
