"""Idempotency keys: a request that is made twice has its effect once, and its answer both times (X-8, SP-3).

A key is kept with a digest of its request, and with the answer once there is one:

| the key is                           | what comes of the request           |
|--------------------------------------|-------------------------------------|
| new, or expired                      | it is worked on                     |
| of the same request, with an answer  | that answer                         |
| of the same request, being worked on | InProgressError: a little later     |
| of another request                   | KeyReusedError                      |

A process that dies while it works leaves a key without an answer. It is free for the same request when the lease is
over, so work must be safe to begin again.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import uuid4

import structlog
from sqlalchemy import Column, DateTime, Index, LargeBinary, MetaData, SmallInteger, Table, Text, Uuid, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from chassis.errors import ConflictError, InvalidError, UnavailableError, line
from chassis.sql.database import single

TABLE = "idempotency_keys"
HEADER = "Idempotency-Key"
KEPT = timedelta(hours=24)
MOST_EXPIRED_AT_ONCE = 1000
FREE_SECONDS = 1.0
"""So long a caller whose request failed waits for its key to be free."""

log = structlog.get_logger(__name__)

_BEGIN = text(
    """
    INSERT INTO idempotency_keys AS keys (scope, key, fingerprint, token, leased_until, expires_at)
    VALUES (:scope, :key, :fingerprint, :token, now() + :lease, now() + :kept)
    ON CONFLICT (scope, key) DO UPDATE SET
        fingerprint = excluded.fingerprint, token = excluded.token, leased_until = excluded.leased_until,
        expires_at = excluded.expires_at, status = NULL, body = NULL, headers = NULL
    WHERE keys.expires_at < now()
        OR (keys.status IS NULL AND keys.leased_until < now() AND keys.fingerprint = excluded.fingerprint)
    """
)
# By name: a column that the next release's migration adds would change what a prepared statement gives.
_READ = text(
    "SELECT token, fingerprint, status, body, headers FROM idempotency_keys WHERE scope = :scope AND key = :key"
)
_FINISH = text(
    """
    UPDATE idempotency_keys SET status = :status, body = :body, headers = :headers
    WHERE scope = :scope AND key = :key AND token = :token
    """
).bindparams(bindparam("body", type_=JSONB), bindparam("headers", type_=JSONB))
_RELEASE = text(
    "DELETE FROM idempotency_keys WHERE scope = :scope AND key = :key AND token = :token AND status IS NULL"
)
_EXPIRE = text(
    """
    DELETE FROM idempotency_keys WHERE (scope, key) IN (
        SELECT scope, key FROM idempotency_keys WHERE expires_at < now() LIMIT :most FOR UPDATE SKIP LOCKED
    )
    """
)


class KeyReusedError(InvalidError):
    """The key belongs to another request."""

    def __init__(self) -> None:
        super().__init__(HEADER, "belongs to another request; a new request needs a key of its own")


class InProgressError(ConflictError):
    """The request is being worked on."""

    retry_after_seconds = 1


@dataclass(frozen=True)
class Answer:
    """What a request was answered.

    Attributes:
        status: of HTTP.
        body: as JSON has it.
        headers: those that belong to it, such as Location.
        final: whether it will be the same for ever; one that is not is not kept, and the work is done again.
    """

    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)
    final: bool = True


def keys_table(metadata: MetaData) -> Table:
    """The table, for a service's metadata; its migration makes the same."""
    table = Table(
        TABLE,
        metadata,
        Column("scope", Text, primary_key=True),
        Column("key", Text, primary_key=True),
        Column("fingerprint", LargeBinary, nullable=False),
        Column("token", Uuid, nullable=False),  # of whoever works on it
        Column("leased_until", DateTime(timezone=True), nullable=False),
        Column("expires_at", DateTime(timezone=True), nullable=False),
        Column("status", SmallInteger),  # with body and headers: the answer, once there is one
        Column("body", JSONB),
        Column("headers", JSONB),
    )
    Index("idempotency_keys_expires_at", table.c.expires_at)
    return table


def fingerprint(*parts: str) -> bytes:
    """A digest of what makes a request the same request."""
    digest = hashlib.sha256()
    for part in parts:
        encoded = part.encode()
        digest.update(len(encoded).to_bytes(8) + encoded)
    return digest.digest()


class IdempotencyKeys:
    """The keys of one kind of request."""

    def __init__(self, engine: AsyncEngine, scope: str, lease_seconds: float) -> None:
        """Keep them in a database.

        Args:
            engine: the database.
            scope: the kind of request, such as `payments`: the same key in another scope is another key.
            lease_seconds: no work takes longer.
        """
        self._engine = engine
        self._scope = scope
        self._lease = timedelta(seconds=lease_seconds)

    async def once(self, key: str, request: bytes, work: Callable[[], Awaitable[Answer]]) -> Answer:
        """Do the work of a request, or give the answer that it had.

        An error that the work raises frees the key, and so does the end of the caller's patience.

        Args:
            key: the caller's.
            request: its fingerprint.
            work: what answers it.

        Raises:
            KeyReusedError: the key belongs to another request.
            InProgressError: another one works on it.
            StorageUnavailableError: the database does not answer.
        """
        mine = {"scope": self._scope, "key": key, "token": uuid4()}
        known = await self._begin(mine, request)
        if known is not None:
            return known
        try:
            answer = await work()
        except (Exception, asyncio.CancelledError):
            await self._free(mine)
            raise
        if answer.final:
            await self._finish(mine, answer)
        else:
            await self._run(_RELEASE, mine)
        return answer

    async def _begin(self, mine: dict[str, Any], request: bytes) -> Answer | None:
        """Take the key; gives the answer if it has one."""
        values = {**mine, "fingerprint": request, "lease": self._lease, "kept": KEPT}

        async def work(connection: AsyncConnection) -> Any:
            await connection.execute(_BEGIN, values)
            return (await connection.execute(_READ, {"scope": self._scope, "key": mine["key"]})).one_or_none()

        row = await single(self._engine, work)
        if row is None:  # expired and removed between the two statements
            raise InProgressError("the key is being freed, try again")
        if row.token == mine["token"]:  # also where the answer to a first try was lost on its way from the database
            return None
        if bytes(row.fingerprint) != request:
            raise KeyReusedError
        if row.status is None:
            raise InProgressError("the same request is being worked on, try again")
        return Answer(row.status, row.body, row.headers)

    async def _finish(self, mine: dict[str, Any], answer: Answer) -> None:
        values = {**mine, "status": answer.status, "body": answer.body, "headers": answer.headers}
        await self._run(_FINISH, values)

    async def _free(self, mine: dict[str, Any]) -> None:
        """Leave the key to whoever asks again; if that cannot be written down soon, when the lease is over."""
        try:
            async with asyncio.timeout(FREE_SECONDS):
                await self._run(_RELEASE, mine)
        except (TimeoutError, UnavailableError) as error:
            log.warning("an idempotency key is free when its lease is over", scope=self._scope, error=line(error))

    async def _run(self, statement: Any, values: dict[str, Any]) -> None:
        async def work(connection: AsyncConnection) -> None:
            await connection.execute(statement, values)

        await single(self._engine, work)


async def expire(engine: AsyncEngine) -> int:
    """Remove keys whose time is over, of all scopes; gives how many, at most MOST_EXPIRED_AT_ONCE.

    Raises:
        StorageUnavailableError: the database does not answer.
    """

    async def work(connection: AsyncConnection) -> int:
        return (await connection.execute(_EXPIRE, {"most": MOST_EXPIRED_AT_ONCE})).rowcount

    return await single(engine, work)
