"""What a payment is, and the rules that it obeys. Knows neither HTTP nor SQL nor Stripe.

A payment is a saga (X-7): steps at two other services, each of which may be done though nobody heard so. Its status is
written before a step and after it; the status says what is to be done next, and every step may be done again:

    authorising ── the card says yes ──> authorised ── the order is paid ──> order_paid ── taken ──> succeeded
         │                                    │                                  │
      it says no                       the order refuses                 nothing to take any more
         v                                    v                                  v
      declined                           cancelling ───────> cancelled <────── voided
                                                                         the order is told

    succeeded ──> refunding ── the order is cancelled ──> order_cancelled ── given back ──> refunded

The order decides before money moves: it is asked before the capture, and before the refund.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

ABANDONED_AFTER: Final = timedelta(hours=23)
"""An authorisation is not asked for again after this time: Stripe knows an idempotency key for 24 hours. One that
it may have made lapses after a week, and nothing is taken."""


class PaymentStatus(StrEnum):
    """Where a payment is in its life."""

    AUTHORISING = "authorising"
    AUTHORISED = "authorised"
    ORDER_PAID = "order_paid"
    SUCCEEDED = "succeeded"
    DECLINED = "declined"
    CANCELLING = "cancelling"
    VOIDED = "voided"
    CANCELLED = "cancelled"
    REFUNDING = "refunding"
    ORDER_CANCELLED = "order_cancelled"
    REFUNDED = "refunded"


AT_REST: Final = frozenset(
    {PaymentStatus.SUCCEEDED, PaymentStatus.DECLINED, PaymentStatus.CANCELLED, PaymentStatus.REFUNDED}
)
"""Nothing is left to be done."""
NOTHING_TAKEN: Final = frozenset({PaymentStatus.DECLINED, PaymentStatus.CANCELLED})
"""The order may be paid by another payment."""


class OrderStatus(StrEnum):
    """Where an order is in its life, as its service says."""

    PENDING = "pending"
    PAID = "paid"
    IN_DELIVERY = "in_delivery"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"


PAID_FOR: Final = frozenset({OrderStatus.PAID, OrderStatus.IN_DELIVERY, OrderStatus.DELIVERED})
"""Nobody but this service says that an order is paid: it has gone on since then."""


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in the smallest unit of a currency, such as cents of EUR."""

    currency: str
    amount: int


@dataclass(frozen=True, slots=True)
class Order:
    """What is paid for.

    Attributes:
        id: as its service writes it; a caller may write the same id in another way.
        user_id: whose it is.
        status: where it is in its life.
        total: what it costs; None if it was made without prices.
    """

    id: str
    user_id: str
    status: OrderStatus
    total: Money | None


@dataclass(frozen=True, slots=True)
class Failure:
    """Why nothing was taken.

    Attributes:
        code: for programs, such as `insufficient_funds`.
        message: for people.
    """

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Payment:
    """A payment as it is stored.

    Attributes:
        id: made before the first try, so that each step is known to Stripe by it.
        request_key: the idempotency key of the request that made it.
        intent_id: Stripe's name of it, once it is known.
        attempts: how often going on with it has failed since the last step.
        headers: the trace of the request that made it.
    """

    id: UUID
    order_id: str
    user_id: str
    total: Money
    payment_method: str
    request_key: str
    status: PaymentStatus
    created_at: datetime
    changed_at: datetime
    intent_id: str | None = None
    failure: Failure | None = None
    attempts: int = 0
    headers: Mapping[str, str] | None = None

    @property
    def at_rest(self) -> bool:
        """Whether nothing is left to be done."""
        return self.status in AT_REST


@dataclass(frozen=True, slots=True)
class Step:
    """What came of a step.

    Attributes:
        status: what the payment is now.
        intent_id: Stripe's name of it, if the step has told.
        failure: why nothing is taken, if so.
    """

    status: PaymentStatus
    intent_id: str | None = None
    failure: Failure | None = None


NOT_TAKEN_BY_ORDER: Final = Failure("order_refused", "the order cannot be paid any more; nothing was taken")
ABANDONED: Final = Failure("abandoned", "the payment could not be made in time; nothing was taken")
LAPSED: Final = Failure("authorisation_lapsed", "the authorisation is no longer valid; nothing was taken")
INVALID_METHOD: Final = "invalid_payment_method"
"""The code of a failure that is the request's and not the card's."""
