"""What a notification is, and which events make one. Knows neither Kafka nor SMTP."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import NAMESPACE_URL, uuid5

MAX_USER_ID_LENGTH = 128
MAX_NOTIFICATION_ID_LENGTH = 256
MAX_MESSAGE_LENGTH = 10_000
MAX_SUBJECT_LENGTH = 100


@dataclass(frozen=True, slots=True)
class NotificationTask:
    """Something that a user is to be told (SN-3).

    Attributes:
        user_id: whom.
        message: what, as text; its first line is the subject.
        notification_id: the same, however often the task comes.
    """

    user_id: str
    message: str
    notification_id: str

    @property
    def subject(self) -> str:
        """What it is about, in one line."""
        line = " ".join(next((each for each in self.message.splitlines() if each.strip()), "").split())
        return line if len(line) <= MAX_SUBJECT_LENGTH else f"{line[: MAX_SUBJECT_LENGTH - 1]}…"

    def message_id(self, domain: str) -> str:
        """The mail's Message-ID: the same each time it is sent, so that mail systems know a repeated one."""
        return f"<{uuid5(NAMESPACE_URL, f'notification:{self.notification_id}')}@{domain}>"


@dataclass(frozen=True, slots=True)
class Recipient:
    """Where a user is reached.

    Attributes:
        email: the address.
        name: may be empty.
    """

    email: str
    name: str


class Claim(StrEnum):
    """What somebody finds who wants to send a notification."""

    MINE = "mine"
    BUSY = "busy"
    SENT = "sent"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to an order.

    Attributes:
        id: the same, however often it is told.
        name: such as `order_paid`.
        order_id: to which one.
        user_id: whose order it is.
        eta_minutes: when the courier will be there, where it says so.
    """

    id: str
    name: str
    order_id: str
    user_id: str
    eta_minutes: int | None = None


MESSAGES: Final = {
    "order_created": "Your order {order_id} has been placed.",
    "order_paid": "Your order {order_id} has been paid.",
    "delivery_assigned": "Your order {order_id} is on its way{eta}.",
    "order_delivered": "Your order {order_id} has been delivered.",
    "order_cancelled": "Your order {order_id} has been cancelled.",
}
"""What users are told; they are not told twice of one thing, as by `order_in_delivery` and `delivery_completed`."""


def task_of(event: Event) -> NotificationTask | None:
    """What the user is to be told of an event, if anything."""
    message = MESSAGES.get(event.name)
    if message is None:
        return None
    eta = "" if event.eta_minutes is None else f" and will be with you in about {event.eta_minutes} minutes"
    return NotificationTask(event.user_id, message.format(order_id=event.order_id, eta=eta), event.id)
