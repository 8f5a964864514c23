"""Calls over the wire to a running service with a real database."""

import asyncio
import re
import urllib.request
from uuid import uuid4

import grpc
import psycopg
import pytest
from processes import Order, request, started

from chassis_testing.program import eventually
from order_service.pb import order_service_pb2 as pb


async def test_creates_and_returns_an_order(lasting: Order) -> None:
    """SO-1, SO-2, SO-3."""
    async with lasting.client() as client:
        created = (await client.CreateOrder(request("123", milk=2, bread=1))).order
        found = (await client.GetOrder(pb.GetOrderRequest(id=created.id))).order
    assert found == created
    assert (found.user_id, found.status) == ("123", pb.ORDER_STATUS_PENDING)
    assert [(item.sku, item.quantity) for item in found.items] == [("milk", 2), ("bread", 1)]
    assert found.created_at.seconds > 0


@pytest.mark.parametrize(
    ("bad", "detail"),
    [
        (pb.OrderRequest(items=[pb.Item(sku="a", quantity=1)]), "user_id: must not be empty"),
        (pb.OrderRequest(user_id="u"), "items: must have 1 to 100 entries, has 0"),
        (pb.OrderRequest(user_id="u", items=[pb.Item(quantity=1)]), "items[0].sku: must not be empty"),
        (request("u", a=1, b=0), "items[1].quantity: must be 1 to 1000, is 0"),
        (request("u", key="k" * 129), "idempotency_key: must be at most 128 characters, has 129"),
        (request("u\x00"), "user_id: must not contain NUL characters"),
    ],
)
async def test_a_wrong_field_is_named(lasting: Order, bad: pb.OrderRequest, detail: str) -> None:
    async with lasting.client() as client:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await client.CreateOrder(bad)
    assert (refused.value.code(), refused.value.details()) == (grpc.StatusCode.INVALID_ARGUMENT, detail)


@pytest.mark.parametrize("unknown", [str(uuid4()), "no-uuid", ""])
async def test_an_unknown_order_is_not_found(lasting: Order, unknown: str) -> None:
    async with lasting.client() as client:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await client.GetOrder(pb.GetOrderRequest(id=unknown))
    assert refused.value.code() == grpc.StatusCode.NOT_FOUND


async def test_a_repeated_request_makes_one_order(order: Order, database: str) -> None:
    async with order.client() as client:
        answers = await asyncio.gather(*(client.CreateOrder(request("123", key="k", milk=1)) for _ in range(20)))
        other_user = await client.CreateOrder(request("456", key="k", milk=1))
        without_key = [await client.CreateOrder(request("123", milk=1)) for _ in range(2)]
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await client.CreateOrder(request("123", key="k", milk=2))
    assert len({answer.order.id for answer in answers}) == 1
    assert refused.value.code() == grpc.StatusCode.ALREADY_EXISTS
    assert len({a.order.id for a in [answers[0], other_user, *without_key]}) == 4
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT count(*) FROM orders").fetchone() == (4,)


async def test_logs_follow_the_callers_ids(order: Order) -> None:
    """SO-8, LG-4, LG-7."""
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    sent = (("x-request-id", "req-1"), ("traceparent", f"00-{trace}-00f067aa0ba902b7-01"))
    async with order.client() as client:
        created = (await client.CreateOrder(request("123"), metadata=sent)).order
        await client.GetOrder(pb.GetOrderRequest(id=created.id), metadata=(("x-request-id", "not one id"),))
    event = await order.said("order created", order_id=created.id, user_id="123", request_id="req-1", trace_id=trace)
    assert event["timestamp"].endswith("Z")
    access = await order.said("request", method="CreateOrder", code="OK", request_id="req-1")
    assert access["duration_ms"] > 0
    other = await order.said("request", method="GetOrder", code="OK")
    assert other["request_id"] == other["trace_id"] != trace


async def test_lines_have_a_trace_where_the_platform_has_none(database: str) -> None:
    """The platform sets OTEL_SDK_DISABLED where spans would go nowhere."""
    async with started(database, OTEL_SDK_DISABLED="true") as order, order.client() as client:
        await client.CreateOrder(request("123"))
        line = await order.said("order created")
    assert re.fullmatch("[0-9a-f]{32}", line["trace_id"])
    assert line["request_id"] == line["trace_id"]


async def test_counts_requests(order: Order) -> None:
    """SO-7, OB-2, OB-4, OB-6, PG-2, PG-8."""
    async with order.client() as client:
        await client.CreateOrder(request())
        with pytest.raises(grpc.aio.AioRpcError):
            await client.GetOrder(pb.GetOrderRequest(id="unknown"))
    await order.health()
    with urllib.request.urlopen(order.metrics_url) as answer:  # noqa: S310 - our own address
        metrics = answer.read().decode()
    assert 'grpc_requests_total{code="OK",method="CreateOrder",service="order_service"} 1.0' in metrics
    assert 'grpc_requests_total{code="NOT_FOUND",method="GetOrder",service="order_service"} 1.0' in metrics
    assert 'grpc_request_duration_seconds_count{method="CreateOrder",service="order_service"} 1.0' in metrics
    opened = re.search(r"^db_pool_connections_open (\S+)$", metrics, re.MULTILINE)
    assert opened is not None
    assert float(opened[1]) >= 1  # two if the check of the database came between
    assert 'method="Check"' not in metrics


async def test_survives_lost_connections(order: Order, database: str) -> None:
    """SO-10, PG-6: a restarted database costs its clients nothing: the pool's dead connections are replaced."""
    async with order.client() as client:
        await asyncio.gather(*(client.CreateOrder(request()) for _ in range(10)))
        with psycopg.connect(database, autocommit=True) as connection:
            killed = connection.execute(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            ).fetchone()
        assert killed is not None
        assert killed[0] > 0
        await asyncio.gather(*(client.CreateOrder(request()) for _ in range(10)))


async def test_readiness_follows_the_database_and_liveness_does_not(order: Order, database: str) -> None:
    name = database.rpartition("/")[2]
    admin = database.replace(name, "postgres")
    services = ("", "liveness", "readiness", "shop.order.v1.OrderService")
    assert [await order.health(service) for service in services] == ["SERVING"] * 4

    def allow(connections: bool) -> None:
        with psycopg.connect(admin, autocommit=True) as connection:
            connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS {connections}".encode())
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])

    async def ready(expected: str) -> bool:
        status = await order.health("readiness")
        return status == expected

    allow(connections=False)
    await eventually(lambda: ready("NOT_SERVING"), "stays ready without a database")
    assert [await order.health(service) for service in services] == ["SERVING", "SERVING", "NOT_SERVING", "NOT_SERVING"]
    async with order.client() as client:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await client.CreateOrder(request())
    assert refused.value.code() == grpc.StatusCode.UNAVAILABLE
    assert refused.value.details() == "storage is unavailable, try again"

    allow(connections=True)
    await eventually(lambda: ready("SERVING"), "does not come back")
    await order.said("ready again")


async def test_a_hanging_database_does_not_hang_callers(database: str) -> None:
    async with started(database, SHUTDOWN_DRAIN_SECONDS="3") as order, order.client() as client:
        with psycopg.connect(database) as connection:
            connection.execute("LOCK TABLE orders IN ACCESS EXCLUSIVE MODE")
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await client.CreateOrder(request())
    assert refused.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
