"""Asking MongoDB: within a limit of time, again where that helps, and not while it is down (X-4, X-13).

Nothing here needs transactions, which a MongoDB that stands alone has not. What must hold is to be held by unique
indexes and by commands that change one document; those are atomic everywhere.
"""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import pymongo
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import (
    ConnectionFailure,
    DuplicateKeyError,
    ExecutionTimeout,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
)

from chassis.breaker import Breaker
from chassis.errors import ServiceError, UnavailableError
from chassis.mongo.settings import MongoSettings
from chassis.mongo.watch import Commands, Pool
from chassis.retries import again

T = TypeVar("T")
Database = AsyncDatabase[dict[str, Any]]

TIMEOUT_SECONDS = 2.0
"""For one try: to find a server, to get a connection and to have the answer."""


class MongoUnavailableError(UnavailableError):
    """MongoDB does not answer, also after retries."""

    public = "storage is unavailable, try again"


class MongoRefusedError(ServiceError):
    """MongoDB refuses a command: an error of the program or of what is there. Its text quotes no values."""


class Documents:
    """A database of MongoDB."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._breaker = Breaker("mongodb", _is_down)

    async def ask(self, work: Callable[[Database], Awaitable[T]]) -> T:
        """Do some work that is safe to repeat: a command whose answer was lost may have been carried out.

        Raises:
            MongoUnavailableError: it does not answer, after retries too.
            UnavailableError: it has not for a while, and was not asked.
            pymongo.errors.DuplicateKeyError: another document has the value of a unique index. Its text quotes it.
            MongoRefusedError: it refuses.
        """

        async def once() -> T:
            with pymongo.timeout(TIMEOUT_SECONDS):
                return await work(self._database)

        async def patiently() -> T:
            return await again("mongodb", once, passing=_may_pass, describe=describe)

        try:
            return await self._breaker.call(patiently)
        except DuplicateKeyError:
            raise
        except PyMongoError as error:
            if _is_down(error):
                raise MongoUnavailableError(describe(error)) from error
            raise MongoRefusedError(describe(error)) from None

    async def ping(self) -> None:
        """Ask whether it is there; if so, it is asked again by everybody.

        Raises:
            MongoUnavailableError: it is not, or does not let us in.
        """
        try:
            with pymongo.timeout(TIMEOUT_SECONDS):
                await self._database.command("ping")
        except PyMongoError as error:
            raise MongoUnavailableError(describe(error)) from error
        self._breaker.close()


@asynccontextmanager
async def opened(settings: MongoSettings, name: str) -> AsyncIterator[Documents]:
    """Have connections to the database of the URL while this is open; they are made when they are needed.

    Args:
        settings: where it is, and how many connections.
        name: of the process, which MongoDB shows in its log and in currentOp, such as `user-web`.
    """
    async with connected(settings, name) as database:
        yield Documents(database)


@asynccontextmanager
async def connected(settings: MongoSettings, name: str) -> AsyncIterator[Database]:
    """Have them without limits of time, for what takes as long as it takes; see `opened`."""
    # At debug the driver logs commands with all their values.
    logging.getLogger("pymongo.command").setLevel(logging.INFO)
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(
        settings.mongo_url.get_secret_value(),
        appname=name,
        maxPoolSize=settings.mongo_pool_max_open,
        connectTimeoutMS=round(TIMEOUT_SECONDS * 1000),
        serverSelectionTimeoutMS=round(TIMEOUT_SECONDS * 1000),
        tz_aware=True,
        uuidRepresentation="standard",
        event_listeners=[Commands(settings.slow_seconds), Pool()],
    )
    async with client:
        yield client.get_default_database()


def describe(error: Exception) -> str:
    """Say what went wrong in one line, without values of documents and without the driver's view of the servers."""
    if isinstance(error, OperationFailure):
        name = (error.details or {}).get("codeName", type(error).__name__)
        return f"{name} ({error.code})"
    return " ".join(str(error).split(", Timeout:")[0].split()) or type(error).__name__


def is_transient(error: Exception) -> bool:
    """Tell whether the same command may succeed when it is sent again."""
    return isinstance(error, ConnectionFailure | ExecutionTimeout)


def _is_down(error: Exception) -> bool:
    return is_transient(error)


def _may_pass(error: Exception) -> bool:
    # Who has looked for a server until the time was over has tried again and again already.
    return is_transient(error) and not isinstance(error, ServerSelectionTimeoutError)
