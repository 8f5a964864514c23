"""The process `migrate`: brings the schema to this release's head, once, whoever else tries at the same time."""

import structlog
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.util.exc import CommandError as AlembicError
from sqlalchemy import Connection, NullPool, create_engine, text
from sqlalchemy.exc import DBAPIError

from chassis.errors import CommandError
from chassis.retries import Patience, again_blocking
from chassis.sql.database import connect_args, describe, is_transient
from chassis.sql.settings import DatabaseSettings
from chassis.termination import report_head

log = structlog.get_logger(__name__)

_LOCK_NOT_AVAILABLE = "55P03"


def migrate(settings: DatabaseSettings, package: str) -> None:
    """Upgrade to the head and report it in the container's termination message.

    Args:
        settings: which database, and how long to wait.
        package: the service's, such as `order_service`: its migrations are in `order_service.migrations`, and its name
            tells them from another service's among the database's advisory locks.

    Raises:
        CommandError: the database cannot be reached, or a migration failed.
    """
    config = Config()
    config.set_main_option("script_location", f"{package}:migrations")
    try:
        head = _migrate(settings, config, f"{package}.migrate")
    except (AlembicError, DBAPIError) as error:  # alembic's own: the database is at a revision that this release lacks
        url = settings.database
        raise CommandError(
            f"migration of {url.database} at {url.host or 'local socket'} failed: {describe(error)}"
        ) from error
    log.info("schema is up to date", schema_head=head)
    report_head(settings.termination_log, head)


def _migrate(settings: DatabaseSettings, config: Config, lock: str) -> str:
    engine = create_engine(settings.database, poolclass=NullPool, hide_parameters=True, connect_args=connect_args(lock))

    def migrate_once() -> str:
        with engine.connect() as connection:
            return _migrate_alone(settings, config, lock, connection)

    patience = Patience(most=5, timeout_seconds=None, first_pause_seconds=0.2, longest_pause_seconds=5)
    return again_blocking("migration", migrate_once, passing=_worth_retrying, describe=describe, patience=patience)


def _migrate_alone(settings: DatabaseSettings, config: Config, lock: str, connection: Connection) -> str:
    _set_lock_timeout(connection, settings.migrate_wait_seconds)
    connection.execute(text("SELECT pg_advisory_lock(hashtextextended(:lock, 0))"), {"lock": lock})
    try:
        # A migration that waits for a busy table makes everyone behind it wait too: give up early, try again.
        _set_lock_timeout(connection, settings.migrate_lock_timeout_seconds)
        connection.commit()
        before = _current(connection)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.commit()
        after = _current(connection)
        log.info("migrated" if before != after else "nothing to migrate", before=before, after=after)
    finally:
        if not connection.invalidated:
            connection.rollback()
            connection.execute(text("SELECT pg_advisory_unlock(hashtextextended(:lock, 0))"), {"lock": lock})
            connection.commit()
    return after or ""


def _current(connection: Connection) -> str | None:
    with connection.begin():
        return MigrationContext.configure(connection).get_current_revision()


def _set_lock_timeout(connection: Connection, seconds: float) -> None:
    connection.execute(
        text("SELECT set_config('lock_timeout', :limit, false)"), {"limit": f"{round(seconds * 1000)}ms"}
    )


def _worth_retrying(error: Exception) -> bool:
    locked = isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) == _LOCK_NOT_AVAILABLE
    return locked or is_transient(error)
