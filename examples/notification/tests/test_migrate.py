"""`notification migrate` against a real database."""

import json
from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from processes import run
from sqlalchemy import create_engine

from chassis.sql.settings import parse_database_url
from chassis_testing.postgresql import PASSWORD
from chassis_testing.program import logged
from notification_service.storage.tables import metadata


def test_migrates_reports_the_head_and_does_nothing_the_second_time(empty_database: str, tmp_path: Path) -> None:
    report = tmp_path / "termination-log"
    report.touch()  # the platform makes it
    first = run("migrate", DATABASE_URL=empty_database, TERMINATION_LOG=str(report))
    assert (first.returncode, first.stderr) == (0, "")
    assert json.loads(report.read_text()) == {"schemaHead": "0001"}
    assert PASSWORD not in first.stdout
    second = run("migrate", DATABASE_URL=empty_database)
    assert (second.returncode, second.stderr) == (0, "")
    assert [line["message"] for line in logged(second.stdout)][-2:] == ["nothing to migrate", "schema is up to date"]


def test_the_tables_in_the_code_are_the_tables_in_the_database(database: str) -> None:
    engine = create_engine(parse_database_url(database))
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()
