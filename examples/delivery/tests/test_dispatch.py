"""SD-7: what waits gets a courier, what was left untold is told; by one at a time, and in the same words."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from processes import PICKUP, Shop
from structlog.testing import capture_logs
from test_storage import HEADERS, NOW, holder, paid, work

from chassis.errors import UnavailableError
from chassis.kafka.producer import TooLargeError, producing
from chassis.redis.client import Store
from chassis.redis.locks import Locks
from chassis.shutdown import Shutdown
from chassis_testing.kafka import Kafka
from delivery_service import dispatch
from delivery_service.dispatch import Dispatcher
from delivery_service.domain import Eta, News, Place, State
from delivery_service.settings import WorkerSettings
from delivery_service.storage.repository import RedisDeliveryRepository
from delivery_service.storage.scripts import LOCK
from delivery_service.telling import Teller
from delivery_service.transport.events import KafkaPublisher

SEARCH = WorkerSettings.load(redis_addr="redis:6379", kafka_brokers="kafka:9092", pickup_place=PICKUP).search

RIDE_MINUTES = 15


class NoMaps:
    """Maps that are away."""

    async def eta(self, start: Place, end: Place) -> Eta:
        raise UnavailableError(f"no way from {start} to {end}")


@pytest.fixture
async def teller(shop: Shop, kafka: Kafka, repository: RedisDeliveryRepository) -> AsyncIterator[Teller]:
    async with producing(kafka.bootstrap_servers, "tests") as producer:
        yield Teller(repository, KafkaPublisher(producer, shop.deliveries), NoMaps(), SEARCH.pickup, RIDE_MINUTES)


@pytest.fixture
def dispatcher(repository: RedisDeliveryRepository, store: Store, teller: Teller) -> Dispatcher:
    return Dispatcher(repository, teller, Locks(store), SEARCH, lock=LOCK, now=lambda: NOW)


async def test_who_waits_gets_a_courier_and_all_are_told(
    shop: Shop, dispatcher: Dispatcher, repository: RedisDeliveryRepository, store: Store
) -> None:
    held, shutdown = await holder(store), Shutdown(1)
    for order_id in ("o1", "o2", "o3"):
        await paid(repository, order_id)
    await dispatcher.once(held, shutdown)
    await work(repository, "a", "b")
    await dispatcher.once(held, shutdown)
    delivery = await repository.find("o3")
    assert delivery is not None
    assert delivery.state is State.WAITING
    await repository.complete("o1", "a", {"x-request-id": "req-7"}, NOW)
    await dispatcher.once(held, shutdown)
    async with shop.listening():
        await shop.all_told("o1", "o2", "o3")
        await shop.all_told("o1", news="delivery_completed")
    assert await repository.untold(100) == []
    assert len(shop.heard) == 4
    first = next(each for each in shop.heard if each.key == "o1")
    assert (first.value["courier_id"], first.value["eta_estimated"]) == ("a", True)
    assert first.headers["event-id"] == "o1:delivery_assigned"
    completed = next(each for each in shop.heard if each.value["event"] == "delivery_completed")
    assert completed.headers["x-request-id"] == "req-7"


async def test_what_somebody_has_left_untold_is_told_after_a_while(
    dispatcher: Dispatcher, repository: RedisDeliveryRepository, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, shutdown = await holder(store), Shutdown(1)
    await work(repository, "a")
    await paid(repository, "o1")
    await dispatcher.once(held, shutdown)
    assert [each[:2] for each in await repository.untold(100)] == [("o1", News.ASSIGNED)]  # its worker is about to
    monkeypatch.setattr(dispatch, "PATIENCE_SECONDS", 0)
    await dispatcher.once(held, shutdown)
    assert await repository.untold(100) == []


async def test_what_is_told_twice_is_told_in_the_same_words(
    shop: Shop, teller: Teller, repository: RedisDeliveryRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when a worker dies between telling and noting it."""
    await work(repository, "a")
    await paid(repository, "o1")

    async def die(*_: object) -> None:
        raise UnavailableError("dead")

    with monkeypatch.context() as patch:
        patch.setattr(repository, "told", die)
        with pytest.raises(UnavailableError):
            await teller.tell("o1")
    await work(repository, "a")  # the courier has moved, the way is another one
    await teller.tell("o1")
    await teller.tell("o1")
    async with shop.listening():
        await shop.all_told("o1")
    first, second = shop.heard
    assert (first.value, first.headers["event-id"]) == (second.value, second.headers["event-id"])
    assert HEADERS["traceparent"] not in first.headers.values()  # no trace that can be one


async def test_without_maps_the_straight_line_is_taken_and_said_so(
    teller: Teller, repository: RedisDeliveryRepository
) -> None:
    await work(repository, "a")
    await paid(repository, "o1")
    with capture_logs() as lines:
        await teller.tell("o1")
    delivery = await repository.find("o1")
    assert delivery is not None
    assert delivery.eta == Eta(1 + RIDE_MINUTES, estimated=True)
    assert "no map, estimating" in {line["event"] for line in lines}


async def test_what_kafka_does_not_take_does_not_end_the_dispatcher(
    dispatcher: Dispatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A topic may be set to take less than an event."""
    shutdown, tries = Shutdown(1), iter([TooLargeError("larger than kafka takes"), None])

    async def once(*_: object) -> None:
        error = next(tries)
        if error:
            raise error
        shutdown.begin()

    measured = 0

    async def measure() -> None:
        nonlocal measured
        measured += 1

    monkeypatch.setattr(dispatcher, "once", once)
    monkeypatch.setattr(dispatcher, "_measure", measure)
    for name in ("PAUSE_SECONDS", "IDLE_SECONDS"):
        monkeypatch.setattr(dispatch, name, 0.01)
    with capture_logs() as lines:
        await asyncio.wait_for(dispatcher.run(shutdown), 10)
    assert "cannot dispatch" in {line["event"] for line in lines}
    assert measured == 2, "how much waits is known while nothing can be told"
