"""Connections: how to open them, how to tell that the database is gone, how to try again."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, TypeVar

from sqlalchemy import URL, text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from chassis.errors import UnavailableError
from chassis.retries import again
from chassis.sql.settings import DatabaseSettings
from chassis.sql.watch import watch

T = TypeVar("T")

PING_TIMEOUT_SECONDS = 2.0
_CONNECT_TIMEOUT_SECONDS = 5
_READ_ONLY = "25006"
"""The server became a standby, and keeps its connections: the one that writes is found by a new one."""
# Serialization failure, deadlock, the server going away or coming up, and a disk that fails.
_TRANSIENT_STATES = frozenset({_READ_ONLY, "40001", "40P01", "57P01", "57P02", "57P03", "58030"})
# Lost connections; a full disk, no memory and too many connections.
_TRANSIENT_CLASSES = ("08", "53")


class StorageUnavailableError(UnavailableError):
    """The database does not answer, also after retries."""

    public = "storage is unavailable, try again"


def connect_args(application: str) -> dict[str, Any]:
    """Driver options: a dead host is noticed in seconds and not in hours."""
    return {
        "application_name": application,
        "connect_timeout": _CONNECT_TIMEOUT_SECONDS,
        "keepalives_idle": 30,
        "tcp_user_timeout": 10_000,
    }


def pool_options(settings: DatabaseSettings) -> dict[str, Any]:
    """What SQLAlchemy calls the sizes and times of a pool."""
    idle = min(settings.db_pool_max_idle, settings.db_pool_max_open)
    return {
        "pool_size": idle,
        "max_overflow": settings.db_pool_max_open - idle,
        "pool_recycle": settings.db_pool_max_lifetime_seconds,
        "pool_timeout": _CONNECT_TIMEOUT_SECONDS,
        "pool_use_lifo": True,  # idle connections age out instead of taking turns
    }


def create_engine(settings: DatabaseSettings, application: str, url: URL | None = None) -> AsyncEngine:
    """Make the pool; nothing is connected yet.

    On its connections each statement commits by itself, as `single` wants it: nearly all do, and to switch a connection
    over and back costs as much as a small statement. Only `transact` makes a transaction.

    Args:
        settings: how many connections, and what counts as a slow statement.
        application: what the database's own views call these connections, such as `order-web`.
        url: another database than the one of the settings, such as their replica.
    """
    engine = create_async_engine(
        url or settings.database,
        isolation_level="AUTOCOMMIT",
        **pool_options(settings),
        hide_parameters=True,  # statements in errors and logs come without users' data
        connect_args=connect_args(application),
    )
    watch(engine, settings.slow_seconds)
    return engine


@asynccontextmanager
async def opened(settings: DatabaseSettings, application: str, url: URL | None = None) -> AsyncIterator[AsyncEngine]:
    """Give a pool as of `create_engine`, and close its connections at the end."""
    engine = create_engine(settings, application, url)
    try:
        yield engine
    finally:
        await engine.dispose()


async def ping(engine: AsyncEngine) -> None:
    """Ask the database for one row.

    Raises:
        StorageUnavailableError: it does not answer in time.
    """
    try:
        async with asyncio.timeout(PING_TIMEOUT_SECONDS), engine.connect() as connection:
            await connection.execute(text("SELECT 1"))
    except TimeoutError:
        raise StorageUnavailableError("the database does not answer in time") from None
    except (DBAPIError, PoolTimeoutError) as error:
        raise StorageUnavailableError(describe(error)) from error


async def transact(engine: AsyncEngine, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
    """Run a transaction, again if it failed for a passing reason; `work` must be safe to repeat.

    Raises:
        StorageUnavailableError: the last attempt failed too.
    """
    return await _repeat(engine.execution_options(isolation_level="READ COMMITTED").begin, work)


async def single(engine: AsyncEngine, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
    """Run statements each of which stands for itself, as `transact` does, without the round trips of a transaction."""
    return await _repeat(engine.connect, work)


async def _repeat(
    connect: Callable[[], AbstractAsyncContextManager[AsyncConnection]], work: Callable[[AsyncConnection], Awaitable[T]]
) -> T:
    async def attempt() -> T:
        async with connect() as connection:
            try:
                return await work(connection)
            except DBAPIError as error:
                if _state(error) == _READ_ONLY:
                    await connection.invalidate(error)
                raise

    try:
        return await again("database", attempt, passing=is_transient, describe=describe)
    except PoolTimeoutError as error:
        raise StorageUnavailableError("all database connections are busy") from error
    except DBAPIError as error:
        if is_transient(error):
            raise StorageUnavailableError(describe(error)) from error
        raise


def is_transient(error: Exception) -> bool:
    """Tell whether the same statement may succeed when it is sent again."""
    if not isinstance(error, DBAPIError):
        return False
    state = _state(error)
    if state is None:  # nothing came from the server: the connection failed
        return isinstance(error, OperationalError | InterfaceError)
    return state.startswith(_TRANSIENT_CLASSES) or state in _TRANSIENT_STATES


def _state(error: DBAPIError) -> str | None:
    """PostgreSQL's code for it (https://www.postgresql.org/docs/current/errcodes-appendix.html)."""
    return getattr(error.orig, "sqlstate", None)


def describe(error: Exception) -> str:
    """Say what went wrong in one line, without SQLAlchemy's statement and background links."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    lines = [line.strip() for line in str(cause).splitlines() if line.strip()]
    return lines[0] if lines else type(cause).__name__
