"""Each stand-in as the process it runs as, asked by a real client."""

import grpc
import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import TraceServiceStub
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

from chassis_testing.grpc import RunningServer
from chassis_testing.program import DEADLINE, RunningProgram
from stand_ins.catalogue import CURRENCY, PRICES
from stand_ins.pb.catalogue_service_pb2 import GetPricesRequest
from stand_ins.pb.catalogue_service_pb2_grpc import CatalogueServiceStub

PROGRAM = "stand-ins"
WAY = "/directions/v2:computeRoutes"


def place(latitude: float, longitude: float) -> dict[str, dict[str, dict[str, float]]]:
    return {"location": {"latLng": {"latitude": latitude, "longitude": longitude}}}


async def test_the_catalogue_has_prices_of_what_it_sells() -> None:
    async with (
        RunningServer.started(PROGRAM, "catalogue", "serving") as catalogue,
        grpc.aio.insecure_channel(catalogue.address) as channel,
    ):
        found = await CatalogueServiceStub(channel).GetPrices(
            GetPricesRequest(skus=["tea", "gold", "tea", "cup"]), timeout=DEADLINE
        )
        assert await catalogue.health() == "SERVING"
        catalogue.terminate()
        assert await catalogue.ended() == 0
    assert {each.sku: each.unit_amount for each in found.prices} == {"tea": PRICES["tea"], "cup": PRICES["cup"]}
    assert found.currency == CURRENCY


async def test_a_way_takes_longer_the_farther_it_is() -> None:
    async with (
        RunningProgram.started(PROGRAM, "maps", "serving") as maps,
        httpx.AsyncClient(base_url=maps.url, timeout=DEADLINE) as client,
    ):
        one = await client.post(WAY, json={"origin": place(52.52, 13.40), "destination": place(52.53, 13.40)})
        two = await client.post(WAY, json={"origin": place(52.52, 13.40), "destination": place(52.54, 13.40)})
        wrong = await client.post(WAY, json={"origin": place(152, 13.40), "destination": place(52.54, 13.40)})
    # 0.01 degrees of latitude are 1.11 km
    seconds = [int(each.json()["routes"][0]["duration"].removesuffix("s")) for each in (one, two)]
    assert seconds == [pytest.approx(1.112 * 1.3 / 15 * 3600, abs=1), pytest.approx(2.224 * 1.3 / 15 * 3600, abs=1)]
    assert 400 <= wrong.status_code < 500


async def test_each_span_is_a_line() -> None:
    resource = Resource(attributes=[KeyValue(key="service.name", value=AnyValue(string_value="order_service"))])
    one = Span(
        trace_id=bytes(range(16)),
        span_id=bytes(range(8)),
        parent_span_id=bytes(range(8, 16)),
        name="CreateOrder",
        kind=Span.SPAN_KIND_SERVER,
        start_time_unix_nano=1_000_000_000,
        end_time_unix_nano=1_250_000_000,
    )
    sent = ExportTraceServiceRequest(
        resource_spans=[ResourceSpans(resource=resource, scope_spans=[ScopeSpans(spans=[one])])]
    )
    async with (
        RunningServer.started(PROGRAM, "spans", "serving") as collector,
        grpc.aio.insecure_channel(collector.address) as channel,
    ):
        await TraceServiceStub(channel).Export(sent, timeout=DEADLINE)  # type: ignore[no-untyped-call]
        await collector.said("span", name="CreateOrder")
        (line,) = (each for each in collector.lines if each.get("message") == "span")
    assert line == {
        "message": "span",
        "trace_id": "000102030405060708090a0b0c0d0e0f",
        "span_id": "0001020304050607",
        "parent_span_id": "08090a0b0c0d0e0f",
        "service": "order_service",
        "kind": "server",
        "name": "CreateOrder",
        "seconds": 0.25,
    }
