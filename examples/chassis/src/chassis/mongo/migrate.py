"""Numbered migrations of a database of MongoDB, such as indexes; the collection `migrations` says which were done.

There is no lock. Without transactions a step may be done and not noted when a process ends between the two, so each
step has to be one that can be done again; and then two processes may as well do it at the same time.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog
from pymongo.errors import DuplicateKeyError, OperationFailure, PyMongoError

from chassis.errors import CommandError
from chassis.mongo.client import Database, Documents, connected, describe, is_transient
from chassis.mongo.settings import MongoSettings
from chassis.retries import Patience, again
from chassis.termination import report_head

log = structlog.get_logger(__name__)

COLLECTION = "migrations"
_PATIENCE = Patience(most=5, timeout_seconds=None, first_pause_seconds=0.2, longest_pause_seconds=5)


@dataclass(frozen=True)
class Migration:
    """One step.

    Attributes:
        number: its place among the others, such as `0001`; never changed, and never used again.
        title: what it does.
        apply: does it. It can be done again, also by two at once, and the release before goes on to work with it.
    """

    number: str
    title: str
    apply: Callable[[Database], Awaitable[None]]


async def migrate(settings: MongoSettings, migrations: Sequence[Migration], name: str) -> None:
    """Do the steps that were not done yet, and report the last one in the container's termination message.

    Args:
        settings: which database.
        migrations: all that there are, in their order.
        name: of the process, such as `user-migrate`.

    Raises:
        CommandError: the database cannot be reached, a step failed, or one was done that this release does not know.
    """
    async with connected(settings, name) as database:

        async def attempt() -> int:
            return await _migrate(database, migrations)

        try:
            applied = await again("migration", attempt, passing=is_transient, describe=describe, patience=_PATIENCE)
        except (CommandError, PyMongoError) as error:
            reason = describe(error) if isinstance(error, PyMongoError) else str(error)
            raise CommandError(f"migration of {settings.mongo_place} failed: {reason}") from error
    head = migrations[-1].number
    log.info("migrated" if applied else "nothing to migrate", steps=applied)
    log.info("schema is up to date", schema_head=head)
    report_head(settings.termination_log, head)


async def require(documents: Documents, migrations: Sequence[Migration]) -> None:
    """See that all steps were done. Without its unique indexes a service would work, and keep things twice.

    Raises:
        CommandError: some were not.
        UnavailableError: the database does not answer.
    """
    done = await documents.ask(_done)
    missing = [step.number for step in migrations if step.number not in done]
    if missing:
        raise CommandError(f"the database lacks the migrations {', '.join(missing)}: run `migrate` first")


async def _migrate(database: Database, migrations: Sequence[Migration]) -> int:
    done = await _done(database)
    if unknown := done - {step.number for step in migrations}:
        raise CommandError(f"the database has migrations that this release lacks: {', '.join(sorted(unknown))}")
    applied = 0
    for step in migrations:
        if step.number in done:
            continue
        try:
            await step.apply(database)
        except OperationFailure as error:
            raise CommandError(f"{step.number}: {describe(error)}") from error
        if await _note(database, step):
            applied += 1
            log.info("migration applied", revision=step.number, title=step.title)
    return applied


async def _done(database: Database) -> set[str]:
    return {str(document["_id"]) async for document in database[COLLECTION].find({}, {"_id": 1})}


async def _note(database: Database, step: Migration) -> bool:
    """Whether it was not noted before: another process may have done the same."""
    try:
        await database[COLLECTION].insert_one({"_id": step.number, "title": step.title, "at": datetime.now(UTC)})
    except DuplicateKeyError:
        return False
    return True
