"""Whether an event comes from Stripe, and is not an old one that somebody has kept."""

import json
from typing import Any

import stripe

from payment_service.errors import SignatureError
from payment_service.webhooks import Event

TOLERANCE_SECONDS = 300


def read_event(payload: bytes, signature: str, secret: str) -> Event | None:
    """Read what Stripe has sent; None if it is about nothing that payments are made of.

    Args:
        payload: the body, to the byte.
        signature: the header `Stripe-Signature`; it may hold several while the secret is replaced.
        secret: what they are made with.

    Raises:
        SignatureError: none of them is of this body and secret, or it is older than TOLERANCE_SECONDS.
    """
    try:
        stripe.WebhookSignature.verify_header(payload, signature, secret, TOLERANCE_SECONDS)
    except (stripe.SignatureVerificationError, UnicodeDecodeError):
        raise SignatureError("the signature is not Stripe's, or too old") from None
    event: Any = json.loads(payload)
    about = event["data"]["object"]
    intent_id = about["id"] if about.get("object") == "payment_intent" else about.get("payment_intent")
    if about.get("object") == "charge" and not about.get("refunded", False):
        return None  # a part of it
    return Event(event["id"], event["type"], intent_id) if isinstance(intent_id, str) else None
