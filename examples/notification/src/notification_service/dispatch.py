"""The process `dispatch`: makes tasks of what Kafka tells of orders, until it is told to stop (X-3).

What has happened is Kafka's; what is to be done about it is RabbitMQ's (MQ-4). An event counts as read when RabbitMQ
has confirmed its task, so none is lost; it may be read again, and then its task has the same notification id.
"""

from contextlib import AsyncExitStack
from functools import partial

import structlog
from prometheus_client import Counter

from chassis.kafka.consumer import consuming
from chassis.kafka.handling import Received
from chassis.rabbit.publisher import Publisher, publishing
from chassis.readiness import Check
from chassis.running import running
from notification_service import SERVICE
from notification_service.domain import task_of
from notification_service.settings import DispatchSettings
from notification_service.transport.messages import QUEUE, read_event, write_task

log = structlog.get_logger(__name__)

TOPICS = ("orders", "deliveries")
GROUP = "notification"
NAME = "notification-dispatch"

_dispatched = Counter("notification_events_dispatched", "Events that have become tasks", ["event"])


async def run(settings: DispatchSettings) -> None:
    """Read until SIGTERM or SIGINT.

    Raises:
        CommandError: Kafka or RabbitMQ does not answer at the start, or a port is taken.
    """
    async with AsyncExitStack() as stack:
        publisher = await stack.enter_async_context(publishing(settings, NAME, QUEUE))
        consumer = await stack.enter_async_context(
            consuming(settings.kafka_brokers, NAME, GROUP, settings.slow_seconds)
        )
        needs: dict[str, Check] = {"kafka": consumer.ping, "rabbitmq": publisher.ping}
        process = await stack.enter_async_context(running(settings, SERVICE, needs))
        log.info("dispatching", topics=TOPICS, metrics_port=process.metrics_port)
        await consumer.run(TOPICS, partial(handle, publisher), process.shutdown)


async def handle(publisher: Publisher, message: Received) -> None:
    """Make a task of an event, if users are told of such.

    Raises:
        RejectedError: it is no event.
        UnavailableError: RabbitMQ does not confirm the task.
    """
    event = read_event(message.value, message.headers)
    with structlog.contextvars.bound_contextvars(user_id=event.user_id):
        task = task_of(event)
        if task is None:
            log.debug("event skipped", event_name=event.name, order_id=event.order_id)
            return
        await publisher.send(QUEUE, write_task(task))
        _dispatched.labels(event.name).inc()
        log.info("event dispatched", event_name=event.name, notification_id=task.notification_id)
