"""Rows of notifications go when nobody can ask for them any more, and not before (SN-11)."""

from datetime import UTC, datetime, timedelta

import psycopg
from processes import Backing, working

from chassis_testing.program import eventually

OLD, YOUNG = (datetime.now(UTC) - timedelta(days=days) for days in (91, 89))
INSERT = """
    INSERT INTO notifications (id, user_id, status, claimed_by, claimed_until, attempts, created_at, ended_at)
    VALUES (%s, 'ada', %s, gen_random_uuid(), %s, 1, %s, %s)
"""


def there(database: str) -> set[str]:
    with psycopg.connect(database) as connection:
        return {str(each) for (each,) in connection.execute("SELECT id FROM notifications")}


async def test_a_worker_forgets_what_is_old(backing: Backing) -> None:
    rows = {
        "sent long ago": ("sent", OLD, OLD),
        "failed long ago": ("failed", OLD, OLD),
        "left long ago": ("sending", OLD, None),
        "sent": ("sent", OLD, YOUNG),
        "left": ("sending", YOUNG, None),
    }
    with psycopg.connect(backing.database) as connection:
        for name, (status, claimed_until, ended_at) in rows.items():
            connection.execute(INSERT, [name, status, claimed_until, OLD, ended_at])
    async with working(backing) as worker:
        await worker.said("forgotten", notifications=3)
        await eventually(lambda: there(backing.database) == {"sent", "left"}, "not forgotten")
        worker.terminate()
        assert await worker.ended() == 0
