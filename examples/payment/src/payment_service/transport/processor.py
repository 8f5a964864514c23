"""Stripe: at most so many requests a second, each safe to repeat, none while it is down (SP-2, SP-3, SP-6, X-13)."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import TypeVar

import stripe
from opentelemetry.trace import SpanKind

from chassis import tracing
from chassis.breaker import Breaker
from chassis.limits import Limiter
from chassis.retries import Patience, again
from payment_service.domain import INVALID_METHOD, Payment
from payment_service.errors import CardDeclinedError, StripeUnavailableError
from payment_service.settings import SagaSettings

T = TypeVar("T")

TRIES = 3
TURN_SECONDS = 2.0
"""So long a request waits for its turn."""
_UNEXPECTED_STATE = "payment_intent_unexpected_state"
_ALREADY_REFUNDED = "charge_already_refunded"
_NEEDS_ACTION = "authentication_required"


class StripeProcessor:
    """Implements `payment_service.saga.Processor`; each method raises StripeUnavailableError if there is no answer.

    Stripe knows a request by its idempotency key, and keeps the answer to it, also that of some failures. The
    authorisation has one key for ever. What changes an intent that is there is safe by the intent's status already;
    its key holds for the tries of one attempt, so that a kept failure does not stand in the way of the next one.
    """

    def __init__(self, client: stripe.StripeClient, timeout_seconds: float, pause_seconds: float) -> None:
        self._intents = client.v1.payment_intents
        self._refunds = client.v1.refunds
        self._timeout = timeout_seconds
        self._patience = Patience(
            most=TRIES,
            timeout_seconds=timeout_seconds * 2,
            first_pause_seconds=pause_seconds,
            longest_pause_seconds=pause_seconds * 4,
        )
        self._limiter = Limiter("stripe")
        self._breaker = Breaker("stripe", _is_down)

    async def authorise(self, payment: Payment) -> str:
        """Have the amount set aside; gives the intent's name.

        Raises:
            CardDeclinedError: the card says no, or wants to ask its owner; nothing is set aside.
        """
        params: stripe.params.PaymentIntentCreateParams = {
            "amount": payment.total.amount,
            "currency": payment.total.currency.lower(),
            "capture_method": "manual",
            "confirm": True,
            "payment_method": payment.payment_method,
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            "metadata": {"payment_id": str(payment.id), "order_id": payment.order_id},
        }
        options: stripe.RequestOptions = {"idempotency_key": f"{payment.id}-authorise"}
        try:
            intent = await self._call("authorise", lambda: self._intents.create_async(params, options))
        except stripe.CardError as error:
            raise CardDeclinedError(_reason(error), error.user_message or "the card was declined") from error
        except stripe.InvalidRequestError as error:
            code = INVALID_METHOD if (error.param or "").startswith("payment_method") else error.code or "refused"
            raise CardDeclinedError(code, error.user_message or "the payment was refused") from error
        if intent.status == "requires_capture":
            return intent.id
        await self._cancel(payment, intent.id)
        raise CardDeclinedError(_NEEDS_ACTION, "the card's owner would have to be asked, which cannot be done here")

    async def capture(self, payment: Payment) -> bool:
        """Take what is set aside; tells whether it is taken now, or cannot be any more."""
        intent_id, options = _intent_id(payment), _attempt(payment, "capture")
        try:
            intent = await self._call("capture", lambda: self._intents.capture_async(intent_id, {}, options))
        except stripe.InvalidRequestError as error:
            if error.code != _UNEXPECTED_STATE:
                raise
            intent = await self._call("retrieve", lambda: self._intents.retrieve_async(intent_id))
        if intent.status not in ("succeeded", "canceled"):
            raise StripeUnavailableError(f"the intent is {intent.status} after its capture")
        return intent.status == "succeeded"

    async def cancel(self, payment: Payment) -> None:
        """Set nothing aside any more, and give back what was taken all the same."""
        await self._cancel(payment, _intent_id(payment))

    async def _cancel(self, payment: Payment, intent_id: str) -> None:
        options = _attempt(payment, "cancel")
        try:
            await self._call("cancel", lambda: self._intents.cancel_async(intent_id, {}, options))
        except stripe.InvalidRequestError as error:
            if error.code != _UNEXPECTED_STATE:
                raise
            intent = await self._call("retrieve", lambda: self._intents.retrieve_async(intent_id))
            if intent.status == "succeeded":  # somebody else has captured it
                await self.refund(payment)

    async def refund(self, payment: Payment) -> None:
        """Give back what was taken."""
        params: stripe.params.RefundCreateParams = {"payment_intent": _intent_id(payment)}
        options = _attempt(payment, "refund")
        try:
            await self._call("refund", lambda: self._refunds.create_async(params, options))
        except stripe.InvalidRequestError as error:
            if error.code != _ALREADY_REFUNDED:
                raise

    async def _call(self, what: str, call: Callable[[], Awaitable[T]]) -> T:
        async def once() -> T:
            await self._limiter.wait(TURN_SECONDS)
            with tracing.within(f"stripe {what}", SpanKind.CLIENT):
                try:
                    async with asyncio.timeout(self._timeout):
                        return await call()
                except TimeoutError:
                    raise stripe.APIConnectionError("no answer in time") from None  # type: ignore[no-untyped-call]

        async def patiently() -> T:
            return await again("stripe", once, passing=_may_pass, describe=_line, patience=self._patience)

        try:
            return await self._breaker.call(patiently)
        except stripe.StripeError as error:
            if _may_pass(error):
                raise StripeUnavailableError(f"stripe: {_line(error)}") from error
            raise


@asynccontextmanager
async def opened(settings: SagaSettings) -> AsyncIterator[StripeProcessor]:
    """Have connections while this is open; they are made when they are needed."""
    logging.getLogger("stripe").setLevel(logging.WARNING)  # it tells of every request
    http_client = stripe.HTTPXClient(timeout=settings.stripe_timeout_seconds)
    client = stripe.StripeClient(
        settings.stripe_api_key.get_secret_value(),
        base_addresses={"api": settings.stripe_api_base},
        http_client=http_client,
        max_network_retries=0,
    )
    try:
        yield StripeProcessor(client, settings.stripe_timeout_seconds, settings.stripe_retry_pause_seconds)
    finally:
        await http_client.close_async()  # type: ignore[no-untyped-call]


def _attempt(payment: Payment, what: str) -> stripe.RequestOptions:
    return {"idempotency_key": f"{payment.id}-{what}-{payment.attempts}"}


def _intent_id(payment: Payment) -> str:
    if payment.intent_id is None:
        raise LookupError(f"payment {payment.id} is {payment.status} without an intent")
    return payment.intent_id


def _reason(error: stripe.CardError) -> str:
    declined = error.error.decline_code if error.error is not None else None
    return str(declined or error.code or "declined")


def _may_pass(error: Exception) -> bool:
    # A conflict: the same key is being worked on. Both it and a limit say that Stripe is there.
    busy = (HTTPStatus.CONFLICT, HTTPStatus.TOO_MANY_REQUESTS)
    return _is_down(error) or (isinstance(error, stripe.StripeError) and error.http_status in busy)


def _is_down(error: Exception) -> bool:
    if isinstance(error, stripe.APIConnectionError):
        return True
    status = error.http_status if isinstance(error, stripe.StripeError) else None
    return status is not None and status >= HTTPStatus.INTERNAL_SERVER_ERROR


def _line(error: Exception) -> str:
    if isinstance(error, stripe.APIConnectionError):
        return f"no answer ({type(error.__cause__ or error).__name__})"
    if isinstance(error, stripe.StripeError):
        return f"{error.http_status} {error.code or type(error).__name__}"
    return str(error)
