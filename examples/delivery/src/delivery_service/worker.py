"""The process `worker`: hears of orders from Kafka, and gives them couriers (SD-2, SD-6, SD-7).

All workers share the topic's partitions. What a message asks for is done, and told of, before its offset is committed:
if a worker dies in between, another one hears the message again, and finds what is done already.
"""

import asyncio
from contextlib import AsyncExitStack

import structlog

from chassis import tracing
from chassis.errors import CommandError, RejectedError, ServiceError
from chassis.kafka.consumer import consuming
from chassis.kafka.handling import Received
from chassis.kafka.producer import producing
from chassis.readiness import Check
from chassis.redis.client import opened
from chassis.redis.locks import Locks
from chassis.running import running
from delivery_service import SERVICE
from delivery_service.dispatch import LOCK_SECONDS, Dispatcher
from delivery_service.domain import Search
from delivery_service.errors import InvalidDeliveryError
from delivery_service.service import Deliveries
from delivery_service.settings import WorkerSettings
from delivery_service.storage.repository import RedisDeliveryRepository
from delivery_service.storage.scripts import LOCK
from delivery_service.telling import Teller
from delivery_service.transport import maps
from delivery_service.transport.events import Heard, KafkaPublisher, read

log = structlog.get_logger(__name__)

NAME = "delivery-worker"


async def run(settings: WorkerSettings) -> None:
    """Work until SIGTERM or SIGINT.

    Raises:
        CommandError: Redis or Kafka does not answer at the start, or a port is taken.
    """
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(opened(settings, NAME))
        producer = await stack.enter_async_context(producing(settings.kafka_brokers, NAME))
        # Not the maps: without them, the rest goes on.
        needs: dict[str, Check] = {"redis": store.ping, "kafka": producer.ping}
        process = await stack.enter_async_context(running(settings, SERVICE, needs))
        ways = None
        if settings.maps_url is not None:
            ways = await stack.enter_async_context(maps.opened(settings.maps_url, settings.maps_api_key, store))
        repository = RedisDeliveryRepository(store)
        publisher = KafkaPublisher(producer, settings.deliveries_topic)
        teller = Teller(repository, publisher, ways, settings.pickup_place, settings.ride_minutes)
        dispatcher = Dispatcher(repository, teller, Locks(store, LOCK_SECONDS), settings.search, lock=LOCK)
        worker = Worker(Deliveries(repository), teller, settings.search)
        consumer = await stack.enter_async_context(
            consuming(settings.kafka_brokers, NAME, settings.kafka_group, settings.slow_seconds)
        )
        log.info("working", topic=settings.orders_topic, metrics_port=process.metrics_port)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(consumer.run([settings.orders_topic], worker.handle, process.shutdown))
                tasks.create_task(dispatcher.run(process.shutdown))
        except* ServiceError as refused:  # such as a topic that this service may not read
            raise CommandError(str(refused.exceptions[0])) from refused


class Worker:
    """Does what messages ask for."""

    def __init__(self, deliveries: Deliveries, teller: Teller, search: Search) -> None:
        self._deliveries = deliveries
        self._teller = teller
        self._search = search

    async def handle(self, message: Received) -> None:
        """Do what one message asks for; again, if it comes again.

        Raises:
            RejectedError: it is none that can be understood, now or later.
            UnavailableError: Redis or Kafka does not answer.
        """
        try:
            event = read(message.value)
        except InvalidDeliveryError as error:
            raise RejectedError(str(error)) from error
        if event is None:
            return
        if event.name is Heard.PAID:
            await self._deliveries.paid(event.order_id, event.user_id, tracing.outgoing(), self._search)
            await self._teller.tell(event.order_id)
        elif event.name is Heard.CANCELLED:
            await self._deliveries.cancelled(event.order_id)
        else:
            await self._deliveries.delivered(event.order_id)
