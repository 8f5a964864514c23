"""F9-3, F9-4, F9-11: what clients notice when a server is replaced: nothing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

import grpc
import psycopg
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from processes import Order, request, started

from chassis_testing.balancer import Balancer
from chassis_testing.program import eventually
from order_service.pb.order_service_pb2_grpc import OrderServiceStub

if TYPE_CHECKING:  # exists in the stubs only
    from order_service.pb.order_service_pb2_grpc import OrderServiceAsyncStub


@asynccontextmanager
async def locked_orders(database: str) -> AsyncIterator[None]:
    """While this is open, every call that writes takes its time."""
    async with await psycopg.AsyncConnection.connect(database) as connection:
        await connection.execute("LOCK TABLE orders IN ACCESS EXCLUSIVE MODE")
        yield


async def waiting_writers(database: str) -> int:
    async with await psycopg.AsyncConnection.connect(database) as connection:
        found = await connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        row = await found.fetchone()
    assert row is not None
    return int(row[0])


async def test_sigterm_finishes_the_call_in_progress(order: Order, database: str) -> None:
    async with order.client() as client:
        async with locked_orders(database):
            call = asyncio.ensure_future(client.CreateOrder(request("123")))
            await eventually(lambda: waiting_writers(database), "the call does not reach the database")
            order.terminate()
            await order.said("draining")
            assert await order.health() == "NOT_SERVING"
            assert await order.health("liveness") == "SERVING"
            assert order.process.returncode is None
        answer = await call
    assert answer.order.user_id == "123"
    assert await order.ended() == 0
    await order.said("stopped")
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT count(*) FROM orders").fetchone() == (1,)


async def test_no_call_outlasts_the_drain(database: str) -> None:
    async with (
        started(database, SHUTDOWN_DRAIN_SECONDS="3") as order,
        order.client() as client,
        locked_orders(database),
    ):
        call = asyncio.ensure_future(client.CreateOrder(request()))
        await eventually(lambda: waiting_writers(database), "the call does not reach the database")
        order.terminate()
        with pytest.raises(grpc.aio.AioRpcError) as cut:
            await call
        assert cut.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
        assert await order.ended() == 0
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT count(*) FROM orders").fetchone() == (0,)


async def test_a_health_watch_does_not_hold_up_the_drain(database: str) -> None:
    async with (
        started(database, SHUTDOWN_DRAIN_SECONDS="3000") as order,
        grpc.aio.insecure_channel(order.address) as channel,
    ):
        watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
        first = await watch.read()
        order.terminate()
        last = await watch.read()
        assert await watch.read() == grpc.aio.EOF
    statuses = [health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status) for answer in (first, last)]
    assert statuses == ["SERVING", "NOT_SERVING"]


class Load:
    """Callers that share a channel, each waiting for its answer; anything but the expected one is an error.

    A rate would pile calls up where the machine is slower than it, and those that come too late are refused.
    """

    def __init__(self, address: str, callers: int) -> None:
        self.done = 0
        self.errors: list[str] = []
        self._address = address
        self._callers = callers

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        stop = asyncio.Event()
        async with grpc.aio.insecure_channel(self._address) as channel, asyncio.TaskGroup() as group:
            for _ in range(self._callers):
                group.create_task(self._ask(OrderServiceStub(channel), stop))
            yield
            stop.set()

    async def more(self, calls: int) -> None:
        enough = self.done + calls
        await eventually(lambda: self.done >= enough, "no calls get through")

    async def _ask(self, client: "OrderServiceAsyncStub", stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                await client.CreateOrder(request(), timeout=10)
            except grpc.aio.AioRpcError as error:
                self.errors.append(f"{error.code()}: {error.details()}")
            self.done += 1
            await asyncio.sleep(0.02)  # what is started meanwhile needs the machine too


@pytest.mark.parametrize("callers", [2, 8])
async def test_a_client_under_load_sees_no_error_while_servers_are_replaced(database: str, callers: int) -> None:
    """A rolling update: one new server more, then one old server less, again and again."""
    service = Balancer()
    drain = {"SHUTDOWN_DRAIN_SECONDS": "6"}
    async with AsyncExitStack() as servers, service.listening() as address:
        old = [await servers.enter_async_context(started(database, **drain)) for _ in range(2)]
        service.endpoints = [server.address for server in old]
        load = Load(address, callers)
        async with load.running():
            for server in old:
                await load.more(100)
                new = await servers.enter_async_context(started(database, **drain))
                service.endpoints.append(new.address)
                service.endpoints.remove(server.address)
                server.terminate()
                assert await server.ended() == 0
            await load.more(100)
        assert load.errors == []
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT count(*) FROM orders").fetchone() == (load.done,)
