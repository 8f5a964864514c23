"""Stripe's test cards, and the errors that Stripe tells."""

from dataclasses import dataclass
from typing import Any

GOOD = frozenset({"pm_card_visa", "pm_card_mastercard", "pm_card_amex"})
DECLINED = {
    "pm_card_chargeDeclined": ("generic_decline", "Your card was declined."),
    "pm_card_visa_chargeDeclinedInsufficientFunds": ("insufficient_funds", "Your card has insufficient funds."),
    "pm_card_visa_chargeDeclinedLostCard": ("lost_card", "Your card was declined."),
}
ASKS_FOR_MORE = frozenset({"pm_card_threeDSecure2Required", "pm_card_authenticationRequired"})


@dataclass(frozen=True)
class StripeError(Exception):
    """What Stripe answers instead of an object."""

    status: int
    type: str
    message: str
    code: str | None = None
    more: dict[str, Any] | None = None

    @property
    def body(self) -> dict[str, Any]:
        """The answer."""
        named = {"type": self.type, "message": self.message, "code": self.code, **(self.more or {})}
        return {"error": {key: value for key, value in named.items() if value is not None}}


def missing(what: str, value: str, parameter: str) -> StripeError:
    """An object that there is not."""
    more = {"param": parameter}
    return StripeError(
        404 if parameter == "intent" else 400,
        "invalid_request_error",
        f"No such {what}: '{value}'",
        "resource_missing",
        more,
    )


def unexpected(intent: dict[str, Any], wanted: str) -> StripeError:
    """A payment intent that has another status than the request needs."""
    message = f"This PaymentIntent could not be {wanted} because it has a status of {intent['status']}."
    more = {"payment_intent": intent}
    return StripeError(400, "invalid_request_error", message, "payment_intent_unexpected_state", more)
