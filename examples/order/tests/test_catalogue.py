"""SO-9, X-2, X-13: an order is made by the catalogue's word, asked of a real server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import psycopg
import pytest
from processes import Order, request, run, started

from chassis_testing.network import free_port
from chassis_testing.program import eventually
from order_service.pb import catalogue_service_pb2 as catalogue
from order_service.pb import order_service_pb2 as pb
from order_service.pb.catalogue_service_pb2_grpc import CatalogueServiceServicer, add_CatalogueServiceServicer_to_server

PRICES = {"milk": 129, "bread": 350}


class Catalogue(CatalogueServiceServicer):
    """Sells milk and bread, and can be made to hang or to fail a few times."""

    def __init__(self) -> None:
        self.sells = dict(PRICES)
        self.calls = 0
        self.failures = 0
        self.hangs = False
        self.traces: list[str] = []

    async def GetPrices(self, request: catalogue.GetPricesRequest, context: Any) -> catalogue.GetPricesResponse:  # noqa: N802
        self.calls += 1
        self.traces.append(dict(context.invocation_metadata())["traceparent"].split("-")[1])
        if self.hangs:
            await asyncio.Event().wait()
        if self.failures:
            self.failures -= 1
            await context.abort(grpc.StatusCode.UNAVAILABLE, "not now")
        sold = [sku for sku in request.skus if sku in self.sells]
        prices = [catalogue.Price(sku=sku, unit_amount=self.sells[sku]) for sku in sold]
        return catalogue.GetPricesResponse(currency="EUR", prices=prices)


@asynccontextmanager
async def selling() -> AsyncIterator[tuple[Catalogue, str]]:
    servicer, server = Catalogue(), grpc.aio.server()
    add_CatalogueServiceServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield servicer, f"127.0.0.1:{port}"
    finally:
        await server.stop(grace=None)


@asynccontextmanager
async def ordering(database: str) -> AsyncIterator[tuple[Catalogue, Order]]:
    async with selling() as (servicer, address), started(database, CATALOGUE_ADDRESS=address) as order:
        yield servicer, order


def errors(order: Order) -> list[str]:
    """What calls were told as unavailable for."""
    return [line["error"] for line in order.lines if line["message"] == "unavailable"]


async def test_an_order_has_its_total_and_keeps_it(database: str) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    sent = (("traceparent", f"00-{trace}-00f067aa0ba902b7-01"),)
    async with ordering(database) as (servicer, order), order.client() as client:
        created = (await client.CreateOrder(request("123", milk=2, bread=1), metadata=sent)).order
        found = (await client.GetOrder(pb.GetOrderRequest(id=created.id))).order
    assert created.total == pb.Money(currency="EUR", amount=2 * 129 + 350)
    assert found == created
    assert servicer.traces == [trace]


async def test_what_is_not_sold_is_named_and_nothing_is_stored(database: str) -> None:
    async with ordering(database) as (_, order), order.client() as client:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await client.CreateOrder(request("123", milk=1, gold=1))
    assert (refused.value.code(), refused.value.details()) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        "items[1].sku: is not sold",
    )
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT count(*) FROM orders").fetchone() == (0,)


async def test_a_request_that_is_repeated_has_its_order_whatever_is_sold_by_now(database: str) -> None:
    """X-8: the first answer may have been lost."""
    async with ordering(database) as (servicer, order), order.client() as client:
        first = (await client.CreateOrder(request("123", "k", milk=1))).order
        servicer.sells["milk"] = 1
        dearer = (await client.CreateOrder(request("123", "k", milk=1))).order
        del servicer.sells["milk"]
        not_sold = (await client.CreateOrder(request("123", "k", milk=1))).order
        servicer.failures = 3
        away = (await client.CreateOrder(request("123", "k", milk=1))).order
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await client.CreateOrder(request("123", "k", bread=1, milk=1))
        with pytest.raises(grpc.aio.AioRpcError) as unknown:
            await client.CreateOrder(request("123", "another", milk=1))
    assert dearer == not_sold == away == first
    assert refused.value.code() == grpc.StatusCode.ALREADY_EXISTS
    assert unknown.value.code() == grpc.StatusCode.INVALID_ARGUMENT


async def test_a_failure_that_passes_is_not_noticed(database: str) -> None:
    async with ordering(database) as (servicer, order), order.client() as client:
        servicer.failures = 2
        await client.CreateOrder(request("123", milk=1))
        await order.said("trying again", what="catalogue")
    assert servicer.calls == 3


async def test_a_catalogue_that_hangs_costs_callers_little_and_comes_back(database: str) -> None:
    async with ordering(database) as (servicer, order), order.client() as client:
        servicer.hangs = True
        for _ in range(6):
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await client.CreateOrder(request("123", milk=1), timeout=5)
            assert refused.value.code() == grpc.StatusCode.UNAVAILABLE
            assert refused.value.details() == "temporarily unavailable, try again"
        await order.said("breaker open", what="catalogue")
        assert servicer.calls <= 5  # fewer if the time of a call was over before it was there
        await eventually(lambda: len(errors(order)) == 6, "not all are told")
        assert "catalogue failed 5 times in a row" in errors(order)[-1]
        assert await order.health("readiness") == "SERVING"


def test_a_catalogue_without_a_port_is_named(database: str) -> None:
    result = run("web", DATABASE_URL=database, CATALOGUE_ADDRESS="catalogue", PORT=str(free_port()))
    assert result.returncode == 1
    assert result.stderr.startswith("order: CATALOGUE_ADDRESS: ")


async def test_without_a_catalogue_orders_have_no_total(order: Order) -> None:
    async with order.client() as client:
        created = (await client.CreateOrder(request("123", gold=1))).order
    assert not created.HasField("total")
    await order.said("a variable is not set", variable="CATALOGUE_ADDRESS")
