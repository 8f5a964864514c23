"""The errors of this service, by what the caller is told of them; see `chassis.errors`."""

from typing import Any

from chassis.errors import ConflictError, InvalidError, NotFoundError, RequestError, UnavailableError


class InvalidPaymentError(InvalidError):
    """A field breaks a rule."""


class PaymentNotFoundError(NotFoundError):
    """No payment has this id."""


class OrderNotPayableError(ConflictError):
    """The order cannot be paid, or is paid by another payment; this request has changed nothing."""


class NotRefundableError(ConflictError):
    """There is nothing to give back, or the order may not be cancelled any more."""


class DeclinedError(RequestError):
    """The card says no."""


class SignatureError(RequestError):
    """Whoever sent this is not Stripe, or it is too old."""


class StripeUnavailableError(UnavailableError):
    """Stripe does not answer."""

    public = "payments cannot be made now, try again"


class ClaimLostError(UnavailableError):
    """Another process goes on with the payment."""

    def __init__(self, payment_id: Any) -> None:
        super().__init__(f"another process goes on with payment {payment_id}")


class CardDeclinedError(Exception):
    """What Stripe says of a card; the saga makes a failure of it.

    Attributes:
        code: Stripe's word for the reason.
        message: Stripe's sentence, made for customers.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
