"""Events of Stripe in PostgreSQL: each has its effect once (X-8)."""

from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from chassis.sql.database import single, transact
from payment_service.domain import AT_REST, PaymentStatus
from payment_service.webhooks import Event

KEPT = timedelta(days=30)
"""Longer than Stripe tells an event again, and than the signature of one is taken."""

_REMEMBER = text(
    "INSERT INTO stripe_events (id, kind, taken_at) VALUES (:id, :kind, now()) ON CONFLICT DO NOTHING RETURNING id"
)
_WRITE = text(
    """
    UPDATE payments SET status = :after, attempts = 0, changed_at = now(),
        due_at = CASE WHEN :rests THEN NULL ELSE due_at END
    WHERE intent_id = :intent_id AND status = :before
    """
)
# Only what waits after a failure: a process that is at it would lose its claim.
_LOOK_AGAIN = text(
    "UPDATE payments SET due_at = now() WHERE intent_id = :intent_id AND attempts > 0 AND due_at > now()"
)
_FORGET = text("DELETE FROM stripe_events WHERE taken_at < now() - CAST(:kept AS interval)")


class PostgresEventRepository:
    """Implements `payment_service.webhooks.EventRepository`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def take(self, event: Event, before: PaymentStatus, after: PaymentStatus) -> tuple[bool, bool]:
        """Remember an event and write down the step that it says is done, both or neither."""
        values = {
            "intent_id": event.intent_id,
            "before": before.value,
            "after": after.value,
            "rests": after in AT_REST,
        }

        async def work(connection: AsyncConnection) -> tuple[bool, bool]:
            remembered = await connection.execute(_REMEMBER, {"id": event.id, "kind": event.kind})
            if remembered.one_or_none() is None:
                return False, False
            changed = (await connection.execute(_WRITE, values)).rowcount > 0
            if not changed:
                await connection.execute(_LOOK_AGAIN, {"intent_id": event.intent_id})
            return True, changed

        return await transact(self._engine, work)

    async def forget(self) -> int:
        """Forget events that are told no more; gives how many."""

        async def work(connection: AsyncConnection) -> int:
            return (await connection.execute(_FORGET, {"kept": KEPT})).rowcount

        return await single(self._engine, work)
