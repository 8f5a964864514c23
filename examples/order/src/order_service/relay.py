"""The process `relay`: tells Kafka what happens to orders, all of it, each order's events in their order (SO-4).

An event is told again if the relay ends before it could note that it was told, so those who listen go by its id: an
order has each event once. Only one relay works at a time; others stand by.
"""

import json
from collections.abc import Sequence
from contextlib import AsyncExitStack
from functools import partial

import structlog
from opentelemetry.trace import SpanKind
from prometheus_client import Counter, Gauge

from chassis import tracing
from chassis.errors import UnavailableError
from chassis.kafka.producer import Message, Producer, TooLargeError, producing
from chassis.readiness import Check
from chassis.running import running
from chassis.shutdown import Shutdown
from chassis.sql.database import opened, ping
from order_service import SERVICE
from order_service.settings import KafkaSettings
from order_service.storage.outbox import Event, Outbox

log = structlog.get_logger(__name__)

TOPIC = "orders"
MOST_AT_ONCE = 500
IDLE_SECONDS = 0.2
PAUSE_SECONDS = 2.0

_published = Counter("order_events_published", "Events that Kafka has taken", ["event"])
_oldest = Gauge("order_outbox_oldest_seconds", "How long the oldest event waits to be told; 0 if none does")


async def run(settings: KafkaSettings) -> None:
    """Relay until SIGTERM or SIGINT.

    Raises:
        CommandError: the database or Kafka does not answer at the start, or a port is taken.
    """
    async with opened(settings, "order-relay") as engine:
        await work(settings, Outbox(engine), partial(ping, engine))


async def work(settings: KafkaSettings, outbox: Outbox, database: Check, most: int = MOST_AT_ONCE) -> None:
    """Relay what waits in an outbox until SIGTERM or SIGINT.

    Args:
        settings: of the process.
        outbox: what waits.
        database: tells whether it answers.
        most: so many events at most are told together.

    Raises:
        CommandError: the database or Kafka does not answer at the start, or a port is taken.
    """
    async with AsyncExitStack() as stack:
        producer = await stack.enter_async_context(producing(settings.kafka_brokers, "order-relay"))
        needs: dict[str, Check] = {"database": database, "kafka": producer.ping}
        process = await stack.enter_async_context(running(settings, SERVICE, needs))
        log.info("relaying", topic=TOPIC, metrics_port=process.metrics_port)
        await relay(outbox, producer, process.shutdown, most)


async def relay(outbox: Outbox, producer: Producer, shutdown: Shutdown, most: int) -> None:
    """Tell events as they come, until the process is to end; what has been begun is finished."""
    pause = 0.0
    while not await shutdown.during(pause):
        try:
            told = await outbox.tell(partial(_tell, producer), most)
        except (UnavailableError, TooLargeError) as error:  # a topic may be set to take more
            log.error("cannot relay", error=str(error))  # noqa: TRY400 - the trace says no more
            pause = PAUSE_SECONDS
        else:
            pause = 0 if told == most else IDLE_SECONDS
        if shutdown.begun:
            break
        try:
            _oldest.set(await outbox.oldest_seconds())
        except UnavailableError as error:
            log.debug("cannot measure", error=str(error))


async def _tell(producer: Producer, events: Sequence[Event]) -> None:
    messages = []
    for event in events:
        carrier: dict[str, str] = {}
        with tracing.handling(f"{TOPIC} publish", event.headers, SpanKind.PRODUCER):
            carrier |= tracing.outgoing()
        messages.append(_message(event, carrier))
    written = await producer.send(TOPIC, messages)
    for event, place in zip(events, written, strict=True):
        _published.labels(event.name).inc()
        with tracing.handling(f"{TOPIC} published", event.headers, SpanKind.INTERNAL):
            log.info(
                "event published",
                event_name=event.name,
                order_id=str(event.order_id),
                partition=place.partition,
                offset=place.offset,
            )


def _message(event: Event, headers: dict[str, str]) -> Message:
    """The event as others read it; its id is the order's and the event's name."""
    order_id = str(event.order_id)
    value = {
        "event": event.name,
        "id": order_id,
        "user_id": event.user_id,
        "happened_at": event.happened_at.isoformat(),
    }
    return Message(order_id, json.dumps(value).encode(), {"event-id": f"{order_id}:{event.name}", **headers})
