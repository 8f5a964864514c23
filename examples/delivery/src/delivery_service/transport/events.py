"""The words of Kafka: what is heard of orders (SD-2), and what is told of deliveries."""

import asyncio
import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import structlog
from opentelemetry.trace import SpanKind
from prometheus_client import Counter

from chassis import tracing
from chassis.errors import UnavailableError
from chassis.kafka.producer import Message, Producer
from delivery_service.domain import Eta, Event, check_id
from delivery_service.errors import InvalidDeliveryError

log = structlog.get_logger(__name__)

PUBLISH_SECONDS = 3.0
MAX_USER_ID_LENGTH = 128

_published = Counter("delivery_events_published", "Events that Kafka has taken", ["event"])


class Heard(StrEnum):
    """What matters here of what happens to orders."""

    PAID = "order_paid"
    CANCELLED = "order_cancelled"
    DELIVERED = "order_delivered"


@dataclass(frozen=True, slots=True)
class OrderEvent:
    """Something that happened to an order."""

    name: Heard
    order_id: str
    user_id: str


def read(value: bytes) -> OrderEvent | None:
    """Read a message of the topic of orders; None if it is of no matter here, such as an event of another release.

    Raises:
        InvalidDeliveryError: it is none that the order service writes.
    """
    try:
        found = json.loads(value)
    except ValueError as error:
        raise InvalidDeliveryError("value", "is no JSON") from error
    if not isinstance(found, dict):
        raise InvalidDeliveryError("value", "is no object")
    name, order_id = _text(found, "event"), check_id("id", _text(found, "id"))
    if name not in set(Heard):
        return None
    user_id = _text(found, "user_id")
    if len(user_id) > MAX_USER_ID_LENGTH:
        raise InvalidDeliveryError("user_id", f"must be at most {MAX_USER_ID_LENGTH} characters")
    return OrderEvent(Heard(name), order_id, user_id)


def write(event: Event, eta: Eta, headers: dict[str, str]) -> Message:
    """The event as others read it; its id is the order's and the event's name."""
    order_id, when = event.delivery.order_id, event.happened_at
    value: dict[str, Any] = {
        "event": event.news.value,
        "id": order_id,
        "user_id": event.delivery.user_id,
        "courier_id": event.delivery.courier_id,
        "eta_minutes": eta.minutes,
        "eta_estimated": eta.estimated,
        "happened_at": when.isoformat(),
    }
    return Message(order_id, json.dumps(value).encode(), {"event-id": f"{order_id}:{event.news}", **headers})


class KafkaPublisher:
    """Implements `delivery_service.telling.Publisher`."""

    def __init__(self, producer: Producer, topic: str) -> None:
        self._producer = producer
        self._topic = topic

    async def publish(self, event: Event, eta: Eta) -> None:
        """Write an event, and return when Kafka has it.

        Raises:
            UnavailableError: it does not take it in time.
        """
        with tracing.handling(f"{self._topic} publish", event.headers, SpanKind.PRODUCER):
            said = {"topic": self._topic, "event_name": event.news.value, "order_id": event.delivery.order_id}
            # If Kafka hangs, this line is the last one of its kind (SD-9).
            log.debug("publishing event", **said)
            message = write(event, eta, tracing.outgoing())
            try:
                async with asyncio.timeout(PUBLISH_SECONDS):
                    (place,) = await self._producer.send(self._topic, [message])
            except TimeoutError:
                log.warning("kafka does not take the event in time", seconds=PUBLISH_SECONDS, **said)
                raise UnavailableError("kafka: no acknowledgement in time") from None
            _published.labels(event.news.value).inc()
            log.info("event published", partition=place.partition, offset=place.offset, **said)


def _text(found: dict[str, Any], field: str) -> str:
    value = found.get(field)
    if not isinstance(value, str) or not value:
        raise InvalidDeliveryError(field, "must be a text")
    return value
