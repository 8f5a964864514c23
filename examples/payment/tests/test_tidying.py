"""A worker forgets what nobody will ask for any more, and nothing else."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from processes import Surroundings, working

from chassis_testing.postgresql import PostgreSQL
from chassis_testing.program import eventually

NOW = datetime.now(UTC)
KEY = """
    INSERT INTO idempotency_keys (scope, key, fingerprint, token, leased_until, expires_at)
    VALUES ('payments', %s, '', gen_random_uuid(), %s, %s)
"""
EVENT = "INSERT INTO stripe_events (id, kind, taken_at) VALUES (%s, 'payment_intent.succeeded', %s)"


async def test_a_worker_forgets_what_is_old(surroundings: Surroundings, postgresql: PostgreSQL, migrated: str) -> None:
    alone = replace(surroundings, database=postgresql.database(template=migrated))
    for name, expires in (("over", NOW - timedelta(hours=1)), ("not over", NOW + timedelta(hours=1))):
        alone.rows(KEY, name, NOW - timedelta(hours=2), expires)
    for name, days in (("long ago", 31), ("lately", 29)):
        alone.rows(EVENT, name, NOW - timedelta(days=days))
    async with working(alone) as worker:
        await worker.said("forgotten", idempotency_keys=1, stripe_events=1)
        await eventually(lambda: alone.rows("SELECT id FROM stripe_events") == [("lately",)], "an event too many")
        worker.terminate()
        assert await worker.ended() == 0
    assert alone.rows("SELECT key FROM idempotency_keys") == [("not over",)]
