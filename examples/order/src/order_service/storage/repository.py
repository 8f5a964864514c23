"""Orders in PostgreSQL."""

from uuid import UUID

from sqlalchemy import and_, insert, or_, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.sql import ColumnElement

from order_service.domain import Item, Order, OrderStatus
from order_service.storage.database import transact
from order_service.storage.tables import order_items, orders


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
                upsert(orders)
                .values(
                    id=order.id,
                    user_id=order.user_id,
                    status=order.status.value,
                    idempotency_key=order.idempotency_key,
                    created_at=order.created_at,
                )
                .on_conflict_do_nothing()
                .returning(orders.c.id)
            )
            if inserted.scalar_one_or_none() is None:
                return await self._stored(connection, order), False
            await connection.execute(
                insert(order_items),
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
            return await _read(connection, orders.c.id == order_id)

        return await transact(self._engine, work)

    @staticmethod
    async def _stored(connection: AsyncConnection, order: Order) -> Order:
        same_key = and_(orders.c.user_id == order.user_id, orders.c.idempotency_key == order.idempotency_key)
        stored = await _read(connection, or_(orders.c.id == order.id, same_key))
        if stored is None:
            raise LookupError("an order that was in the way of an insert is gone")
        return stored


async def _read(connection: AsyncConnection, condition: ColumnElement[bool]) -> Order | None:
    rows = (
        await connection.execute(
            select(orders, order_items.c.sku, order_items.c.quantity)
            .join(order_items, order_items.c.order_id == orders.c.id)
            .where(condition)
            .order_by(order_items.c.position)
        )
    ).all()
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
