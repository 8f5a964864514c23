"""What became of notifications, in PostgreSQL: all workers know it, and it outlives each of them (SN-11, W-14).

The moments are by the database's clock, which is the same for all.
"""

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from chassis.sql.database import single
from notification_service.domain import Claim, NotificationTask

KEPT: Final = timedelta(days=90)
"""Much longer than Kafka tells an event again, or a task waits in RabbitMQ: whoever is forgotten may be told again."""

# One statement: of two workers that try at once, the second waits for the first and then finds its claim. What is
# there already is read as it was before the statement, so one that was inserted meanwhile is not seen: it is busy.
_CLAIM = text(
    """
    WITH claimed AS (
        INSERT INTO notifications AS it (id, user_id, status, claimed_by, claimed_until, attempts, created_at)
        VALUES (:id, :user_id, 'sending', :worker, now() + make_interval(secs => :seconds), 1, now())
        ON CONFLICT (id) DO UPDATE SET
            claimed_by = excluded.claimed_by, claimed_until = excluded.claimed_until, attempts = it.attempts + 1
        WHERE it.status = 'sending' AND (it.claimed_until <= now() OR it.claimed_by = excluded.claimed_by)
        RETURNING id
    )
    SELECT EXISTS (SELECT FROM claimed) AS claimed, (SELECT status FROM notifications WHERE id = :id) AS status
    """
)
_RELEASE = text(
    "UPDATE notifications SET claimed_until = now() WHERE id = :id AND claimed_by = :worker AND status = 'sending'"
)
# Whoever has it now: it has been sent, and nobody is to send it again.
_SENT = text("UPDATE notifications SET status = 'sent', error = NULL, ended_at = now() WHERE id = :id")
_FAILED = text(
    "UPDATE notifications SET status = 'failed', error = :error, ended_at = now() WHERE id = :id AND status = 'sending'"
)
_FORGET = text("DELETE FROM notifications WHERE COALESCE(ended_at, claimed_until) < now() - CAST(:kept AS interval)")
_ENDED = {"sent": Claim.SENT, "failed": Claim.FAILED}


class PostgresNotifications:
    """Implements `notification_service.service.Notifications`. Everything is safe to repeat."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def claim(self, task: NotificationTask, worker: UUID, seconds: float) -> Claim:
        """Take a notification to oneself, if nobody else has it."""
        values = {"id": task.notification_id, "user_id": task.user_id, "worker": worker, "seconds": seconds}

        async def work(connection: AsyncConnection) -> Claim:
            found = (await connection.execute(_CLAIM, values)).one()
            return Claim.MINE if found.claimed else _ENDED.get(found.status, Claim.BUSY)

        return await single(self._engine, work)

    async def release(self, notification_id: str, worker: UUID) -> None:
        """Leave it to whoever comes next."""
        await self._execute(_RELEASE, id=notification_id, worker=worker)

    async def sent(self, notification_id: str) -> None:
        """Note that it was sent."""
        await self._execute(_SENT, id=notification_id)

    async def failed(self, notification_id: str, error: str) -> None:
        """Note that it will never be sent, and why."""
        await self._execute(_FAILED, id=notification_id, error=error.replace("\x00", ""))

    async def forget(self) -> int:
        """Forget what ended long ago, and what nobody has come back to for as long; gives how many."""

        async def work(connection: AsyncConnection) -> int:
            return (await connection.execute(_FORGET, {"kept": KEPT})).rowcount

        return await single(self._engine, work)

    async def _execute(self, statement: Any, **values: object) -> None:
        async def work(connection: AsyncConnection) -> None:
            await connection.execute(statement, values)

        await single(self._engine, work)
