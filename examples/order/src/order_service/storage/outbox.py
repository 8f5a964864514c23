"""What has happened to orders and is not told yet."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, delete, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from chassis.sql.database import single, transact
from order_service.storage.tables import outbox

_ALONE = text("SELECT pg_try_advisory_xact_lock(hashtextextended('order_service.outbox', 0))")
_NEXT = select(outbox).order_by(outbox.c.id).limit(bindparam("most"))
_TOLD = delete(outbox).where(outbox.c.id == func.any(bindparam("ids")))
_OLDEST = select(func.extract("epoch", func.now() - outbox.c.happened_at)).order_by(outbox.c.id).limit(1)


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened to an order.

    Attributes:
        order_id: to which one.
        name: what, such as `order_created`.
        user_id: whose order it is.
        happened_at: when.
        headers: the trace of the request that did it.
    """

    order_id: UUID
    name: str
    user_id: str
    happened_at: datetime
    headers: dict[str, str]


Tell = Callable[[Sequence[Event]], Awaitable[None]]


class Outbox:
    """The events that wait, in the order in which they happened to each order."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def tell(self, tell: Tell, most: int) -> int:
        """Hand the oldest events over, and forget them when that has succeeded.

        One process at a time does so, whoever else tries: the order of events stays. If it ends between the two steps,
        or the database does, they are told again.

        Args:
            tell: takes them; its error leaves them where they are.
            most: at most so many.

        Returns:
            How many there were; 0 too while another process has its turn.

        Raises:
            StorageUnavailableError: the database does not answer.
        """

        async def work(connection: AsyncConnection) -> int:
            if not (await connection.execute(_ALONE)).scalar_one():
                return 0
            rows = (await connection.execute(_NEXT, {"most": most})).all()
            if rows:
                await tell([Event(row.order_id, row.event, row.user_id, row.happened_at, row.headers) for row in rows])
                await connection.execute(_TOLD, {"ids": [row.id for row in rows]})
            return len(rows)

        return await transact(self._engine, work)

    async def oldest_seconds(self) -> float:
        """How long the oldest event waits; 0 if there is none.

        Raises:
            StorageUnavailableError: the database does not answer.
        """

        async def work(connection: AsyncConnection) -> float:
            return float((await connection.execute(_OLDEST)).scalar_one_or_none() or 0)

        return await single(self._engine, work)
