"""What an order is, and the rules it obeys. Knows neither gRPC nor SQL."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from order_service.errors import InvalidOrderError

MAX_ITEMS = 100
MAX_QUANTITY = 1000
MAX_SKU_LENGTH = 64
MAX_USER_ID_LENGTH = 128
MAX_IDEMPOTENCY_KEY_LENGTH = 128


class OrderStatus(StrEnum):
    """Where an order is in its life."""

    PENDING = "pending"
    PAID = "paid"
    IN_DELIVERY = "in_delivery"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Item:
    """One line of an order."""

    sku: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Order:
    """An order as it is stored."""

    id: UUID
    user_id: str
    items: tuple[Item, ...]
    status: OrderStatus
    created_at: datetime
    idempotency_key: str | None = None


def new_order(
    order_id: UUID, now: datetime, user_id: str, items: Sequence[Item], idempotency_key: str | None = None
) -> Order:
    """Make a pending order.

    Raises:
        InvalidOrderError: names the first field that breaks a rule.
    """
    _check_text("user_id", user_id, MAX_USER_ID_LENGTH)
    if not 1 <= len(items) <= MAX_ITEMS:
        raise InvalidOrderError("items", f"must have 1 to {MAX_ITEMS} entries, has {len(items)}")
    for n, item in enumerate(items):
        _check_text(f"items[{n}].sku", item.sku, MAX_SKU_LENGTH)
        if not 1 <= item.quantity <= MAX_QUANTITY:
            raise InvalidOrderError(f"items[{n}].quantity", f"must be 1 to {MAX_QUANTITY}, is {item.quantity}")
    if idempotency_key is not None:
        _check_text("idempotency_key", idempotency_key, MAX_IDEMPOTENCY_KEY_LENGTH)
    return Order(order_id, user_id, tuple(items), OrderStatus.PENDING, now, idempotency_key)


def _check_text(field: str, value: str, longest: int) -> None:
    if not value.strip():
        raise InvalidOrderError(field, "must not be empty")
    if len(value) > longest:
        raise InvalidOrderError(field, f"must be at most {longest} characters, has {len(value)}")
    if "\x00" in value:
        raise InvalidOrderError(field, "must not contain NUL characters")  # PostgreSQL's text cannot hold them
