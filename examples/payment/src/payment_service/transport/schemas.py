"""What is sent and answered, as JSON; OpenAPI has it from here."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field

from payment_service.domain import Payment, PaymentStatus


class PublicStatus(StrEnum):
    """Where a payment is, for who pays: the steps in between are nobody's business."""

    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    DECLINED = "declined"
    CANCELLED = "cancelled"
    REFUNDING = "refunding"
    REFUNDED = "refunded"


_PUBLIC = {
    PaymentStatus.AUTHORISING: PublicStatus.PROCESSING,
    PaymentStatus.AUTHORISED: PublicStatus.PROCESSING,
    PaymentStatus.ORDER_PAID: PublicStatus.PROCESSING,
    PaymentStatus.CANCELLING: PublicStatus.PROCESSING,
    PaymentStatus.VOIDED: PublicStatus.PROCESSING,
    PaymentStatus.SUCCEEDED: PublicStatus.SUCCEEDED,
    PaymentStatus.DECLINED: PublicStatus.DECLINED,
    PaymentStatus.CANCELLED: PublicStatus.CANCELLED,
    PaymentStatus.REFUNDING: PublicStatus.REFUNDING,
    PaymentStatus.ORDER_CANCELLED: PublicStatus.REFUNDING,
    PaymentStatus.REFUNDED: PublicStatus.REFUNDED,
}


class NewPayment(BaseModel):
    """What is to be paid, and with what."""

    model_config = ConfigDict(extra="forbid")

    order_id: Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[^\x00]*$")]
    payment_method: Annotated[
        str,
        Field(max_length=255, pattern=r"^pm_[A-Za-z0-9_]+$", examples=["pm_card_visa"], description="Stripe's name"),
    ]


class FailureView(BaseModel):
    """Why nothing was taken."""

    code: str
    message: str


class PaymentView(BaseModel):
    """A payment."""

    id: str
    order_id: str
    status: PublicStatus
    currency: Annotated[str, Field(description="ISO 4217, such as EUR")]
    amount: Annotated[int, Field(description="In the smallest unit of the currency, such as cents")]
    failure: FailureView | None
    created_at: datetime
    changed_at: datetime

    @classmethod
    def of(cls, payment: Payment) -> Self:
        """Show a payment."""
        why = payment.failure
        failure = FailureView(code=why.code, message=why.message) if why is not None else None
        return cls(
            id=str(payment.id),
            order_id=payment.order_id,
            status=_PUBLIC[payment.status],
            currency=payment.total.currency,
            amount=payment.total.amount,
            failure=failure,
            created_at=payment.created_at,
            changed_at=payment.changed_at,
        )


class RefundView(BaseModel):
    """All of a payment, given back or about to be."""

    payment_id: str
    status: PublicStatus
    currency: str
    amount: int

    @classmethod
    def of(cls, payment: Payment) -> Self:
        """Show the refund of a payment."""
        return cls(
            payment_id=str(payment.id),
            status=_PUBLIC[payment.status],
            currency=payment.total.currency,
            amount=payment.total.amount,
        )


class Received(BaseModel):
    """Stripe's event was taken."""

    received: bool = True
