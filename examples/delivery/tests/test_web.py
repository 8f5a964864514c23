"""X-11, X-12: what couriers and those who wait for them are answered, and what they notice of an outage."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from processes import PICKUP
from test_storage import NOW

from chassis.readiness import Readiness
from chassis.redis.client import Store
from chassis_testing.network import HOST
from chassis_testing.program import RunningProgram, eventually
from chassis_testing.redis import Redis
from delivery_service.domain import Eta, News
from delivery_service.service import Deliveries
from delivery_service.settings import WorkerSettings
from delivery_service.storage.repository import RedisDeliveryRepository
from delivery_service.web import answering

SEARCH = WorkerSettings.load(redis_addr="redis:6379", kafka_brokers="kafka:9092", pickup_place=PICKUP).search


@pytest.fixture
async def web(redis_server: Redis, database: str) -> AsyncIterator[RunningProgram]:
    variables = {"REDIS_ADDR": f"{HOST}:{redis_server.port}", "REDIS_DB": database, "SHUTDOWN_DRAIN_SECONDS": "3"}
    async with RunningProgram.started("delivery", "web", "serving", **variables) as running:
        yield running


@pytest.fixture
async def client(web: RunningProgram) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=web.url, timeout=20) as opening:
        yield opening


@pytest.fixture
async def alone(repository: RedisDeliveryRepository) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the application without its process."""
    app = answering(Deliveries(repository), Readiness("delivery_service", {}))
    async with httpx.AsyncClient(base_url="http://delivery", transport=httpx.ASGITransport(app)) as opening:
        yield opening


def at(latitude: float, available: bool = True) -> dict[str, Any]:
    return {"latitude": latitude, "longitude": 13.41, "available": available}


async def test_a_courier_from_the_first_report_to_the_door(
    web: RunningProgram, client: httpx.AsyncClient, repository: RedisDeliveryRepository
) -> None:
    for courier, latitude in (("anna", 52.521), ("bela", 52.53)):
        answer = await client.put(f"/v1/couriers/{courier}", json=at(latitude))
        assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    found = (await client.get("/v1/couriers", params={"latitude": 52.52, "longitude": 13.41})).json()
    assert [(each["courier_id"], each["km"]) for each in found] == [("anna", 0.111), ("bela", 1.112)]
    assert (await client.get("/v1/deliveries/o1")).status_code == 404

    await repository.paid("o1", "u1", {}, SEARCH, NOW)
    await repository.settle("o1", Eta(8, estimated=False))
    assert (await client.get("/v1/deliveries/o1")).json() == {
        "order_id": "o1",
        "state": "assigned",
        "courier_id": "anna",
        "eta_minutes": 8,
        "eta_estimated": False,
    }
    assert (await client.get("/v1/couriers/anna")).json()["order_id"] == "o1"
    params: dict[str, float] = {"latitude": 52.52, "longitude": 13.41, "radius_km": 1}
    assert (await client.get("/v1/couriers", params=params)).json() == []

    refused = await client.post("/v1/deliveries/o1/complete", json={"courier_id": "bela"})
    assert (refused.status_code, refused.json()["detail"]) == (409, "the order is not on its way with this courier")
    sent = {"x-request-id": "req-7"}
    for _ in range(2):
        done = await client.post("/v1/deliveries/o1/complete", json={"courier_id": "anna"}, headers=sent)
        assert (done.status_code, done.json()["state"]) == (200, "completed")
    event = await repository.event("o1", News.COMPLETED)
    assert event is not None
    assert event.headers["x-request-id"] == "req-7"
    assert (await client.get("/v1/couriers/anna")).json()["order_id"] is None
    line = await web.said("delivery completed", order_id="o1", courier_id="anna", request_id="req-7")
    assert line["trace_id"] == event.headers["traceparent"].split("-")[1]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "field"),
    [
        ("PUT", "/v1/couriers/anna", {"latitude": 91, "longitude": 0, "available": True}, 422, "latitude"),
        ("PUT", "/v1/couriers/a:b", at(52.5), 422, "courier_id"),
        ("PUT", "/v1/couriers/anna", {**at(52.5), "more": 1}, 422, "more"),
        ("POST", "/v1/deliveries/o1/complete", {}, 422, "courier_id"),
        ("POST", "/v1/deliveries/o1/complete", {"courier_id": "anna"}, 404, None),
        ("GET", "/v1/couriers?latitude=52&longitude=13&radius_km=101", None, 422, "radius_km"),
        ("GET", "/v1/couriers?latitude=52", None, 422, "longitude"),
        ("GET", "/v1/couriers/nobody", None, 404, None),
        ("GET", "/v1/couriers/" + "a" * 65, None, 422, "courier_id"),
    ],
)
async def test_what_cannot_be_answered_says_why(  # noqa: PLR0913, PLR0917
    alone: httpx.AsyncClient, method: str, path: str, body: object, status: int, field: str | None
) -> None:
    answer = await alone.request(method, path, json=body)
    assert answer.status_code == status
    assert [each["field"] for each in answer.json().get("errors", [])] == ([field] if field else [])


async def test_the_api_is_described(alone: httpx.AsyncClient) -> None:
    described = (await alone.get("/openapi.json")).json()
    assert set(described["paths"]) == {
        "/v1/couriers",
        "/v1/couriers/{courier_id}",
        "/v1/deliveries/{order_id}",
        "/v1/deliveries/{order_id}/complete",
    }


async def test_redis_away_is_told_and_over_when_it_is_back(
    web: RunningProgram, client: httpx.AsyncClient, redis_server: Redis, store: Store
) -> None:
    await client.put("/v1/couriers/anna", json=at(52.52))
    with redis_server.outage():
        answer = await client.get("/v1/couriers/anna")
        assert (answer.status_code, answer.json()["detail"]) == (503, "a store is unavailable, try again")
        await web.said("not ready", needs="redis")
        assert (await client.get("/readyz")).status_code == 503
        assert (await client.get("/healthz")).status_code == 200
    await web.said("ready again", needs="redis")
    await store.ping()

    async def back() -> bool:
        return (await client.get("/v1/couriers/anna")).status_code == 200

    await eventually(back, "does not come back")
    web.terminate()
    assert await web.ended() == 0
