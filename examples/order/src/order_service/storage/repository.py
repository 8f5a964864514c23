"""Orders in PostgreSQL."""

from uuid import UUID

from sqlalchemy import and_, bindparam, insert, or_, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.sql import ColumnElement, Select

from order_service.domain import Item, Order, OrderStatus
from order_service.storage.database import read, transact
from order_service.storage.tables import order_items, orders


def _select(condition: ColumnElement[bool]) -> Select[tuple[object, ...]]:
    return (
        select(orders, order_items.c.sku, order_items.c.quantity)
        .join(order_items, order_items.c.order_id == orders.c.id)
        .where(condition)
        .order_by(order_items.c.position)
    )


# Built once: a statement costs more to build than to send.
_ADD = upsert(orders).on_conflict_do_nothing().returning(orders.c.id)
_ADD_ITEMS = insert(order_items)
_BY_ID = _select(orders.c.id == bindparam("id"))
_IN_THE_WAY = _select(
    or_(
        orders.c.id == bindparam("id"),
        and_(orders.c.user_id == bindparam("user_id"), orders.c.idempotency_key == bindparam("key")),
    )
)


class PostgresOrderRepository:
    """Implements `order_service.service.OrderRepository`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def add(self, order: Order) -> tuple[Order, bool]:
        """Store an order once.

        Safe to repeat: the id is made before the first attempt, so a commit whose answer was lost is found again.
        """

        async def work(connection: AsyncConnection) -> tuple[Order, bool]:
            inserted = await connection.execute(
                _ADD,
                {
                    "id": order.id,
                    "user_id": order.user_id,
                    "status": order.status.value,
                    "idempotency_key": order.idempotency_key,
                    "created_at": order.created_at,
                },
            )
            if inserted.scalar_one_or_none() is None:
                return await _stored(connection, order), False
            await connection.execute(
                _ADD_ITEMS,
                [
                    {"order_id": order.id, "position": n, "sku": item.sku, "quantity": item.quantity}
                    for n, item in enumerate(order.items)
                ],
            )
            return order, True

        stored, inserted_now = await transact(self._engine, work)
        return stored, inserted_now or stored.id == order.id

    async def find(self, order_id: UUID) -> Order | None:
        """Return the order with this id."""

        async def work(connection: AsyncConnection) -> Order | None:
            return await _read(connection, _BY_ID, id=order_id)

        return await read(self._engine, work)


async def _stored(connection: AsyncConnection, order: Order) -> Order:
    stored = await _read(connection, _IN_THE_WAY, id=order.id, user_id=order.user_id, key=order.idempotency_key)
    if stored is None:
        raise LookupError("an order that was in the way of an insert is gone")
    return stored


async def _read(
    connection: AsyncConnection, statement: Select[tuple[object, ...]], **values: UUID | str | None
) -> Order | None:
    rows = (await connection.execute(statement, values)).all()
    if not rows:
        return None
    first = rows[0]
    return Order(
        id=first.id,
        user_id=first.user_id,
        items=tuple(Item(row.sku, row.quantity) for row in rows),
        status=OrderStatus(first.status),
        created_at=first.created_at,
        idempotency_key=first.idempotency_key,
    )
