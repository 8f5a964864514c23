"""SD-3, SD-7: what happens to deliveries happens whole, and once, whoever asks for it and how often."""

import asyncio
from datetime import UTC, datetime
from time import time

import pytest
from redis import ResponseError

from chassis.redis.client import Store
from chassis.redis.locks import Held, LockLostError, Locks
from delivery_service.domain import Courier, Delivery, Eta, News, Place, Search, State
from delivery_service.errors import DeliveryNotFoundError, NotTheirDeliveryError
from delivery_service.service import Deliveries
from delivery_service.storage.repository import RedisDeliveryRepository
from delivery_service.storage.scripts import HEARD, KEEP_SECONDS, LOCK, order_key

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SEARCH = Search(Place(52.52, 13.41), radius_km=10)
HEADERS = {"traceparent": "of the payment"}


async def work(repository: RedisDeliveryRepository, *couriers: str) -> None:
    """Have couriers at work, each one further away than the one before."""
    for n, each in enumerate(couriers):
        await repository.report(Courier(each, Place(52.52 + n / 500, 13.41), available=True))


async def paid(repository: RedisDeliveryRepository, order_id: str) -> bool:
    return await repository.paid(order_id, "u1", HEADERS, SEARCH, NOW)


async def got(repository: RedisDeliveryRepository, order_id: str) -> Delivery:
    found = await repository.find(order_id)
    assert found is not None
    return found


async def holder(store: Store) -> Held:
    held = await Locks(store).take(LOCK)
    assert held is not None
    return held


async def falls_silent(store: Store, courier: str) -> None:
    long_ago = (time() - SEARCH.silent_seconds - 1) * 1000
    await store.ask("silence", lambda client: client.zadd(HEARD, {courier: long_ago}))


async def free(repository: RedisDeliveryRepository) -> list[str]:
    return [each.courier_id for each in await repository.near(SEARCH.pickup, 100, 100)]


async def untold(repository: RedisDeliveryRepository) -> list[tuple[str, News]]:
    return [(order_id, news) for order_id, news, _ in await repository.untold(100)]


async def test_the_nearest_free_courier_gets_the_order(repository: RedisDeliveryRepository) -> None:
    await repository.report(Courier("far", Place(52.6, 13.41), available=True))
    await repository.report(Courier("near", Place(52.53, 13.41), available=True))
    await repository.report(Courier("nearest", Place(52.52, 13.41), available=False))
    await repository.report(Courier("abroad", Place(48.1, 11.6), available=True))
    assert await paid(repository, "o1")
    delivery = await got(repository, "o1")
    assert (delivery.state, delivery.courier_id, delivery.start) == (State.ASSIGNED, "near", Place(52.53, 13.41))
    assert await free(repository) == ["far"]
    courier = await repository.courier("near")
    assert courier is not None
    assert courier.order_id == "o1"
    assert await paid(repository, "o2")
    assert await paid(repository, "o3")
    assert (await got(repository, "o2")).courier_id == "far"
    assert (await got(repository, "o3")).state is State.WAITING  # the one abroad is too far away


async def test_an_order_that_is_told_of_again_and_by_many_gets_one_courier(repository: RedisDeliveryRepository) -> None:
    await work(repository, "a", "b", "c")
    new = await asyncio.gather(*(paid(repository, "o1") for _ in range(20)))
    assert new.count(True) == 1
    assert await free(repository) == ["b", "c"]
    assert await untold(repository) == [("o1", News.ASSIGNED)]


async def test_no_courier_gets_two_orders(repository: RedisDeliveryRepository) -> None:
    await work(repository, *(f"c{n}" for n in range(10)))
    await asyncio.gather(*(paid(repository, f"o{n}") for n in range(20)))
    deliveries = [await got(repository, f"o{n}") for n in range(20)]
    given = [each.courier_id for each in deliveries if each.state is State.ASSIGNED]
    assert len(given) == len(set(given)) == 10
    assert await repository.counts() == (10, 0, 10)


async def test_who_waits_longest_is_next_also_before_a_new_order(
    repository: RedisDeliveryRepository, store: Store
) -> None:
    await paid(repository, "z-first")
    await asyncio.sleep(0.002)
    await paid(repository, "a-second")
    await work(repository, "a")
    await asyncio.sleep(0.002)
    await paid(repository, "0-third")
    assert (await got(repository, "0-third")).state is State.WAITING
    held = await holder(store)
    assert await repository.next(held, SEARCH, NOW) == "z-first"
    assert await repository.next(held, SEARCH, NOW) is None
    await work(repository, "a", "b")
    assert await repository.next(held, SEARCH, NOW) == "a-second"


async def test_a_dispatcher_that_was_paused_gives_nobody_anything(
    repository: RedisDeliveryRepository, store: Store
) -> None:
    """CA-2: its lock ran out, another one has worked, and its write comes late."""
    await paid(repository, "o1")
    locks = Locks(store)
    paused = await holder(store)
    await locks.release(paused)
    now = await holder(store)
    assert await repository.next(now, SEARCH, NOW) is None
    await work(repository, "a")
    with pytest.raises(LockLostError):
        await repository.next(paused, SEARCH, NOW)
    assert await free(repository) == ["a"]
    assert await repository.next(now, SEARCH, NOW) == "o1"


async def test_a_cancelled_order_sets_its_courier_free_or_waits_no_longer(
    repository: RedisDeliveryRepository, store: Store
) -> None:
    await work(repository, "a")
    await paid(repository, "o1")
    await paid(repository, "o2")
    assert await repository.cancelled("o2") is State.WAITING
    assert await repository.cancelled("o1") is State.ASSIGNED
    assert await repository.cancelled("o1") is State.CANCELLED
    assert await repository.cancelled("never paid") is None
    assert await free(repository) == ["a"]
    assert await repository.next(await holder(store), SEARCH, NOW) is None
    assert await untold(repository) == []
    assert not await paid(repository, "o1")  # told of again, from before
    assert (await got(repository, "o1")).state is State.CANCELLED
    assert 0 < await store.ask("ttl", lambda client: client.ttl(order_key("o1"))) <= KEEP_SECONDS


async def test_a_courier_who_has_finished_is_free_where_they_are_then(repository: RedisDeliveryRepository) -> None:
    deliveries = Deliveries(repository)
    await work(repository, "a")
    await paid(repository, "o1")
    await deliveries.report("a", Place(52.55, 13.45), available=True)
    assert await free(repository) == []
    with pytest.raises(NotTheirDeliveryError):
        await deliveries.complete("o1", "b", {})
    assert (await deliveries.complete("o1", "a", {})).state is State.COMPLETED
    assert await untold(repository) == [("o1", News.ASSIGNED), ("o1", News.COMPLETED)]
    (near,) = await deliveries.near(SEARCH.pickup)
    assert (near.courier_id, near.place, round(near.km, 1)) == ("a", Place(52.55, 13.45), 4.3)
    assert not await paid(repository, "o1")
    await paid(repository, "o2")
    await deliveries.complete("o1", "a", {})  # said again, with the next order under way
    courier = await deliveries.courier("a")
    assert courier.order_id == "o2"
    assert len(await untold(repository)) == 3


async def test_who_stops_working_finishes_and_gets_no_more(repository: RedisDeliveryRepository) -> None:
    deliveries = Deliveries(repository)
    await work(repository, "a")
    await paid(repository, "o1")
    await deliveries.report("a", SEARCH.pickup, available=False)
    await deliveries.complete("o1", "a", {})
    assert await free(repository) == []
    await deliveries.report("a", SEARCH.pickup, available=True)
    assert await free(repository) == ["a"]


async def test_who_has_fallen_silent_gets_no_order_until_they_are_heard_of(
    repository: RedisDeliveryRepository, store: Store
) -> None:
    await work(repository, "silent", "b")
    await falls_silent(store, "silent")
    await paid(repository, "o1")
    assert (await got(repository, "o1")).courier_id == "b"
    assert await free(repository) == []
    await paid(repository, "o2")
    held = await holder(store)
    assert await repository.next(held, SEARCH, NOW) is None
    await work(repository, "silent")
    assert await repository.next(held, SEARCH, NOW) == "o2"


async def test_who_falls_silent_on_their_way_is_free_when_they_are_heard_of(
    repository: RedisDeliveryRepository, store: Store
) -> None:
    await work(repository, "a")
    await paid(repository, "o1")
    await falls_silent(store, "a")
    await paid(repository, "o2")
    await repository.complete("o1", "a", {}, NOW)
    held = await holder(store)
    assert await repository.next(held, SEARCH, NOW) is None
    await work(repository, "a")
    assert await repository.next(held, SEARCH, NOW) == "o2"


async def test_only_what_is_on_its_way_can_be_completed(repository: RedisDeliveryRepository) -> None:
    deliveries = Deliveries(repository)
    await paid(repository, "waits")
    with pytest.raises(NotTheirDeliveryError):
        await deliveries.complete("waits", "a", {})
    await work(repository, "a")
    await paid(repository, "o1")
    await repository.cancelled("waits")
    with pytest.raises(DeliveryNotFoundError):
        await deliveries.complete("unknown", "a", {})


async def test_an_order_that_is_delivered_by_the_word_of_others_sets_its_courier_free(
    repository: RedisDeliveryRepository,
) -> None:
    """As when all of the past is read again: the courier is bound for a moment, and nobody is told."""
    await work(repository, "a")
    await paid(repository, "o1")
    assert await repository.delivered("o1") is State.ASSIGNED
    assert await repository.delivered("o1") is State.COMPLETED
    assert await free(repository) == ["a"]
    assert await untold(repository) == []


async def test_the_first_time_of_arrival_holds(repository: RedisDeliveryRepository) -> None:
    await work(repository, "a")
    await paid(repository, "o1")
    assert await repository.settle("o1", Eta(8, estimated=False)) == Eta(8, estimated=False)
    assert await repository.settle("o1", Eta(9, estimated=True)) == Eta(8, estimated=False)
    assert (await got(repository, "o1")).eta == Eta(8, estimated=False)


async def test_what_is_to_be_told_has_the_trace_of_what_did_it(repository: RedisDeliveryRepository) -> None:
    await work(repository, "a")
    await paid(repository, "o1")
    await repository.complete("o1", "a", {"traceparent": "of the courier"}, NOW)
    for news, trace in ((News.ASSIGNED, "of the payment"), (News.COMPLETED, "of the courier")):
        event = await repository.event("o1", news)
        assert event is not None
        assert (event.headers, event.happened_at) == ({"traceparent": trace}, NOW)
        await repository.told("o1", news)
        assert await repository.event("o1", news) is None


async def test_an_error_of_a_script_is_no_outage(store: Store, repository: RedisDeliveryRepository) -> None:
    await store.ask("spoil", lambda client: client.set(order_key("o1"), "no hash"))
    with pytest.raises(ResponseError):
        await repository.find("o1")
