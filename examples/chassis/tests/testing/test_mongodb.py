"""The server for MongoDB's clients: databases of a test's own, unique indexes, and documents that survive an end."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.errors import DuplicateKeyError

from chassis_testing.mongodb import MongoDB


@pytest.fixture(scope="module")
def mongodb() -> Iterator[MongoDB]:
    with MongoDB.running() as server:
        yield server


def client(url: str) -> MongoClient[dict[str, Any]]:
    return MongoClient(url, serverSelectionTimeoutMS=5000)


def test_databases_are_apart(mongodb: MongoDB) -> None:
    with client(mongodb.database()) as mongo:
        mongo.get_default_database().users.insert_one({"_id": 7})
    with client(mongodb.database()) as mongo:
        assert mongo.get_default_database().users.count_documents({}) == 0


def test_survives_an_orderly_restart(mongodb: MongoDB) -> None:
    with client(mongodb.database()) as mongo:
        users = mongo.get_default_database().users
        users.create_index("email", unique=True)
        users.insert_one({"_id": 7, "email": "a@shop.test"})
        mongodb.restart()
        assert users.find_one({"email": "a@shop.test"}) == {"_id": 7, "email": "a@shop.test"}
        with pytest.raises(DuplicateKeyError):
            users.insert_one({"_id": 8, "email": "a@shop.test"})


def test_survives_a_crash(mongodb: MongoDB) -> None:
    with client(mongodb.database()) as mongo:
        users = mongo.get_default_database().users
        users.insert_one({"_id": 7, "name": "Ada"})
        users.update_one({"_id": 7}, {"$set": {"name": "Grace"}})
        with mongodb.outage():
            pass
        assert list(users.find()) == [{"_id": 7, "name": "Grace"}]


def test_listens_on_the_loopback_address_only(mongodb: MongoDB, listens_on: Callable[[MongoDB], set[str]]) -> None:
    assert listens_on(mongodb) == {"127.0.0.1"}
