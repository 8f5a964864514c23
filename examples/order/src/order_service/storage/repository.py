"""Orders in PostgreSQL.

What changes an order also writes what is to be told of it into the outbox, in one statement: neither is ever there
without the other, and it is one round trip.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import and_, bindparam, func, or_, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.sql import ColumnElement, Select

from chassis import tracing
from chassis.sql.database import single
from order_service.domain import FOLLOWS, Change, Item, Money, Order, OrderStatus, Outcome, Place, StatusNow
from order_service.storage.tables import order_items, orders


def _select(condition: ColumnElement[bool]) -> Select[tuple[object, ...]]:
    return (
        select(orders, order_items.c.sku, order_items.c.quantity)
        .join(order_items, order_items.c.order_id == orders.c.id)
        .where(condition)
        .order_by(order_items.c.position)
    )


def _page(*, first: bool) -> Select[tuple[object, ...]]:
    mine = select(orders).where(orders.c.user_id == bindparam("user_id"))
    if not first:
        mine = mine.where(
            tuple_(orders.c.created_at, orders.c.id) < tuple_(bindparam("before"), bindparam("before_id"))
        )
    page = mine.order_by(orders.c.created_at.desc(), orders.c.id.desc()).limit(bindparam("size")).subquery("page")
    return (
        select(page, order_items.c.sku, order_items.c.quantity)
        .join(order_items, order_items.c.order_id == page.c.id)
        .order_by(page.c.created_at.desc(), page.c.id.desc(), order_items.c.position)
    )


# Built once: a statement costs more to build than to send.
_BY_ID = _select(orders.c.id == bindparam("id"))
_SAME_REQUEST = and_(orders.c.user_id == bindparam("user_id"), orders.c.idempotency_key == bindparam("key"))
_IN_THE_WAY = _select(or_(orders.c.id == bindparam("id"), _SAME_REQUEST))
_OF_REQUEST = _select(_SAME_REQUEST)
_FIRST_PAGE, _NEXT_PAGE = _page(first=True), _page(first=False)
_NOW = select(
    orders.c.id, orders.c.status, func.coalesce(orders.c.changed_at, orders.c.created_at).label("since")
).where(orders.c.id == func.any(bindparam("ids")))
_ADD = text(
    """
    WITH added AS (
        INSERT INTO orders (id, user_id, status, idempotency_key, created_at, currency, total_amount)
        VALUES (:id, :user_id, :status, :idempotency_key, :created_at, :currency, :total_amount)
        ON CONFLICT DO NOTHING RETURNING id, user_id, created_at
    ), items AS (
        INSERT INTO order_items (order_id, position, sku, quantity)
        SELECT added.id, line.number - 1, line.sku, line.quantity
        FROM added, unnest(CAST(:skus AS text[]), CAST(:quantities AS int[]))
            WITH ORDINALITY AS line (sku, quantity, number)
    ), told AS (
        INSERT INTO outbox (order_id, event, user_id, happened_at, headers)
        SELECT id, 'order_created', user_id, created_at, CAST(:headers AS jsonb) FROM added
    )
    SELECT id FROM added
    """
)
# Rows are locked in the order of their ids: two batches with the same orders wait for one another, and do not deadlock.
_CHANGE = text(
    """
    WITH wanted AS (
        SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:statuses AS text[]), CAST(:headers AS text[]))
            AS each (id, status, headers)
    ), found AS (
        SELECT orders.id, orders.user_id, orders.status AS before, wanted.status, wanted.headers
        FROM orders JOIN wanted ON wanted.id = orders.id ORDER BY orders.id FOR UPDATE OF orders
    ), changed AS (
        UPDATE orders SET status = found.status, changed_at = :now
        FROM found, unnest(CAST(:before AS text[]), CAST(:after AS text[])) AS rule (before, after)
        WHERE orders.id = found.id AND rule.before = found.before AND rule.after = found.status
        RETURNING orders.id
    ), told AS (
        INSERT INTO outbox (order_id, event, user_id, happened_at, headers)
        SELECT found.id, 'order_' || found.status, found.user_id, :now, CAST(found.headers AS jsonb)
        FROM found JOIN changed ON changed.id = found.id
    )
    SELECT found.id, found.before = found.status AS same, changed.id IS NOT NULL AS changed
    FROM found LEFT JOIN changed ON changed.id = found.id
    """
)
_RULES = [(before.value, after.value) for before, follows in FOLLOWS.items() for after in sorted(follows)]
_RULE_COLUMNS = {"before": [before for before, _ in _RULES], "after": [after for _, after in _RULES]}


class PostgresOrderRepository:
    """Implements `order_service.service.OrderRepository`."""

    def __init__(self, engine: AsyncEngine, replica: AsyncEngine | None = None) -> None:
        """Keep orders in a database.

        Args:
            engine: the database.
            replica: a copy that may be late, for lists; the database itself if there is none.
        """
        self._engine = engine
        self._replica = replica or engine

    async def add(self, order: Order) -> tuple[Order, bool]:
        """Store an order once.

        Safe to repeat: the id is made before the first attempt, so a commit whose answer was lost is found again.
        """
        values = {
            "id": order.id,
            "user_id": order.user_id,
            "status": order.status.value,
            "idempotency_key": order.idempotency_key,
            "created_at": order.created_at,
            "currency": order.total.currency if order.total else None,
            "total_amount": order.total.amount if order.total else None,
            "skus": [item.sku for item in order.items],
            "quantities": [item.quantity for item in order.items],
            "headers": _headers(),
        }

        async def work(connection: AsyncConnection) -> tuple[Order, bool]:
            if (await connection.execute(_ADD, values)).scalar_one_or_none() is not None:
                return order, True
            return await _in_the_way(connection, order), False

        stored, added_now = await single(self._engine, work)
        return stored, added_now or stored.id == order.id

    async def find(self, order_id: UUID) -> Order | None:
        """Return the order with this id."""

        async def work(connection: AsyncConnection) -> list[Order]:
            return await _read(connection, _BY_ID, id=order_id)

        return next(iter(await single(self._engine, work)), None)

    async def of_request(self, user_id: str, idempotency_key: str) -> Order | None:
        """Return the order that a request of this user with this key has made."""

        async def work(connection: AsyncConnection) -> list[Order]:
            return await _read(connection, _OF_REQUEST, user_id=user_id, key=idempotency_key)

        return next(iter(await single(self._engine, work)), None)

    async def page(self, user_id: str, after: Place | None, size: int) -> list[Order]:
        """Return a user's orders, the newest first, beginning after a place."""
        place = {"before": after.created_at, "before_id": after.order_id} if after else {}

        async def work(connection: AsyncConnection) -> list[Order]:
            return await _read(connection, _NEXT_PAGE if after else _FIRST_PAGE, user_id=user_id, size=size, **place)

        return await single(self._replica, work)

    async def change(self, wanted: Mapping[UUID, Change], now: datetime) -> dict[UUID, Outcome]:
        """Change statuses where the new one may follow; ids of no order are left out of the answer.

        Safe to repeat: what has been changed is unchanged the second time.
        """
        values = {
            "ids": list(wanted),
            "statuses": [change.status.value for change in wanted.values()],
            "headers": [_headers(change.cause) for change in wanted.values()],
            "now": now,
            **_RULE_COLUMNS,
        }

        async def work(connection: AsyncConnection) -> dict[UUID, Outcome]:
            return {row.id: _outcome(row) for row in await connection.execute(_CHANGE, values)}

        return await single(self._engine, work)

    async def statuses(self, ids: Sequence[UUID]) -> list[StatusNow]:
        """Return the statuses of those of these orders that there are."""

        async def work(connection: AsyncConnection) -> list[StatusNow]:
            found = await connection.execute(_NOW, {"ids": list(ids)})
            return [StatusNow(row.id, OrderStatus(row.status), row.since) for row in found]

        return await single(self._engine, work)


def _headers(cause: Mapping[str, str] | None = None) -> str:
    """What goes with the event to whoever hears of it: the trace of its cause, by default of the request."""
    return json.dumps(tracing.outgoing() if cause is None else dict(cause))


def _outcome(row: Any) -> Outcome:
    if row.changed:
        return Outcome.CHANGED
    return Outcome.UNCHANGED if row.same else Outcome.REFUSED


async def _in_the_way(connection: AsyncConnection, order: Order) -> Order:
    stored = await _read(connection, _IN_THE_WAY, id=order.id, user_id=order.user_id, key=order.idempotency_key)
    if not stored:
        raise LookupError("an order that was in the way of an insert is gone")
    return stored[0]


async def _read(connection: AsyncConnection, statement: Select[tuple[object, ...]], **values: object) -> list[Order]:
    rows: dict[UUID, list[Any]] = {}
    for row in await connection.execute(statement, values):
        rows.setdefault(row.id, []).append(row)
    return [_order(lines) for lines in rows.values()]


def _order(rows: Sequence[Any]) -> Order:
    first = rows[0]
    return Order(
        id=first.id,
        user_id=first.user_id,
        items=tuple(Item(row.sku, row.quantity) for row in rows),
        status=OrderStatus(first.status),
        created_at=first.created_at,
        idempotency_key=first.idempotency_key,
        total=Money(first.currency, first.total_amount) if first.currency else None,
    )
