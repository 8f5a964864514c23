"""What an order is, and the rules it obeys. Knows neither gRPC nor SQL."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from order_service.errors import InvalidOrderError

MAX_CHANGES = 1000
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


FOLLOWS: Final[Mapping[OrderStatus, frozenset[OrderStatus]]] = {
    OrderStatus.PENDING: frozenset({OrderStatus.PAID, OrderStatus.CANCELLED}),
    OrderStatus.PAID: frozenset({OrderStatus.IN_DELIVERY, OrderStatus.CANCELLED}),
    OrderStatus.IN_DELIVERY: frozenset({OrderStatus.DELIVERED, OrderStatus.CANCELLED}),
    OrderStatus.DELIVERED: frozenset(),
    OrderStatus.CANCELLED: frozenset(),
}
"""Which statuses may follow on which; after one that nothing follows on, an order does not change any more."""


def _later(status: OrderStatus) -> frozenset[OrderStatus]:
    return FOLLOWS[status].union(*map(_later, FOLLOWS[status]))


LATER: Final[Mapping[OrderStatus, frozenset[OrderStatus]]] = {status: _later(status) for status in OrderStatus}
"""Which statuses an order may have at some time after which."""


@dataclass(frozen=True, slots=True)
class Item:
    """One line of an order."""

    sku: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in the smallest unit of a currency, such as cents of EUR."""

    currency: str
    amount: int


@dataclass(frozen=True, slots=True)
class PriceList:
    """Prices of one moment.

    Attributes:
        currency: ISO 4217, such as EUR.
        unit_amounts: by article, in the smallest unit of the currency; articles that are not sold are not there.
    """

    currency: str
    unit_amounts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Order:
    """An order as it is stored."""

    id: UUID
    user_id: str
    items: tuple[Item, ...]
    status: OrderStatus
    created_at: datetime
    idempotency_key: str | None = None
    total: Money | None = None


@dataclass(frozen=True, slots=True)
class StatusNow:
    """The status of an order, and since when it has it."""

    order_id: UUID
    status: OrderStatus
    since: datetime

    @property
    def last(self) -> bool:
        """Whether it stays so."""
        return not FOLLOWS[self.status]


@dataclass(frozen=True, slots=True)
class Change:
    """A status that an order is to have.

    Attributes:
        order_id: of which order; may be none of an order.
        status: which.
        cause: the trace of what it comes from, as headers for what follows from it; that of the request that is being
            handled if there is none.
    """

    order_id: str
    status: OrderStatus
    cause: Mapping[str, str] | None = None


class Outcome(StrEnum):
    """What became of a change."""

    CHANGED = "changed"
    UNCHANGED = "unchanged"
    NOT_FOUND = "not_found"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page of a user's orders ends: the next one begins after this order."""

    created_at: datetime
    order_id: UUID


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


def total(items: Sequence[Item], prices: PriceList) -> Money:
    """What all of it costs.

    Raises:
        InvalidOrderError: an article is not sold.
    """
    for n, item in enumerate(items):
        if item.sku not in prices.unit_amounts:
            raise InvalidOrderError(f"items[{n}].sku", "is not sold")
    return Money(prices.currency, sum(item.quantity * prices.unit_amounts[item.sku] for item in items))


def check_changes(changes: Sequence[Change]) -> None:
    """See that a request to change statuses can be answered change by change.

    Raises:
        InvalidOrderError: names the first field that breaks a rule.
    """
    if not 1 <= len(changes) <= MAX_CHANGES:
        raise InvalidOrderError("changes", f"must have 1 to {MAX_CHANGES} entries, has {len(changes)}")
    seen: set[str] = set()
    for n, change in enumerate(changes):
        if change.order_id in seen:
            raise InvalidOrderError(f"changes[{n}].id", "is there twice; which status comes last would be chance")
        seen.add(change.order_id)


def check_user(user_id: str) -> None:
    """See that a user can be looked for.

    Raises:
        InvalidOrderError: it is empty or too long.
    """
    _check_text("user_id", user_id, MAX_USER_ID_LENGTH)


def _check_text(field: str, value: str, longest: int) -> None:
    if not value.strip():
        raise InvalidOrderError(field, "must not be empty")
    if len(value) > longest:
        raise InvalidOrderError(field, f"must be at most {longest} characters, has {len(value)}")
    if "\x00" in value:
        raise InvalidOrderError(field, "must not contain NUL characters")  # PostgreSQL's text cannot hold them
