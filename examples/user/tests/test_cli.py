"""What a person sees who starts the program, and what `user migrate` leaves behind."""

import asyncio
import json
from pathlib import Path

import pytest
from processes import Backing, run
from pymongo import MongoClient

from chassis_testing.mongodb import MongoDB
from chassis_testing.network import HOST, free_port
from chassis_testing.program import logged
from chassis_testing.starts import refusal

SECRET = "s3cret-Pa55"  # noqa: S105


@pytest.fixture
def empty_database(mongodb: MongoDB) -> str:
    """The URL of a database without any indexes."""
    return mongodb.database()


def test_without_a_subcommand_it_says_where_to_look() -> None:
    result = run()
    assert result.returncode == 1
    assert "user --help" in result.stderr


def test_what_is_missing_is_named() -> None:
    assert refusal("user", "web") == "REDIS_ADDR is required; MONGO_URL is required"


def test_web_does_not_start_without_its_databases(backing: Backing) -> None:
    """F4-6."""
    nowhere = f"{HOST}:{free_port()}"
    assert refusal("user", "web", **{**backing.variables, "REDIS_ADDR": nowhere}).startswith("no redis: ")
    result = run("web", **{**backing.variables, "MONGO_URL": f"mongodb://shop:{SECRET}@{nowhere}/shop"})
    assert (result.returncode, result.stderr.startswith("user: no mongodb: ")) == (1, True), result.stderr
    assert SECRET not in result.stdout + result.stderr


def test_web_does_not_start_where_nothing_keeps_addresses_apart(backing: Backing, empty_database: str) -> None:
    variables = {**backing.variables, "MONGO_URL": empty_database, "METRICS_PORT": "0"}
    assert refusal("user", "web", **variables) == ("the database lacks the migrations 0001, 0002: run `migrate` first")


async def test_migrations_are_done_once_by_whoever_comes_first(empty_database: str, tmp_path: Path) -> None:
    """SU-7."""
    report = tmp_path / "termination-log"
    report.touch()  # the platform makes it
    variables = {"MONGO_URL": empty_database, "TERMINATION_LOG": str(report), "LOG_LEVEL": "debug"}
    results = await asyncio.gather(*(asyncio.to_thread(run, "migrate", **variables) for _ in range(2)))
    assert [(result.returncode, result.stderr) for result in results] == [(0, "")] * 2
    lines = [line for result in results for line in logged(result.stdout)]
    applied = [line["revision"] for line in lines if line["message"] == "migration applied"]
    assert sorted(applied) == ["0001", "0002"]
    assert json.loads(report.read_text()) == {"schemaHead": "0002"}

    again = await asyncio.to_thread(run, "migrate", MONGO_URL=empty_database)
    said = [(line["message"], line.get("schema_head")) for line in logged(again.stdout)]
    assert said == [("nothing to migrate", None), ("schema is up to date", "0002")]
    with MongoClient[dict[str, str]](empty_database) as client:
        indexes = client.get_default_database().users.index_information()
    assert {name for name, index in indexes.items() if index.get("unique")} >= {"users_email", "users_origin_key"}
