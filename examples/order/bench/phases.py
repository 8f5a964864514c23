"""The loads that every variant is put under. Each has a database and a process of its own, so that none inherits."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from bench import events
from bench.load import Calls, Load, write
from bench.servers import DurablePostgreSQL, Order, cpu_seconds
from bench.variants import Variant
from chassis_testing.kafka import Kafka

CALLERS = 32
ITEMS = 3
CHANGES = 100
"""Statuses that one request changes, which is one statement of the service."""
CHANGERS = 4
_USERS = 200
_WARM_UP_SHARE = 0.25
_LEAST_CALLS = 2  # one has no percentiles
_SEED = """
    INSERT INTO orders (id, user_id, status, created_at)
    SELECT id, 'bench', %s, now() FROM unnest(%s::uuid[]) AS each (id)
"""


@dataclass(frozen=True)
class Result:
    """What a variant did under a load.

    Attributes:
        orders: that were made or changed.
        seconds: in which.
        p50: of the calls' latencies, in seconds; None where nobody calls.
        p99: likewise.
        service_cpu: seconds that the service's process used, user and system.
        postgresql_cpu: likewise PostgreSQL's processes.
        failed: calls that are left out of the others.
    """

    orders: int
    seconds: float
    p50: float | None
    p99: float | None
    service_cpu: float
    postgresql_cpu: float
    failed: int = 0

    def figures(self) -> dict[str, float | None]:
        """As they are compared; times in milliseconds."""
        cpu = [used / self.orders * 1000 for used in (self.service_cpu, self.postgresql_cpu)]
        latency = [None if each is None else each * 1000 for each in (self.p50, self.p99)]
        return {
            "orders_per_second": self.orders / self.seconds,
            "failed": self.failed,
            "p50_ms": latency[0],
            "p99_ms": latency[1],
            "cpu_ms_per_order": sum(cpu),
            "service_cpu_ms_per_order": cpu[0],
            "postgresql_cpu_ms_per_order": cpu[1],
        }


class Bench:
    """Puts variants under load."""

    def __init__(self, postgresql: DurablePostgreSQL, kafka: Kafka | None, template: str, folder: Path) -> None:
        """Use servers.

        Args:
            postgresql: where all of them keep their orders.
            kafka: for the worker and the relay; without it, they have no load.
            template: the name of a database with the schema.
            folder: for ghz's files.
        """
        self._postgresql = postgresql
        self._kafka = kafka
        self._template = template
        self._folder = folder

    def create(self, variant: Variant, seconds: float) -> Result:
        """Make orders as fast as they are answered, by callers that wait for their answers."""
        with self._serving(variant) as (order, _):
            calls = self._creating(order, seconds)
            return self._measured(order, lambda: calls.closed(CALLERS, seconds=seconds))

    def steady(self, variant: Variant, seconds: float, rate: int) -> Result:
        """Make so many orders a second, whatever becomes of those before."""
        with self._serving(variant) as (order, _):
            calls = self._creating(order, seconds)
            return self._measured(order, lambda: calls.steady(rate, seconds=seconds))

    def change(self, variant: Variant, count: int) -> Result:
        """Change the statuses of so many orders by the hundred, each order's once."""
        with self._serving(variant) as (order, database):
            self._changing(order, database, _LEAST_CALLS).counted(1, calls=_LEAST_CALLS)
            many = max(_LEAST_CALLS, count // CHANGES)
            calls = self._changing(order, database, many)
            return self._measured(order, lambda: calls.counted(min(CHANGERS, many), calls=many), CHANGES)

    def work(self, variant: Variant, count: int) -> Result:
        """Change orders by what Kafka tells: an event for each, all of them there when the worker starts."""
        assert self._kafka is not None
        database = self._postgresql.database(template=self._template)
        events.tell(self._kafka, _seed(database, "paid", count))
        brokers = self._kafka.bootstrap_servers
        with Order.started(variant, "worker", DATABASE_URL=database, KAFKA_BROKERS=brokers) as worker:
            return self._measured(worker, lambda: events.worked(database, count))

    def relay(self, variant: Variant, seconds: float) -> Result:
        """Tell Kafka of orders for some time; more wait than can be told."""
        assert self._kafka is not None
        database = self._postgresql.database(template=self._template)
        events.queue(database, seconds)
        brokers = self._kafka.bootstrap_servers
        with Order.started(variant, "relay", DATABASE_URL=database, KAFKA_BROKERS=brokers) as relay:
            return self._measured(relay, lambda: events.relayed(database, seconds))

    def _creating(self, order: Order, seconds: float) -> Calls:
        """Calls to a process that is warm."""
        items = [{"sku": f"sku-{n}", "quantity": n + 1} for n in range(ITEMS)]
        requests = [{"user_id": f"user-{n}", "items": items} for n in range(_USERS)]
        calls = Calls(order.address, "CreateOrder", write(self._folder / "orders.json", requests))
        calls.closed(CALLERS, seconds=seconds * _WARM_UP_SHARE)
        return calls

    def _changing(self, order: Order, database: str, calls: int) -> Calls:
        """So many calls for orders that wait for their change."""
        changes = [{"id": each, "status": "ORDER_STATUS_PAID"} for each in _seed(database, "pending", calls * CHANGES)]
        requests = [{"changes": changes[n : n + CHANGES]} for n in range(0, len(changes), CHANGES)]
        return Calls(order.address, "UpdateStatuses", write(self._folder / "changes.json", requests))

    @contextmanager
    def _serving(self, variant: Variant) -> Iterator[tuple[Order, str]]:
        database = self._postgresql.database(template=self._template)
        with Order.started(variant, "web", DATABASE_URL=database) as order:
            yield order, database

    def _measured(self, order: Order, call: Callable[[], Load], orders: int = 1) -> Result:
        used = [cpu_seconds(each.pid) for each in (order, self._postgresql)]
        loaded = call()
        service, postgresql = (
            cpu_seconds(each.pid) - before for each, before in zip((order, self._postgresql), used, strict=True)
        )
        return Result(loaded.calls * orders, loaded.seconds, loaded.p50, loaded.p99, service, postgresql, loaded.failed)


def _seed(database: str, status: str, count: int) -> list[str]:
    """Put orders into a database; gives their ids."""
    ids = [str(uuid.uuid4()) for _ in range(count)]
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(_SEED, [status, ids])
        connection.execute("ANALYZE orders")
    return ids
