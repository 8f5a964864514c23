"""What one account at Stripe holds. Knows no HTTP: parameters in, objects out, errors of Stripe raised."""

import secrets
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from chassis_testing.stripe_stand_in.cards import ASKS_FOR_MORE, DECLINED, GOOD, StripeError, missing, unexpected

Object = dict[str, Any]


@dataclass
class Failure:
    """How the next requests of a kind go wrong.

    Attributes:
        operation: create, retrieve, capture, cancel or refund.
        how: `error` answers 500; `hang` answers nothing.
        effect: `before` nothing was done, or `after` it was.
        times: so many requests.
    """

    operation: str
    how: str
    effect: str
    times: int = 1


@dataclass
class Account:
    """Payment intents, refunds, events, and how often something was done."""

    intents: dict[str, Object] = field(default_factory=dict)
    refunds: dict[str, Object] = field(default_factory=dict)
    events: dict[str, Object] = field(default_factory=dict)
    untold: list[Object] = field(default_factory=list)  # events that nobody has been told of
    counts: Counter[str] = field(default_factory=Counter)
    failures: list[Failure] = field(default_factory=list)
    answers: dict[str, tuple[str, int, Object]] = field(default_factory=dict)  # by idempotency key: request, answer
    working: set[str] = field(default_factory=set)  # idempotency keys

    def take_untold(self) -> list[Object]:
        """The events since this was asked last: each is given once, however many requests are worked on at once."""
        taken, self.untold = self.untold, []
        return taken

    def failure(self, operation: str, effect: str) -> str | None:
        """How this request is to go wrong at this point, if it is."""
        for failure in self.failures:
            if (failure.operation, failure.effect) == (operation, effect) and failure.times > 0:
                failure.times -= 1
                return failure.how
        return None

    def create(self, given: Mapping[str, str], shape: Object) -> Object:
        """Make a payment intent and confirm it, if it is to be confirmed."""
        card = given.get("payment_method", "")
        if card and card not in GOOD | ASKS_FOR_MORE | DECLINED.keys():
            raise missing("PaymentMethod", card, "payment_method")
        manual = given.get("capture_method") == "manual"
        amount = int(given["amount"])
        number = secrets.token_hex(12)
        intent: Object = {
            **shape,
            "id": f"pi_{number}",
            "client_secret": f"pi_{number}_secret_{secrets.token_hex(8)}",
            "object": "payment_intent",
            "amount": amount,
            "currency": given["currency"].lower(),
            "capture_method": given.get("capture_method", "automatic_async"),
            "payment_method": card or None,
            "metadata": {key[9:-1]: value for key, value in given.items() if key.startswith("metadata[")},
            "created": int(time.time()),
            "canceled_at": None,
            "cancellation_reason": None,
            "last_payment_error": None,
            "latest_charge": None,
            "next_action": None,
            "amount_capturable": 0,
            "amount_received": 0,
            "status": "requires_confirmation" if card else "requires_payment_method",
        }
        self.intents[intent["id"]] = intent
        self.counts["created"] += 1
        if card and given.get("confirm") == "true":
            self._confirm(intent, card, manual=manual)
        return intent

    def _confirm(self, intent: Object, card: str, *, manual: bool) -> None:
        if card in DECLINED:
            code, message = DECLINED[card]
            intent |= {"status": "requires_payment_method", "payment_method": None}
            self._tell("payment_intent.payment_failed", intent)
            more = {"decline_code": code, "payment_intent": dict(intent)}
            raise StripeError(402, "card_error", message, "card_declined", more)
        if card in ASKS_FOR_MORE:
            intent |= {"status": "requires_action", "next_action": {"type": "use_stripe_sdk"}}
            self._tell("payment_intent.requires_action", intent)
            return
        self.counts["authorised"] += 1
        intent |= {"latest_charge": f"ch_{secrets.token_hex(12)}", "amount_capturable": intent["amount"]}
        if manual:
            intent["status"] = "requires_capture"
            self._tell("payment_intent.amount_capturable_updated", intent)
        else:
            self._take(intent, intent["amount"])

    def retrieve(self, intent_id: str) -> Object:
        """Give a payment intent."""
        if intent_id not in self.intents:
            raise missing("payment_intent", intent_id, "intent")
        return self.intents[intent_id]

    def capture(self, intent_id: str, given: Mapping[str, str]) -> Object:
        """Take the money that is authorised."""
        intent = self.retrieve(intent_id)
        if intent["status"] != "requires_capture":
            raise unexpected(intent, "captured")
        self._take(intent, int(given.get("amount_to_capture", intent["amount_capturable"])))
        return intent

    def _take(self, intent: Object, amount: int) -> None:
        intent |= {"status": "succeeded", "amount_received": amount, "amount_capturable": 0}
        self.counts["captured"] += 1
        self._tell("payment_intent.succeeded", intent)

    def cancel(self, intent_id: str, given: Mapping[str, str]) -> Object:
        """Give up what is authorised."""
        intent = self.retrieve(intent_id)
        if intent["status"] in ("succeeded", "canceled"):
            raise unexpected(intent, "canceled")
        intent |= {
            "status": "canceled",
            "amount_capturable": 0,
            "canceled_at": int(time.time()),
            "cancellation_reason": given.get("cancellation_reason"),
        }
        self.counts["cancelled"] += 1
        self._tell("payment_intent.canceled", intent)
        return intent

    def refund(self, given: Mapping[str, str], shape: Object) -> Object:
        """Give money back."""
        intent = self.retrieve(given.get("payment_intent", ""))
        if intent["status"] != "succeeded":
            raise unexpected(intent, "refunded")
        back = sum(each["amount"] for each in self.refunds.values() if each["payment_intent"] == intent["id"])
        amount = int(given.get("amount", intent["amount_received"] - back))
        if amount <= 0 or back + amount > intent["amount_received"]:
            message = f"Charge {intent['latest_charge']} has already been refunded."
            raise StripeError(400, "invalid_request_error", message, "charge_already_refunded")
        refund: Object = {
            **shape,
            "id": f"re_{secrets.token_hex(12)}",
            "object": "refund",
            "amount": amount,
            "currency": intent["currency"],
            "charge": intent["latest_charge"],
            "payment_intent": intent["id"],
            "status": "succeeded",
            "created": int(time.time()),
        }
        self.refunds[refund["id"]] = refund
        self.counts["refunded"] += 1
        self._tell(
            "charge.refunded",
            {
                "id": intent["latest_charge"],
                "object": "charge",
                "payment_intent": intent["id"],
                "amount": intent["amount"],
                "amount_refunded": back + amount,
                "refunded": back + amount == intent["amount_received"],
                "metadata": intent["metadata"],
            },
        )
        return refund

    def _tell(self, kind: str, about: Object) -> None:
        event_id = f"evt_{secrets.token_hex(12)}"
        event: Object = {
            "id": event_id,
            "object": "event",
            "type": kind,
            "created": int(time.time()),
            "livemode": False,
            "pending_webhooks": 1,
            "request": {"id": None, "idempotency_key": None},
            "data": {"object": dict(about)},
        }
        self.events[event_id] = event
        self.untold.append(event)
