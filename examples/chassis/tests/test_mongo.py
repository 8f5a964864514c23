"""X-4, X-13, LG-3, OB-6: what asking MongoDB looks like from outside, and that nothing of it shows what users sent."""

import asyncio
import json
import logging
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import REGISTRY
from pydantic import SecretStr
from pymongo.errors import DuplicateKeyError
from structlog.testing import capture_logs

from chassis.errors import CommandError, UnavailableError
from chassis.mongo import client as client_module
from chassis.mongo.client import Database, Documents, MongoRefusedError, MongoUnavailableError, opened
from chassis.mongo.migrate import Migration, migrate, require
from chassis.mongo.settings import MongoSettings
from chassis.retries import Patience
from chassis_testing.mongodb import MongoDB
from chassis_testing.network import free_port

PRIVATE = "ada@shop.test"


def at(server: MongoDB, **given: Any) -> MongoSettings:
    return MongoSettings(mongo_url=SecretStr(server.database()), **given)


@pytest.fixture
async def documents(mongodb: MongoDB) -> AsyncIterator[Documents]:
    async with opened(at(mongodb), "tests") as documents:
        yield documents


async def write_and_read(documents: Documents) -> Any:
    async def work(database: Database) -> Any:
        await database.users.update_one({"_id": 7}, {"$set": {"email": PRIVATE}}, upsert=True)
        return await database.users.find_one({"email": PRIVATE})

    return await documents.ask(work)


@contextmanager
def hanging(server: MongoDB) -> Iterator[None]:
    os.kill(server.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server.pid, signal.SIGCONT)


async def test_an_outage_is_told_and_over_when_it_is_back(
    mongodb: MongoDB, documents: Documents, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await write_and_read(documents) == {"_id": 7, "email": PRIVATE}
    monkeypatch.setattr(client_module, "TIMEOUT_SECONDS", 0.5)
    with mongodb.outage():
        with pytest.raises(MongoUnavailableError) as gone:
            await write_and_read(documents)
        with pytest.raises(MongoUnavailableError, match=r"127\.0\.0\.1"):
            await documents.ping()
    assert gone.value.public == "storage is unavailable, try again"
    assert "\n" not in str(gone.value)
    monkeypatch.undo()
    assert await write_and_read(documents) == {"_id": 7, "email": PRIVATE}


async def test_one_that_hangs_is_given_up_left_alone_and_asked_again_after_a_ping(
    mongodb: MongoDB, documents: Documents, monkeypatch: pytest.MonkeyPatch
) -> None:
    def opens() -> float | None:
        return REGISTRY.get_sample_value("breaker_open", {"what": "mongodb"})

    assert await write_and_read(documents)
    monkeypatch.setattr(client_module, "TIMEOUT_SECONDS", 0.1)
    with hanging(mongodb):
        async with asyncio.timeout(20):
            for _ in range(5):
                with pytest.raises(MongoUnavailableError):
                    await write_and_read(documents)
        with pytest.raises(UnavailableError, match="failed 5 times"):
            await write_and_read(documents)
        with pytest.raises(MongoUnavailableError):
            await documents.ping()
        assert opens() == 1
    monkeypatch.undo()
    await documents.ping()
    assert await write_and_read(documents)
    assert opens() == 0


async def test_a_slow_command_is_told_by_its_shape(mongodb: MongoDB) -> None:
    async with opened(at(mongodb, slow_seconds=0.000001), "tests") as documents:
        with capture_logs() as lines:
            await write_and_read(documents)
    slow = [json.loads(line["query"]) for line in lines if line["event"] == "slow command"]
    assert slow == [
        {
            "update": "users",
            "updates": [{"q": {"_id": "?"}, "u": {"$set": {"email": "?"}}, "multi": "?", "upsert": "?"}],
        },
        {"find": "users", "filter": {"email": "?"}, "limit": "?", "singleBatch": "?"},
    ]
    assert PRIVATE not in str(lines)


async def test_a_failed_command_is_told_without_its_values(documents: Documents) -> None:
    """LG-3; MongoDB's own text quotes them."""

    async def refused(database: Database) -> None:
        await database.users.update_one({"email": PRIVATE}, {"$nonsense": {"email": PRIVATE}}, upsert=True)

    async def refused_command(database: Database) -> None:
        await database.command({"nonsense": 1, "email": PRIVATE})

    with capture_logs() as lines, pytest.raises(MongoRefusedError) as told:
        await documents.ask(refused_command)
    assert str(told.value) == "CommandNotFound (59)"
    assert [line["event"] for line in lines] == ["command failed"]
    assert json.loads(lines[0]["query"]) == {"nonsense": 1, "email": "?"}
    assert lines[0]["error"] == "CommandNotFound (59)"
    with capture_logs() as lines, pytest.raises(MongoRefusedError) as told:
        await documents.ask(refused)
    assert PRIVATE not in str(told.value) + str(told.value.__cause__) + str(lines)


async def test_a_value_of_a_unique_index_is_refused_and_that_is_no_failure(documents: Documents) -> None:
    async def work(database: Database) -> None:
        await database.users.create_index("email", unique=True)
        for each in range(2):
            await database.users.insert_one({"_id": each, "email": PRIVATE})

    with capture_logs() as lines, pytest.raises(DuplicateKeyError):
        await documents.ask(work)
    assert lines == []


async def test_what_the_driver_logs_holds_no_values(mongodb: MongoDB, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        async with opened(at(mongodb), "tests") as documents:
            await write_and_read(documents)
    assert "Connection pool created" in caplog.text, "the driver says nothing at debug, so this would prove nothing"
    assert PRIVATE not in caplog.text


@pytest.mark.usefixtures("own_provider")
async def test_each_command_is_a_span_without_values(mongodb: MongoDB) -> None:
    kept = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    trace.set_tracer_provider(provider)
    async with opened(at(mongodb), "tests") as documents:
        with provider.get_tracer("tests").start_as_current_span("request") as request:
            await write_and_read(documents)
    spans = [span for span in kept.get_finished_spans() if span.name != "request"]
    assert [span.name for span in spans] == ["mongo update users", "mongo find users"]
    assert {span.parent.span_id for span in spans if span.parent} == {request.get_span_context().span_id}
    assert PRIVATE not in "".join(span.to_json() for span in spans)


async def test_connections_are_counted(mongodb: MongoDB) -> None:
    def count(name: str) -> float:
        return REGISTRY.get_sample_value(f"mongo_pool_connections_{name}") or 0

    before = count("open")
    async with opened(at(mongodb), "tests") as documents:

        async def work(database: Database) -> float:
            await database.users.insert_one({})
            return count("in_use")

        await asyncio.gather(*(documents.ask(work) for _ in range(3)))
        assert before < count("open") <= before + 3
        assert count("in_use") == 0
    assert count("open") == before


@pytest.mark.parametrize(
    "url",
    [
        "postgres://shop:s3cret-Pa55@db/shop",
        "mongodb://shop:s3cret-Pa55@db:27017",
        "mongodb://shop:s3cret@Pa55@db:27017/shop",
        "mongodb://shop:s3cret/Pa55@db:27017/shop",
        "mongodb://shop:s3cret-Pa55@db:port/shop",
        "mongodb://shop:s3cret-Pa55@db/shop?authMechanism=s3cret-Pa55",
    ],
)
def test_an_unusable_url_is_explained_but_not_shown(url: str) -> None:
    with pytest.raises(CommandError, match="MONGO_URL: ") as told:
        MongoSettings.load(mongo_url=url)
    assert "s3cret" not in str(told.value)
    assert "Pa55" not in str(told.value)


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("mongodb://127.0.0.1:27017/shop", "shop at 127.0.0.1:27017"),
        ("mongodb://shop:s3cret%40@a:1,b:2/shop?replicaSet=rs", "shop at a:1,b:2"),
        ("mongodb+srv://shop:s3cret%40@cluster.example.com/shop", "shop at cluster.example.com"),
    ],
)
def test_a_usable_url_tells_its_place_and_keeps_its_password(url: str, place: str) -> None:
    settings = MongoSettings.load(mongo_url=url)
    assert settings.mongo_place == place
    assert "s3cret" not in repr(settings)
    assert ("s3cret@" in settings.secrets) == ("s3cret" in url)


async def unique_email(database: Database) -> None:
    await database.users.create_index("email", unique=True, name="email")


FIRST, SECOND = Migration("0001", "unique email", unique_email), Migration("0002", "the same again", unique_email)


async def test_migrations_are_done_once_told_and_required(mongodb: MongoDB, tmp_path: Path) -> None:
    report = tmp_path / "termination-log"
    report.touch()
    settings = at(mongodb, termination_log=str(report))
    async with opened(settings, "tests") as documents:
        with pytest.raises(CommandError, match="lacks the migrations 0001: run"):
            await require(documents, [FIRST])
        with capture_logs() as first:
            await migrate(settings, [FIRST], "tests")
        await require(documents, [FIRST])
        with capture_logs() as second:
            await migrate(settings, [FIRST, SECOND], "tests")
        with capture_logs() as third:
            await migrate(settings, [FIRST, SECOND], "tests")
    said = [[(line["event"], line.get("revision")) for line in lines] for lines in (first, second, third)]
    end = ("schema is up to date", None)
    assert said == [
        [("migration applied", "0001"), ("migrated", None), end],
        [("migration applied", "0002"), ("migrated", None), end],
        [("nothing to migrate", None), end],
    ]
    assert json.loads(report.read_text()) == {"schemaHead": "0002"}


async def test_two_at_once_do_no_harm(mongodb: MongoDB) -> None:
    settings = at(mongodb)
    with capture_logs() as lines:
        await asyncio.gather(*(migrate(settings, [FIRST, SECOND], f"tests-{n}") for n in range(5)))
    assert sorted(line["revision"] for line in lines if line["event"] == "migration applied") == ["0001", "0002"]


async def test_a_migration_that_fails_and_one_of_a_later_release_are_named(mongodb: MongoDB) -> None:
    settings = at(mongodb)
    async with opened(settings, "tests") as documents:

        async def twice(database: Database) -> None:
            await database.users.insert_many([{"email": PRIVATE}, {"email": PRIVATE}])

        await documents.ask(twice)
        with pytest.raises(CommandError, match=r"migration of t\w+ at 127.0.0.1:\d+ failed: 0001: ") as told:
            await migrate(settings, [FIRST], "tests")
        assert PRIVATE not in str(told.value)

        async def ahead(database: Database) -> None:
            await database.users.delete_many({})
            await database.migrations.insert_one({"_id": "0009"})

        await documents.ask(ahead)
    with pytest.raises(CommandError, match="this release lacks: 0009"):
        await migrate(settings, [FIRST], "tests")


async def test_a_migration_tries_a_few_times_and_tells_where_and_no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "TIMEOUT_SECONDS", 0.1)
    monkeypatch.setattr("chassis.mongo.migrate._PATIENCE", Patience(5, None, 0.01, 0.01))
    place = f"shop at 127.0.0.1:{free_port()}"
    url = f"mongodb://shop:s3cret-Pa55@{place.removeprefix('shop at ')}/shop"
    with capture_logs() as lines, pytest.raises(CommandError, match=f"migration of {place} failed: ") as told:
        await migrate(MongoSettings(mongo_url=SecretStr(url)), [FIRST], "tests")
    assert [line["what"] for line in lines if line["event"] == "trying again"] == ["migration"] * 4
    assert "s3cret" not in f"{told.value} {lines}"
