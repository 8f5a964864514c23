"""What a person sees who starts the program in the wrong way, and what `payment migrate` leaves."""

from pathlib import Path

import pytest
from processes import Surroundings, run

from chassis_testing.schema import differences
from chassis_testing.starts import migrated, refusal
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
    assert set(refusal("payment", command).split("; ")) == {f"{each} is required" for each in required}


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
    head, said = migrated("payment", tmp_path, DATABASE_URL=empty_database)
    assert (head, said[-2:]) == ("0001", ["migrated", "schema is up to date"])


def test_the_tables_in_the_code_are_the_tables_in_the_database(surroundings: Surroundings) -> None:
    assert differences(surroundings.database, metadata) == []
