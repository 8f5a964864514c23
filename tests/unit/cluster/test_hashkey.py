"""The key of the hashes: made once, kept, shared by replicas (invariant 8)."""

import base64
from typing import Any

import pytest

from delivery_operator.cluster import hashkey
from delivery_operator.cluster.errors import NotFound, Refused
from tests.unit.support.api import FakeApi

PLACE = ("Secret", "delivery-system", hashkey.NAME)


def stored(data: Any) -> dict[str, Any]:
    return {"kind": "Secret", "metadata": {"name": hashkey.NAME, "namespace": "delivery-system"}, "data": data}


async def test_the_first_start_makes_a_key_and_later_ones_read_it() -> None:
    api = FakeApi()
    key = await hashkey.load(api, "delivery-system")
    assert len(key) == 32
    assert api.objects[PLACE]["immutable"] is True
    assert await hashkey.load(api, "delivery-system") == key


async def test_no_two_installations_have_one_key() -> None:
    assert await hashkey.load(FakeApi(), "delivery-system") != await hashkey.load(FakeApi(), "delivery-system")


async def test_of_two_replicas_that_start_at_once_one_makes_the_key() -> None:
    api = FakeApi()
    theirs = b"t" * 32

    def other_replica() -> None:
        api.before_answer = lambda: None
        api.put(stored({"key": base64.b64encode(theirs).decode()}))

    api.before_answer = other_replica
    assert await hashkey.load(api, "delivery-system") == theirs


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(None, id="no data"),
        pytest.param({}, id="no entry"),
        pytest.param({"key": ""}, id="empty"),
        pytest.param({"key": base64.b64encode(b"short").decode()}, id="too short to be a key"),
    ],
)
async def test_a_secret_without_a_usable_key_says_what_to_do(data: Any) -> None:
    """A new one in its place would release the whole fleet anew, so that is for people to decide."""
    api = FakeApi()
    api.put(stored(data))
    with pytest.raises(hashkey.HashKeyUnusable, match="restore it from a backup, or delete it"):
        await hashkey.load(api, "delivery-system")


async def test_a_namespace_that_does_not_exist_is_named() -> None:
    api = FakeApi()
    api.failures.append(NotFound("POST", "namespaces not found", code=404))
    with pytest.raises(hashkey.HashKeyUnusable, match="namespace delivery-system does not exist"):
        await hashkey.load(api, "delivery-system")


async def test_a_missing_right_is_the_api_servers_to_tell() -> None:
    api = FakeApi()
    api.failures.append(Refused("POST", "forbidden", code=403))
    with pytest.raises(Refused, match="forbidden"):
        await hashkey.load(api, "delivery-system")
