"""Rules of the business layer, without network or database."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from order_service.domain import FOLLOWS, Change, Item, Order, OrderStatus, Outcome, Place, new_order
from order_service.errors import IdempotencyConflictError, InvalidOrderError
from order_service.service import Orders

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class Memory:
    """A repository with the same promises and no database."""

    def __init__(self) -> None:
        self.orders: dict[UUID, Order] = {}
        self.batches: list[int] = []

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

    async def of_request(self, user_id: str, idempotency_key: str) -> Order | None:
        of = (user_id, idempotency_key)
        return next((each for each in self.orders.values() if (each.user_id, each.idempotency_key) == of), None)

    async def page(self, user_id: str, after: Place | None, size: int) -> list[Order]:
        mine = sorted((o for o in self.orders.values() if o.user_id == user_id), key=_age, reverse=True)
        return [o for o in mine if after is None or _age(o) < (after.created_at, after.order_id)][:size]

    async def change(self, wanted: dict[UUID, Change], now: datetime) -> dict[UUID, Outcome]:
        assert now.tzinfo
        self.batches.append(len(wanted))
        outcomes = {}
        for key in wanted.keys() & self.orders.keys():
            before, after = self.orders[key].status, wanted[key].status
            outcomes[key] = Outcome.UNCHANGED if before is after else Outcome.REFUSED
            if after in FOLLOWS[before]:
                self.orders[key] = replace(self.orders[key], status=after)
                outcomes[key] = Outcome.CHANGED
        return outcomes


def _age(order: Order) -> tuple[datetime, UUID]:
    return order.created_at, order.id


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


async def test_pages_hold_every_order_once_the_newest_first() -> None:
    times = (NOW + timedelta(seconds=n // 2) for n in range(7))  # two at a time
    orders = Orders(Memory(), now=lambda: next(times))
    made = [await orders.create("123", [Item("milk", 1)]) for _ in range(7)]
    found, after, pages = [], None, 0
    while pages == 0 or after:
        page, after = await orders.list("123", after, 3)
        found += page
        pages += 1
    assert pages == 3
    assert sorted(order.id for order in found) == sorted(order.id for order in made)
    assert [order.created_at for order in found] == sorted((order.created_at for order in made), reverse=True)
    assert await orders.list("456") == ([], None)


@pytest.mark.parametrize(("user_id", "size", "field"), [("", 1, "user_id"), ("123", 101, "page_size")])
async def test_a_page_that_is_not_given_is_named(user_id: str, size: int, field: str) -> None:
    with pytest.raises(InvalidOrderError) as refused:
        await Orders(Memory()).list(user_id, None, size)
    assert refused.value.field == field


async def test_statuses_change_in_batches_and_each_for_itself() -> None:
    """SO-5, W-10: a hundred at a time, the last few too, and what became of each is told."""
    memory = Memory()
    orders = Orders(memory)
    ids = [str((await orders.create("123", [Item("milk", 1)])).id) for _ in range(250)]
    paid = [Change(each, OrderStatus.PAID) for each in ids]
    assert set(await orders.change(paid)) == {Outcome.CHANGED}
    assert memory.batches == [100, 100, 50]
    changes = [
        Change(ids[0], OrderStatus.IN_DELIVERY),
        Change(ids[1], OrderStatus.PAID),
        Change(ids[2], OrderStatus.DELIVERED),
        Change(str(uuid4()), OrderStatus.PAID),
        Change("no-uuid", OrderStatus.PAID),
    ]
    assert await orders.change(changes) == [
        Outcome.CHANGED,
        Outcome.UNCHANGED,
        Outcome.REFUSED,
        Outcome.NOT_FOUND,
        Outcome.NOT_FOUND,
    ]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ([], "changes"),
        ([Change(str(n), OrderStatus.PAID) for n in range(1001)], "changes"),
        ([Change("a", OrderStatus.PAID), Change("a", OrderStatus.CANCELLED)], "changes[1].id"),
    ],
)
async def test_changes_that_cannot_be_answered_are_named(changes: list[Change], field: str) -> None:
    with pytest.raises(InvalidOrderError) as refused:
        await Orders(Memory()).change(changes)
    assert refused.value.field == field


def test_nothing_follows_on_a_last_status_and_every_status_has_a_rule() -> None:
    assert set(FOLLOWS) == set(OrderStatus)
    assert {status for status, follows in FOLLOWS.items() if not follows} == {
        OrderStatus.DELIVERED,
        OrderStatus.CANCELLED,
    }
