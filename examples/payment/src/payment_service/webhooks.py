"""What Stripe tells by itself: it may be the only word of a step whose answer was lost."""

from dataclasses import dataclass
from typing import Final, Protocol

import structlog

from payment_service.domain import PaymentStatus

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that has happened to a payment intent.

    Attributes:
        id: Stripe's; the same when it is told again.
        kind: what, such as `payment_intent.succeeded`.
        intent_id: of which intent.
    """

    id: str
    kind: str
    intent_id: str


MEANS: Final[dict[str, tuple[PaymentStatus, PaymentStatus]]] = {
    "payment_intent.succeeded": (PaymentStatus.ORDER_PAID, PaymentStatus.SUCCEEDED),
    "payment_intent.canceled": (PaymentStatus.CANCELLING, PaymentStatus.CANCELLED),
    "charge.refunded": (PaymentStatus.ORDER_CANCELLED, PaymentStatus.REFUNDED),
}
"""The step that an event says is done: from which status, to which one. In any other status, the event only makes the
worker look again: what is to be done next is the saga's to say."""


class EventRepository(Protocol):
    """Where events are remembered."""

    async def take(self, event: Event, before: PaymentStatus, after: PaymentStatus) -> tuple[bool, bool]:
        """Remember an event and write down the step that it says is done, both or neither.

        Returns:
            Whether the event is new, and whether the step was written down.
        """


class Webhooks:
    """Takes events."""

    def __init__(self, repository: EventRepository) -> None:
        self._repository = repository

    async def take(self, event: Event) -> bool:
        """Take an event once; tells whether it has changed a payment.

        Raises:
            StorageUnavailableError: the database does not answer; Stripe tells it again.
        """
        if event.kind not in MEANS:
            return False
        new, changed = await self._repository.take(event, *MEANS[event.kind])
        log.info("event of stripe", kind=event.kind, event_id=event.id, new=new, changed=changed)
        return changed
