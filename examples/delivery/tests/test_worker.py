"""SD-2, SD-5, SD-6, SD-7, MQ-1..3, W-12: every paid order has one courier, whatever ends in between."""

from collections.abc import Sequence

from processes import TRACE, Delivery, Shop
from test_storage import NOW, work

from chassis_testing.program import eventually
from delivery_service.domain import State
from delivery_service.storage.repository import RedisDeliveryRepository


def names(prefix: str, number: int) -> list[str]:
    return [f"{prefix}{n}" for n in range(number)]


async def complete(repository: RedisDeliveryRepository, order_id: str) -> None:
    found = await repository.find(order_id)
    assert found is not None
    assert found.courier_id is not None
    assert await repository.complete(order_id, found.courier_id, {}, NOW) == (State.ASSIGNED, True)


async def each_has_one(repository: RedisDeliveryRepository, shop: Shop, orders: Sequence[str]) -> None:
    """Every order has a courier of its own, and all who listen have heard of that one, under one id."""
    deliveries = [await repository.find(each) for each in orders]
    given = {each.order_id: each.courier_id for each in deliveries if each and each.state is State.ASSIGNED}
    assert set(given) == set(orders)
    assert len(set(given.values())) == len(orders)
    for each in orders:
        assert shop.told(each) == [f"{each}:delivery_assigned"]
    for heard in shop.heard:
        assert heard.value["courier_id"] == given.get(heard.key, heard.value["courier_id"])


def works_on(worker: Delivery, orders: Sequence[str]) -> bool:
    """Whether a worker has begun with one of these orders."""
    return any(line["message"] == "courier assigned" and line["order_id"] in orders for line in worker.lines)


async def test_an_order_from_the_payment_to_the_door(shop: Shop, repository: RedisDeliveryRepository) -> None:
    """SD-1, LG-4, OB-3: one trace all the way, also through the maps; an event that is told again changes nothing."""
    await work(repository, "anna", "bela")
    await shop.tell("o1")  # before the worker is there: nothing is lost
    await shop.tell("o1", "o2", event="order_created")
    async with shop.worker() as worker, shop.listening():
        await shop.all_told("o1")
        await shop.tell("o1")
        await worker.said("order known", order_id="o1", state="assigned", trace_id=TRACE, request_id="req-1")
        (heard,) = shop.heard
        assert (heard.key, heard.value["courier_id"], heard.value["user_id"]) == ("o1", "anna", "u1")
        assert (heard.value["eta_minutes"], heard.value["eta_estimated"]) == (23, False)  # 8 to the pickup
        assert heard.headers["traceparent"].split("-")[1] == TRACE
        assert heard.headers["x-request-id"] == "req-1"
        assert [each.split("-")[1] for each in shop.maps.traces] == [TRACE]
        assert await repository.find("o2") is None

        await shop.tell("o2")
        await shop.all_told("o2")
        await shop.tell("o3")
        await worker.said("order waits for a courier", order_id="o3")
        await shop.tell("o2", event="order_cancelled")
        await shop.all_told("o3")  # with the courier of the one that was cancelled
        assert shop.heard[-1].value["courier_id"] == "bela"
        await complete(repository, "o1")
        await shop.all_told("o1", news="delivery_completed")
        worker.terminate()
        assert await worker.ended() == 0


async def test_more_orders_than_couriers_are_served_as_couriers_come_back(
    shop: Shop, repository: RedisDeliveryRepository
) -> None:
    orders, done = names("o", 9), set[str]()
    await work(repository, *names("c", 3))
    async with shop.worker() as worker, shop.listening():
        await shop.tell(*orders)
        await eventually(lambda: worker.count("order waits for a courier") == 6, "not all others wait")
        while len(done) < len(orders):
            await eventually(lambda: shop.assigned() - done, "nobody else gets a courier")
            assert len(shop.assigned() - done) <= 3
            for each in shop.assigned() - done:
                done.add(each)
                await complete(repository, each)
        await shop.all_told(*orders, news="delivery_completed")
    assert {tuple(shop.told(each)) for each in orders} == {
        (f"{each}:delivery_assigned", f"{each}:delivery_completed") for each in orders
    }


async def test_a_worker_that_is_killed_in_the_middle_leaves_each_order_one_courier(
    shop: Shop, repository: RedisDeliveryRepository
) -> None:
    """F9-8: two workers of a group; `kill -9` of the one that dispatches, while both wait for the maps."""
    orders = names("o", 40)
    await work(repository, *names("c", 40))
    shop.maps.pause = 0.5
    async with shop.worker() as killed, shop.listening():
        await killed.said("dispatching")
        await killed.said("partitions")
        async with shop.worker() as other:
            await other.said("partitions")
            await shop.tell(*orders)
            await eventually(lambda: shop.maps.asked, "nobody works")
            killed.kill()
            await killed.ended()
            await shop.tell(*orders[:10])  # and some are told again
            await shop.all_told(*orders)
            await each_has_one(repository, shop, orders)
            await other.said("dispatching")
            await complete(repository, "o0")
            await shop.all_told("o0", news="delivery_completed")


async def test_two_workers_share_the_partitions_and_one_that_ends_leaves_its_own_to_the_other(
    shop: Shop, repository: RedisDeliveryRepository
) -> None:
    """SD-5: SIGTERM while work hangs; what could not be finished is read again."""
    orders = names("o", 20)
    await work(repository, *names("c", 40))
    async with shop.worker() as other, shop.listening():
        await other.said("partitions")
        async with shop.worker(SHUTDOWN_DRAIN_SECONDS="1") as ending:  # less than it waits for the maps
            await ending.said("partitions")
            await shop.tell(*names("p", 20))
            await shop.all_told(*names("p", 20))
            assert all(each.count("event published") for each in (ending, other))
            shop.maps.pause = 2.5
            await shop.tell(*orders)
            await eventually(lambda: works_on(ending, orders), "it does not work")
            ending.terminate()
            assert await ending.ended() == 0
            await ending.said("given back")
        shop.maps.pause = 0
        await shop.all_told(*orders)
        await each_has_one(repository, shop, orders)


async def test_poison_is_put_aside_and_maps_that_are_away_cost_only_the_better_answer(
    shop: Shop, repository: RedisDeliveryRepository
) -> None:
    await work(repository, "anna", "bela")
    shop.maps.status = 503
    async with shop.worker() as worker, shop.listening():
        await shop.tell("o0", value=b"\xff poison")
        await shop.tell("o1")
        await shop.all_told("o1")
        assert shop.heard[0].value["eta_estimated"] is True
        await worker.said("no map, estimating", order_id="o1")
        await worker.said("message rejected", key="o0")
        async with shop.listening(shop.dead_letters) as dead:
            await eventually(lambda: dead, "no dead letter")
        shop.maps.status = 200
        await shop.tell("o2")
        await shop.all_told("o2")
        assert shop.heard[-1].value["eta_estimated"] is False
        assert worker.count("not ready") == 0
    assert dead[0].value == {"raw": b"\xff poison"}
    assert dead[0].headers["dead-letter-reason"] == "value: is no JSON"
    assert dead[0].headers["event-id"] == "o0:order_paid"
