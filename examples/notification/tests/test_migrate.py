"""`notification migrate` against a real database."""

from pathlib import Path

from chassis_testing.postgresql import PASSWORD
from chassis_testing.schema import differences
from chassis_testing.starts import migrated
from notification_service.storage.tables import metadata


def test_migrates_reports_the_head_and_does_nothing_the_second_time(empty_database: str, tmp_path: Path) -> None:
    head, said = migrated("notification", tmp_path, DATABASE_URL=empty_database)
    assert (head, said[-2:]) == ("0001", ["migrated", "schema is up to date"])
    assert PASSWORD not in str(said)
    head, said = migrated("notification", tmp_path, DATABASE_URL=empty_database)
    assert (head, said[-2:]) == ("0001", ["nothing to migrate", "schema is up to date"])


def test_the_tables_in_the_code_are_the_tables_in_the_database(database: str) -> None:
    assert differences(database, metadata) == []
