"""Rules of the business layer, without network or database."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from order_service.domain import Item, Order, OrderStatus, new_order
from order_service.errors import IdempotencyConflictError, InvalidOrderError
from order_service.logs import mask
from order_service.service import Orders

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class Memory:
    """A repository with the same promises and no database."""

    def __init__(self) -> None:
        self.orders: dict[UUID, Order] = {}

    async def add(self, order: Order) -> tuple[Order, bool]:
        for known in self.orders.values():
            if order.idempotency_key and (known.user_id, known.idempotency_key) == (
                order.user_id,
                order.idempotency_key,
            ):
                return known, False
        self.orders[order.id] = order
        return order, True

    async def find(self, order_id: UUID) -> Order | None:
        return self.orders.get(order_id)


async def test_a_new_order_is_pending() -> None:
    orders = Orders(Memory(), now=lambda: NOW)
    created = await orders.create("123", [Item("milk", 2)])
    assert (created.status, created.created_at, created.items) == (OrderStatus.PENDING, NOW, (Item("milk", 2),))
    assert await orders.get(str(created.id)) == created


async def test_a_key_stands_for_one_order() -> None:
    orders = Orders(Memory())
    first = await orders.create("123", [Item("milk", 2)], "k")
    assert await orders.create("123", [Item("milk", 2)], "k") == first
    with pytest.raises(IdempotencyConflictError):
        await orders.create("123", [Item("milk", 3)], "k")


@pytest.mark.parametrize(
    ("user_id", "items", "key", "field"),
    [
        (" ", [Item("a", 1)], None, "user_id"),
        ("u" * 129, [Item("a", 1)], None, "user_id"),
        ("u", [], None, "items"),
        ("u", [Item("a", 1)] * 101, None, "items"),
        ("u", [Item("a", 1), Item("a" * 65, 1)], None, "items[1].sku"),
        ("u", [Item("a", 1001)], None, "items[0].quantity"),
        ("u", [Item("a", 1)], "", "idempotency_key"),
    ],
)
def test_the_field_that_breaks_a_rule_is_named(user_id: str, items: list[Item], key: str | None, field: str) -> None:
    with pytest.raises(InvalidOrderError) as refused:
        new_order(uuid4(), NOW, user_id, items, key)
    assert refused.value.field == field


def test_limits_are_allowed() -> None:
    new_order(uuid4(), NOW, "u" * 128, [Item("a" * 64, 1000)] * 100, "k" * 128)


def test_masks_secrets_but_not_ordinary_words() -> None:
    assert mask("password hunter22 for order", ["hunter22", "order"]) == "password *** for order"
