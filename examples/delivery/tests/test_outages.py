"""F9-8: what a worker does while what it needs is away, and that all is done when it is back."""

import os
import signal
from time import monotonic

from maps_server import KEY
from processes import Shop
from test_storage import work
from test_worker import complete

from chassis_testing.kafka import Kafka
from chassis_testing.program import eventually
from chassis_testing.redis import Redis
from delivery_service.storage.repository import RedisDeliveryRepository


async def test_without_redis_orders_wait_with_kafka(
    shop: Shop, repository: RedisDeliveryRepository, redis_server: Redis
) -> None:
    await work(repository, "anna", "bela")
    async with shop.worker() as worker, shop.listening():
        await shop.tell("o1")
        await shop.all_told("o1")
        with redis_server.outage():
            await shop.tell("o2")
            await worker.said("trying again", key="o2")
            await worker.said("not ready", needs="redis")
            await worker.said("cannot dispatch")
        await shop.all_told("o2")
        await worker.said("ready again", needs="redis")
        await complete(repository, "o2")
        await shop.all_told("o2", news="delivery_completed")
        # If Redis went before it was noted that it is told, it is told again: in the same words, under one id.
        assert shop.told("o1") == ["o1:delivery_assigned"]


async def test_a_kafka_that_hangs_is_seen_and_one_that_is_away_is_waited_for(
    shop: Shop, repository: RedisDeliveryRepository, kafka: Kafka
) -> None:
    """SD-9, LG-6: with LOG_LEVEL=debug the last words before the pause say which call hangs."""
    await work(repository, "anna", "bela")
    async with shop.worker(LOG_LEVEL="debug", SHUTDOWN_DRAIN_SECONDS="4") as worker, shop.listening():
        await shop.tell("o1", "o2")
        await shop.all_told("o1", "o2")
        os.kill(kafka.pid, signal.SIGSTOP)
        try:
            await complete(repository, "o1")
            hanging = {"event_name": "delivery_completed", "order_id": "o1"}
            await worker.said("publishing event", **hanging)
            await worker.said("kafka does not take the event in time", **hanging)
            await worker.said("not ready", needs="kafka")
            assert not [
                line for line in worker.lines if {"message": "event published", **hanging}.items() <= line.items()
            ]
        finally:
            os.kill(kafka.pid, signal.SIGCONT)
        await shop.all_told("o1", news="delivery_completed")
        assert KEY not in str(worker.lines)
        before = worker.count("cannot dispatch")
        with kafka.outage():
            await complete(repository, "o2")
            await eventually(lambda: worker.count("cannot dispatch") > before, "does not notice")
            begun = monotonic()
            worker.terminate()
            assert await worker.ended() == 0
            assert monotonic() - begun < 20
    async with shop.worker(), shop.listening():
        await shop.all_told("o2", news="delivery_completed")  # which its predecessor could not tell
