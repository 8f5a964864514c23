"""What one can do with payments: the business layer between the transport and the storage."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID, uuid4

import structlog

from chassis import tracing
from chassis.errors import UnavailableError, line
from chassis.sql.idempotency import KeyReusedError
from payment_service.domain import INVALID_METHOD, NOTHING_TAKEN, Order, OrderStatus, Payment, PaymentStatus
from payment_service.errors import (
    DeclinedError,
    InvalidPaymentError,
    NotRefundableError,
    OrderNotPayableError,
    PaymentNotFoundError,
)
from payment_service.saga import OrderBook, Saga

log = structlog.get_logger(__name__)

PAUSE_SECONDS = 1.0
"""How long a payment rests that could not be gone on with, before the worker tries; doubles with each time."""
LONGEST_PAUSE_SECONDS = 60.0
LEAVE_SECONDS = 1.0


class PaymentRepository(Protocol):
    """Where payments are kept. A claim is the right to go on with one, for a while."""

    async def add(self, payment: Payment, claim: UUID, lease_seconds: float) -> Payment:
        """Store a new payment, claimed; gives the one that is in its way instead, if there is one.

        That is another one of the same request, or one of the same order of which something is or will be taken.
        """

    async def find(self, payment_id: UUID) -> Payment | None:
        """Return the payment with this id."""

    async def of_request(self, order_id: str, request_key: str) -> Payment | None:
        """Return the payment that a request has made."""

    async def claim(self, payment_id: UUID, claim: UUID, lease_seconds: float) -> Payment | None:
        """Claim a payment that is not at rest and that nobody goes on with; None if there is none such."""

    async def begin_refund(self, payment_id: UUID, claim: UUID, lease_seconds: float) -> Payment | None:
        """Claim a payment that has succeeded, to refund it; None if it is no such one."""

    async def release(self, payment_id: UUID, claim: UUID, pause_seconds: float) -> None:
        """Leave a payment to whoever claims it after a pause, if this claim still holds."""


class Payments:
    """Makes, finds and refunds payments."""

    def __init__(
        self,
        repository: PaymentRepository,
        orders: OrderBook,
        saga: Saga,
        within_seconds: float,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Work with these.

        Args:
            repository: where payments are kept.
            orders: what is paid for.
            saga: goes on with a payment.
            within_seconds: so long a caller waits; what takes longer is gone on with by the worker.
            now: the clock.
        """
        self._repository = repository
        self._orders = orders
        self._saga = saga
        self._within = within_seconds
        self._now = now

    async def pay(self, order_id: str, payment_method: str, request_key: str) -> Payment:
        """Pay an order; the same request gives the same payment.

        Returns:
            The payment, at rest or still on its way.

        Raises:
            InvalidPaymentError: there is no such order, it has no price, or there is no such payment method.
            OrderNotPayableError: it is paid or cancelled, or another payment is on its way.
            DeclinedError: the card says no.
            UnavailableError: something that is needed does not answer; nothing was begun.
        """
        ends_at = self._ends_at()
        payment, claim = await self._begin(order_id, payment_method, request_key)
        structlog.contextvars.bind_contextvars(user_id=payment.user_id)
        return _outcome(await self._go_on(payment, claim, ends_at))

    async def get(self, payment_id: str) -> Payment:
        """Return a payment.

        Raises:
            PaymentNotFoundError: none has this id; ids are opaque, so a malformed one is an unknown one.
            StorageUnavailableError: the database does not answer.
        """
        try:
            found = await self._repository.find(UUID(payment_id))
        except ValueError:
            found = None
        if found is None:
            raise PaymentNotFoundError("payment not found")
        structlog.contextvars.bind_contextvars(user_id=found.user_id)
        return found

    async def refund(self, payment_id: str) -> Payment:
        """Cancel the order of a payment and give all of it back; what is refunded already stays so.

        Raises:
            PaymentNotFoundError: no payment has this id.
            NotRefundableError: nothing was taken, or the order may not be cancelled any more.
            UnavailableError: something that is needed does not answer; nothing was begun.
        """
        ends_at = self._ends_at()
        payment, claim = await self.get(payment_id), uuid4()
        if payment.status is PaymentStatus.SUCCEEDED:
            begun = await self._repository.begin_refund(payment.id, claim, self._lease)
            payment = begun or await self.get(payment_id)
            if begun:
                log.info("refund begun", payment_id=payment_id, order_id=payment.order_id)
                payment = await self._go_on(payment, claim, ends_at)
                if payment.status is PaymentStatus.SUCCEEDED:
                    raise NotRefundableError("the order cannot be cancelled any more")
        if payment.status in (PaymentStatus.REFUNDING, PaymentStatus.ORDER_CANCELLED, PaymentStatus.REFUNDED):
            return payment
        raise NotRefundableError(f"nothing was taken that could be given back: the payment is {payment.status}")

    def _ends_at(self) -> float:
        """When the caller of this moment has waited long enough, by the loop's clock."""
        return asyncio.get_running_loop().time() + self._within

    @property
    def _lease(self) -> float:
        return self._within * 2

    async def _begin(self, order_id: str, payment_method: str, request_key: str) -> tuple[Payment, UUID | None]:
        """Make the payment, or find the one that the same request has made; with a claim if it may be gone on with."""
        claim = uuid4()
        payment = await self._repository.of_request(order_id, request_key)
        if payment is None:
            order = await self._orders.find(order_id)
            if order is None:
                raise InvalidPaymentError("order_id", "there is no such order")
            if order.id != order_id:  # the caller writes it in another way
                payment = await self._repository.of_request(order.id, request_key)
            if payment is None:
                new = self._new(order, payment_method, request_key)
                payment = await self._repository.add(new, claim, self._lease)
                if payment.id == new.id:
                    log.info("payment begun", payment_id=str(new.id), order_id=new.order_id, user_id=new.user_id)
                    return payment, claim
            if payment.request_key != request_key:
                raise OrderNotPayableError("another payment of the order is on its way or has succeeded")
        if payment.payment_method != payment_method:
            raise KeyReusedError
        claimed = await self._repository.claim(payment.id, claim, self._lease)
        return (claimed, claim) if claimed else (payment, None)

    def _new(self, order: Order, payment_method: str, request_key: str) -> Payment:
        if order.status is not OrderStatus.PENDING:
            raise OrderNotPayableError(f"the order is {order.status.replace('_', ' ')}")
        if order.total is None or order.total.amount <= 0:
            raise InvalidPaymentError("order_id", "the order has no price")
        now = self._now()
        return Payment(
            id=uuid4(),
            order_id=order.id,
            user_id=order.user_id,
            total=order.total,
            payment_method=payment_method,
            request_key=request_key,
            status=PaymentStatus.AUTHORISING,
            created_at=now,
            changed_at=now,
            headers=tracing.outgoing(),
        )

    async def _go_on(self, payment: Payment, claim: UUID | None, ends_at: float) -> Payment:
        """Go on as long as the caller waits; gives the payment as it is then."""
        if claim is None:
            return payment
        try:
            async with asyncio.timeout_at(ends_at):
                return await self._saga.run(payment, claim)
        except (TimeoutError, UnavailableError) as error:
            log.warning("payment left to the worker", payment_id=str(payment.id), error=str(error) or "it takes long")
            await self._leave(payment, claim)
        except (Exception, asyncio.CancelledError):  # also when the caller waits no longer, or the process ends
            await self._leave(payment, claim)
            raise
        return await self._repository.find(payment.id) or payment

    async def _leave(self, payment: Payment, claim: UUID) -> None:
        """Leave it to the worker; if that cannot be written down soon, when the claim runs out."""
        try:
            async with asyncio.timeout(LEAVE_SECONDS):
                await self._repository.release(payment.id, claim, PAUSE_SECONDS)
        except (TimeoutError, UnavailableError) as error:
            log.warning("claim not released, it runs out", payment_id=str(payment.id), error=line(error))


def _outcome(payment: Payment) -> Payment:
    """The payment if it was made or may still be.

    Raises:
        InvalidPaymentError: there is no such payment method.
        DeclinedError: the card says no.
        OrderNotPayableError: nothing was taken for another reason.
    """
    if payment.status not in NOTHING_TAKEN or payment.failure is None:
        return payment
    if payment.failure.code == INVALID_METHOD:
        raise InvalidPaymentError("payment_method", payment.failure.message)
    if payment.status is PaymentStatus.DECLINED:
        raise DeclinedError(f"the card was declined ({payment.failure.code}): {payment.failure.message}")
    raise OrderNotPayableError(payment.failure.message)
