"""What a person sees who starts the program in the wrong way, and what `payment migrate` leaves."""

import json
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from processes import Surroundings, run
from sqlalchemy import create_engine

from chassis.sql.settings import parse_database_url
from chassis_testing.program import logged
from payment_service.storage.tables import metadata

SECRET = "s3cret-Pa55"  # noqa: S105


@pytest.mark.parametrize(
    ("command", "required"),
    [
        ("web", {"DATABASE_URL", "STRIPE_API_KEY", "STRIPE_WEBHOOK_SECRET", "ORDER_ADDRESS"}),
        ("worker", {"DATABASE_URL", "STRIPE_API_KEY", "ORDER_ADDRESS"}),
    ],
)
def test_what_is_required_is_named(command: str, required: set[str]) -> None:
    """SP-5."""
    result = run(command)
    assert (result.returncode, result.stderr[:9]) == (1, "payment: ")
    assert set(result.stderr.removeprefix("payment: ").strip().split("; ")) == {
        f"{each} is required" for each in required
    }


def test_what_is_wrong_is_named_and_not_shown() -> None:
    variables = {
        "DATABASE_URL": "postgres://db/shop",
        "STRIPE_API_KEY": SECRET,
        "STRIPE_WEBHOOK_SECRET": SECRET,
        "STRIPE_API_BASE": f"https://user:{SECRET}@stripe",
        "ORDER_ADDRESS": "order",
        "PORT": "eighty",
    }
    result = run("web", **variables)
    assert result.returncode == 1
    for variable in ("STRIPE_API_BASE", "ORDER_ADDRESS", "PORT"):
        assert f"{variable}: " in result.stderr
    assert SECRET not in result.stdout + result.stderr


def test_migrates_and_reports_the_head(empty_database: str, tmp_path: Path) -> None:
    report = tmp_path / "termination-log"
    report.touch()  # the platform makes it
    done = run("migrate", DATABASE_URL=empty_database, TERMINATION_LOG=str(report))
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(report.read_text()) == {"schemaHead": "0001"}
    assert [line["message"] for line in logged(done.stdout)][-2:] == ["migrated", "schema is up to date"]


def test_the_tables_in_the_code_are_the_tables_in_the_database(surroundings: Surroundings) -> None:
    engine = create_engine(parse_database_url(surroundings.database))
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()
