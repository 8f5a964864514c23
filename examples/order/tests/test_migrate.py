"""SO-11, F12-3: `order migrate` and `order seed` against a real database."""

import asyncio
from pathlib import Path

import psycopg
from processes import run

from chassis_testing.network import free_port
from chassis_testing.postgresql import PASSWORD, PostgreSQL
from chassis_testing.program import eventually, logged
from chassis_testing.schema import differences
from chassis_testing.starts import migrated
from order_service.storage.tables import metadata


def orders_in(database: str) -> int:
    with psycopg.connect(database) as connection:
        row = connection.execute("SELECT count(*) FROM orders").fetchone()
    assert row is not None
    return int(row[0])


def test_migrates_reports_the_head_and_does_nothing_the_second_time(empty_database: str, tmp_path: Path) -> None:
    head, said = migrated("order", tmp_path, DATABASE_URL=empty_database)
    assert (head, said[-2:]) == ("0002", ["migrated", "schema is up to date"])
    assert orders_in(empty_database) == 0
    head, said = migrated("order", tmp_path, DATABASE_URL=empty_database)
    assert (head, said[-2:]) == ("0002", ["nothing to migrate", "schema is up to date"])


def test_makes_no_termination_message_where_the_platform_has_none(empty_database: str, tmp_path: Path) -> None:
    assert run("migrate", DATABASE_URL=empty_database, TERMINATION_LOG=str(tmp_path / "none")).returncode == 0
    assert list(tmp_path.iterdir()) == []


async def test_two_at_once_take_turns(empty_database: str) -> None:
    one, two = await asyncio.gather(*(asyncio.to_thread(run, "migrate", DATABASE_URL=empty_database) for _ in range(2)))
    assert (one.returncode, two.returncode) == (0, 0), one.stderr + two.stderr
    said = [line["message"] for result in (one, two) for line in logged(result.stdout)]
    assert (said.count("migrated"), said.count("nothing to migrate")) == (1, 1)


async def test_waits_for_another_ones_turn_only_so_long(empty_database: str) -> None:
    async with await psycopg.AsyncConnection.connect(empty_database) as connection:
        await connection.execute("SELECT pg_advisory_lock(hashtextextended('order_service.migrate', 0))")
        result = await asyncio.to_thread(run, "migrate", DATABASE_URL=empty_database, MIGRATE_WAIT_SECONDS="0.1")
    assert result.returncode == 1
    assert result.stderr.startswith("order: migration of ")
    assert "lock timeout" in result.stderr


async def test_a_stopped_migration_leaves_nothing_behind(empty_database: str) -> None:
    """SIGTERM while it waits: it ends at once, and its lock is free."""
    from chassis_testing.program import environment, installed  # noqa: PLC0415

    async with await psycopg.AsyncConnection.connect(empty_database, autocommit=True) as connection:
        await connection.execute("SELECT pg_advisory_lock(hashtextextended('order_service.migrate', 0))")
        process = await asyncio.create_subprocess_exec(
            installed("order"),
            "migrate",
            env=environment(DATABASE_URL=empty_database),
            stdout=asyncio.subprocess.DEVNULL,
        )

        async def waits() -> bool:
            found = await connection.execute("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
            return await found.fetchone() is not None

        await eventually(waits, "does not wait for its turn")
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 10) == 143
    assert (await asyncio.to_thread(run, "migrate", DATABASE_URL=empty_database)).returncode == 0


def test_a_wrong_password_is_told_without_telling_the_password(postgresql: PostgreSQL) -> None:
    result = run("migrate", DATABASE_URL=postgresql.url("postgres", password="wr0ng-Pa55"))  # noqa: S106
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1].startswith("order: migration of postgres at 127.0.0.1 failed: ")
    assert "password authentication failed" in result.stderr
    for secret in ("wr0ng-Pa55", PASSWORD):
        assert secret not in result.stdout + result.stderr


def test_a_database_ahead_of_the_release_is_named(database: str) -> None:
    with psycopg.connect(database) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'from-the-future'")
    result = run("migrate", DATABASE_URL=database)
    assert result.returncode == 1
    assert result.stderr.startswith("order: migration of ")
    assert "Can't locate revision identified by 'from-the-future'" in result.stderr


def test_an_unreachable_database_is_tried_a_few_times() -> None:
    url = f"postgres://shop:s3cret-Pa55@127.0.0.1:{free_port()}/shop"
    result = run("migrate", DATABASE_URL=url)
    assert result.returncode == 1
    lines = logged(result.stdout)
    assert [(line["message"], line["what"]) for line in lines] == [("trying again", "migration")] * 4
    assert all("onnection refused" in line["error"] for line in lines)
    assert "onnection refused" in result.stderr.splitlines()[-1]
    assert "s3cret-Pa55" not in result.stdout + result.stderr


def test_the_tables_in_the_code_are_the_tables_in_the_database(database: str) -> None:
    assert differences(database, metadata) == []


def test_seeding_twice_is_seeding_once(database: str) -> None:
    for _ in range(2):
        result = run("seed", DATABASE_URL=database)
        assert (result.returncode, result.stderr) == (0, "")
        assert orders_in(database) == 3


def test_seeding_needs_the_schema(empty_database: str) -> None:
    result = run("seed", DATABASE_URL=empty_database)
    assert result.returncode == 1
    assert result.stderr == 'order: the database refused: relation "orders" does not exist\n'
