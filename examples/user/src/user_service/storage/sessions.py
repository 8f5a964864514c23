"""Sessions in Redis, where all processes find them (SU-5, F6-4, CA-8).

A session's key is a digest of its id: who reads the database, or a copy of it, learns of no id that would let them in.
Redis forgets a session when its time is over. Letting it last longer does not bring one back that has ended meanwhile.
"""

import hashlib
import json
import re
import secrets
from datetime import datetime, timedelta
from uuid import UUID

from redis.asyncio import Redis

from chassis.redis.client import Store
from user_service.domain import Lifetime, Session

_BYTES = 32
_FORM = re.compile(r"[A-Za-z0-9_-]{43}")
"""What `secrets.token_urlsafe` makes of so many bytes; anything longer is not worth a digest."""


class RedisSessions:
    """Implements `user_service.logins.SessionStore`."""

    def __init__(self, store: Store, lifetime: Lifetime) -> None:
        self._store = store
        self._lifetime = lifetime

    async def begin(self, user_id: UUID, now: datetime) -> tuple[str, Session]:
        """Begin one."""
        session_id = secrets.token_urlsafe(_BYTES)
        session = Session(user_id, now, self._lifetime.expiry(now, now))
        value = json.dumps({"user_id": str(user_id), "created_at": now.isoformat()})

        async def work(client: Redis) -> None:
            await client.set(_key(session_id), value, px=_milliseconds(session.expires_at - now))

        await self._store.ask("session begin", work)
        return session_id, session

    async def use(self, session_id: str, now: datetime) -> Session | None:
        """Return it, and let it last longer."""
        if not _FORM.fullmatch(session_id):
            return None
        key = _key(session_id)

        async def work(client: Redis) -> Session | None:
            value = await client.get(key)
            if value is None:
                return None
            kept = json.loads(value)
            created_at = datetime.fromisoformat(kept["created_at"])
            session = Session(UUID(kept["user_id"]), created_at, self._lifetime.expiry(created_at, now))
            # Does nothing to one that has ended in between, and ends one whose time was shortened meanwhile.
            goes_on = await client.pexpire(key, _milliseconds(session.expires_at - now))
            return session if goes_on and session.expires_at > now else None

        return await self._store.ask("session use", work)

    async def end(self, session_id: str) -> None:
        """End it, if it goes on."""
        if not _FORM.fullmatch(session_id):
            return

        async def work(client: Redis) -> None:
            await client.delete(_key(session_id))

        await self._store.ask("session end", work)


def _key(session_id: str) -> str:
    return f"session:{hashlib.sha256(session_id.encode()).hexdigest()}"


def _milliseconds(time: timedelta) -> int:
    return time // timedelta(milliseconds=1)
