"""Orders in PostgreSQL, one statement for each row: `order_service.storage.repository` without batches."""

import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from chassis import tracing
from chassis.retries import again
from chassis.sql.database import describe, is_transient
from order_service.domain import FOLLOWS, Change, Order, OrderStatus, Outcome
from order_service.storage.repository import PostgresOrderRepository

T = TypeVar("T")

_ADD_ORDER = text(
    """
    INSERT INTO orders (id, user_id, status, idempotency_key, created_at)
    VALUES (:id, :user_id, :status, :key, :created_at) ON CONFLICT DO NOTHING RETURNING id
    """
)
_ADD_ITEM = text(
    "INSERT INTO order_items (order_id, position, sku, quantity) VALUES (:order_id, :position, :sku, :quantity)"
)
_TELL = text(
    """
    INSERT INTO outbox (order_id, event, user_id, happened_at, headers)
    VALUES (:order_id, :event, :user_id, :happened_at, CAST(:headers AS jsonb))
    """
)
_LOCK = text("SELECT user_id, status FROM orders WHERE id = :id FOR UPDATE")
_SET = text("UPDATE orders SET status = :status, changed_at = :now WHERE id = :id")


class RowByRow(PostgresOrderRepository):
    """One statement for each row; an order and its event are still there together or not at all."""

    def __init__(self, engine: AsyncEngine) -> None:
        super().__init__(engine)
        self._plain = engine

    async def add(self, order: Order) -> tuple[Order, bool]:
        """Store an order once, without a total: no catalogue is known here."""

        async def insert(connection: AsyncConnection) -> bool:
            async with connection.begin():
                values = {"id": order.id, "user_id": order.user_id, "created_at": order.created_at}
                keyed = {**values, "status": order.status.value, "key": order.idempotency_key}
                if (await connection.execute(_ADD_ORDER, keyed)).scalar_one_or_none() is None:
                    return False
                for position, item in enumerate(order.items):
                    line = {"order_id": order.id, "position": position, "sku": item.sku, "quantity": item.quantity}
                    await connection.execute(_ADD_ITEM, line)
                await _tell(connection, order.id, "order_created", order.user_id, order.created_at)
            return True

        if await self._repeat(insert):
            return order, True
        return await super().add(order)  # which finds what is in the way

    async def change(self, wanted: Mapping[UUID, Change], now: datetime) -> dict[UUID, Outcome]:
        """Change statuses one after the other, each in a transaction."""

        async def update(connection: AsyncConnection) -> dict[UUID, Outcome]:
            outcomes = {}
            for key, change in wanted.items():
                async with connection.begin():
                    outcome = await _change(connection, key, change, now)
                if outcome is not None:
                    outcomes[key] = outcome
            return outcomes

        return await self._repeat(update)

    async def _repeat(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """As `chassis.sql.database` does, with as many transactions on one connection as the work begins."""

        async def attempt() -> T:
            async with self._plain.connect() as connection:
                return await work(connection)

        return await again("database", attempt, passing=is_transient, describe=describe)


async def _change(connection: AsyncConnection, key: UUID, change: Change, now: datetime) -> Outcome | None:
    row = (await connection.execute(_LOCK, {"id": key})).one_or_none()
    if row is None:
        return None
    before = OrderStatus(row.status)
    if before is change.status:
        return Outcome.UNCHANGED
    if change.status not in FOLLOWS[before]:
        return Outcome.REFUSED
    await connection.execute(_SET, {"id": key, "status": change.status.value, "now": now})
    await _tell(connection, key, f"order_{change.status}", row.user_id, now, change.cause)
    return Outcome.CHANGED


async def _tell(  # noqa: PLR0913, PLR0917 - as many as the row has columns
    connection: AsyncConnection,
    order_id: UUID,
    event: str,
    user_id: str,
    now: datetime,
    cause: Mapping[str, str] | None = None,
) -> None:
    headers = json.dumps(tracing.outgoing() if cause is None else dict(cause))
    values = {"order_id": order_id, "event": event, "user_id": user_id, "happened_at": now, "headers": headers}
    await connection.execute(_TELL, values)
