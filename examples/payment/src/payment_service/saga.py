"""What is to be done next with a payment, by its status, until nothing is left (SP-9, X-7).

Each step asks another service and says what came of it. It is written down before the next one begins. A process that
dies in between leaves a payment whose step is done again: so every step may be done twice, and none by two processes
whose outcomes differ, since only one of them can write its own.
"""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID

import structlog
from prometheus_client import Counter

from payment_service.domain import (
    ABANDONED,
    ABANDONED_AFTER,
    LAPSED,
    NOT_TAKEN_BY_ORDER,
    Failure,
    Order,
    Payment,
    PaymentStatus,
    Step,
)
from payment_service.errors import CardDeclinedError

log = structlog.get_logger(__name__)

_payments = Counter("payments", "Payments that came to rest, or left it to be refunded", ["status"])


class OrderBook(Protocol):
    """The order service. Each of these may be asked again."""

    async def find(self, order_id: str) -> Order | None:
        """Return an order, if there is one with this id."""

    async def pay(self, order_id: str) -> bool:
        """Say that an order is paid; tells whether it is now."""

    async def cancel(self, order_id: str) -> bool:
        """Say that an order is cancelled; tells whether it is now."""


class Processor(Protocol):
    """Stripe. Each of these may be asked again, and then changes nothing more."""

    async def authorise(self, payment: Payment) -> str:
        """Have the amount set aside; gives the intent's name.

        Raises:
            CardDeclinedError: the card says no; nothing is set aside.
        """

    async def capture(self, payment: Payment) -> bool:
        """Take what is set aside; tells whether it is taken now, or cannot be any more."""

    async def cancel(self, payment: Payment) -> None:
        """Set nothing aside any more, and give back what was taken all the same."""

    async def refund(self, payment: Payment) -> None:
        """Give back what was taken."""


class Progress(Protocol):
    """Where it is written down."""

    async def advance(self, payment: Payment, step: Step, claim: UUID) -> Payment:
        """Write down what came of a step; gives the payment as it is now.

        Raises:
            ClaimLostError: another process goes on with it.
        """


def _now() -> datetime:
    return datetime.now(UTC)


class Saga:
    """Goes on with payments."""

    def __init__(
        self, progress: Progress, orders: OrderBook, processor: Processor, now: Callable[[], datetime] = _now
    ) -> None:
        self._progress = progress
        self._orders = orders
        self._processor = processor
        self._now = now
        self._steps: dict[PaymentStatus, Callable[[Payment], Awaitable[Step]]] = {
            PaymentStatus.AUTHORISING: self._authorise,
            PaymentStatus.AUTHORISED: self._pay_order,
            PaymentStatus.ORDER_PAID: self._capture,
            PaymentStatus.CANCELLING: self._cancel,
            PaymentStatus.VOIDED: self._tell_order,
            PaymentStatus.REFUNDING: self._cancel_order,
            PaymentStatus.ORDER_CANCELLED: self._refund,
        }

    async def run(self, payment: Payment, claim: UUID) -> Payment:
        """Go on until the payment is at rest.

        Args:
            payment: as it is stored.
            claim: by which this process has it.

        Raises:
            ClaimLostError: another process goes on with it.
            UnavailableError: something that is needed does not answer; it may be gone on with later.
        """
        while not payment.at_rest:
            step = await self._steps[payment.status](payment)
            payment = await self._progress.advance(payment, step, claim)
            log.info("payment changed", payment_id=str(payment.id), order_id=payment.order_id, status=payment.status)
        _payments.labels(payment.status).inc()
        return payment

    async def _authorise(self, payment: Payment) -> Step:
        if self._now() - payment.created_at > ABANDONED_AFTER:
            return Step(PaymentStatus.CANCELLED, failure=ABANDONED)
        try:
            intent_id = await self._processor.authorise(payment)
        except CardDeclinedError as error:
            return Step(PaymentStatus.DECLINED, failure=Failure(error.code, error.message))
        return Step(PaymentStatus.AUTHORISED, intent_id)

    async def _pay_order(self, payment: Payment) -> Step:
        if await self._orders.pay(payment.order_id):
            return Step(PaymentStatus.ORDER_PAID)
        return Step(PaymentStatus.CANCELLING, failure=NOT_TAKEN_BY_ORDER)

    async def _capture(self, payment: Payment) -> Step:
        if await self._processor.capture(payment):
            return Step(PaymentStatus.SUCCEEDED)
        return Step(PaymentStatus.VOIDED, failure=LAPSED)

    async def _cancel(self, payment: Payment) -> Step:
        await self._processor.cancel(payment)
        return Step(PaymentStatus.CANCELLED)

    async def _tell_order(self, payment: Payment) -> Step:
        if not await self._orders.cancel(payment.order_id):
            log.error("an order goes on that is not paid", payment_id=str(payment.id), order_id=payment.order_id)
        return Step(PaymentStatus.CANCELLED)

    async def _cancel_order(self, payment: Payment) -> Step:
        done = await self._orders.cancel(payment.order_id)
        return Step(PaymentStatus.ORDER_CANCELLED if done else PaymentStatus.SUCCEEDED)

    async def _refund(self, payment: Payment) -> Step:
        await self._processor.refund(payment)
        return Step(PaymentStatus.REFUNDED)
