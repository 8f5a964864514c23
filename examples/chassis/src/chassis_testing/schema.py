"""Whether the tables in a service's code are those in its database, for those who have `chassis[sql]`."""

from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import MetaData, create_engine

from chassis.sql.settings import parse_database_url


def differences(url: str, metadata: MetaData) -> list[Any]:
    """What a migration would have to do so that a database is as the code has it."""
    engine = create_engine(parse_database_url(url))
    try:
        with engine.connect() as connection:
            found: list[Any] = compare_metadata(MigrationContext.configure(connection), metadata)
            return found
    finally:
        engine.dispose()
