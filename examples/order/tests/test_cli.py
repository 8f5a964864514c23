"""What a person sees who starts the program in the wrong way."""

import pytest
from processes import Order, run

from chassis_testing.network import free_port
from chassis_testing.postgresql import PASSWORD, PostgreSQL
from chassis_testing.program import logged
from chassis_testing.starts import refusal

SECRET = "s3cret-Pa55"  # noqa: S105


def test_without_a_subcommand_it_says_where_to_look() -> None:
    result = run()
    assert result.returncode == 1
    assert "order --help" in result.stderr


def test_help_names_the_subcommands() -> None:
    result = run("--help")
    assert result.returncode == 0
    assert all(name in result.stdout for name in ("web", "migrate", "seed"))


@pytest.mark.parametrize("command", ["web", "migrate", "seed"])
def test_a_database_is_required(command: str) -> None:
    for variables in ({}, {"DATABASE_URL": ""}):
        assert refusal("order", command, **variables) == "DATABASE_URL is required"


def test_an_unusable_url_is_explained_but_not_shown() -> None:
    result = run("web", DATABASE_URL=f"postgres://shop:{SECRET}@db:5432")
    assert result.returncode == 1
    assert result.stderr.startswith("order: DATABASE_URL: names no database")
    assert SECRET not in result.stdout + result.stderr


def test_a_wrong_port_is_named() -> None:
    assert refusal("order", "web", DATABASE_URL="postgres://db/shop", PORT="eighty").startswith("PORT: ")


def test_web_does_not_start_without_its_database() -> None:
    result = run("web", DATABASE_URL=f"postgres://shop:{SECRET}@127.0.0.1:{free_port()}/shop")
    assert result.returncode == 1
    assert result.stderr.startswith("order: no database: ")
    assert SECRET not in result.stdout + result.stderr


def test_web_tells_nothing_about_a_wrong_password(postgresql: PostgreSQL) -> None:
    result = run("web", DATABASE_URL=postgresql.url("postgres", password=SECRET))
    assert result.returncode == 1
    assert "password authentication failed" in result.stderr
    assert SECRET not in result.stdout + result.stderr


async def test_a_taken_port_is_an_error(order: Order, database: str) -> None:
    result = run("web", DATABASE_URL=database, PORT=order.address.rpartition(":")[2], METRICS_PORT=str(free_port()))
    assert result.returncode == 1
    assert "cannot listen on port" in result.stderr


def test_an_unknown_log_level_is_a_warning(database: str) -> None:
    result = run("seed", DATABASE_URL=database, LOG_LEVEL="loud")
    assert result.returncode == 0
    first, *rest = logged(result.stdout)
    assert (first["level"], first["message"]) == ("warning", "unknown LOG_LEVEL, using info")
    assert rest[-1]["message"] == "seeded"


def test_debug_logs_hold_no_secret(empty_database: str) -> None:
    result = run("migrate", DATABASE_URL=empty_database, LOG_LEVEL="debug")
    assert result.returncode == 0
    assert PASSWORD not in result.stdout
    assert empty_database not in result.stdout
