"""SD-4, X-4, X-13: ways come from the maps, once for all who ask, and their absence is no more than a worse answer."""

from collections.abc import AsyncIterator
from time import monotonic

import pytest
from maps_server import KEY, MapsServer
from prometheus_client import REGISTRY
from pydantic import SecretStr
from structlog.testing import capture_logs

from chassis.errors import UnavailableError
from chassis.redis.client import Store
from chassis_testing.program import eventually
from chassis_testing.redis import Redis
from delivery_service.domain import Eta, Place
from delivery_service.transport.maps import RemoteMaps, opened

START, END = Place(52.5301, 13.4), Place(52.52, 13.41)


@pytest.fixture
async def maps(maps_server: MapsServer, store: Store) -> AsyncIterator[RemoteMaps]:
    async with opened(maps_server.url, SecretStr(KEY), store) as opening:
        yield opening


async def test_a_way_takes_what_the_maps_say(maps: RemoteMaps, maps_server: MapsServer) -> None:
    assert await maps.eta(START, END) == Eta(8, estimated=False)
    (asked,) = maps_server.asked
    assert asked["origin"] == {"location": {"latLng": {"latitude": 52.5301, "longitude": 13.4}}}


async def test_nearly_the_same_way_is_asked_for_once(maps: RemoteMaps, maps_server: MapsServer) -> None:
    for n in range(5):
        await maps.eta(Place(START.latitude + n / 100_000, START.longitude), END)
    assert len(maps_server.asked) == 1
    await maps.eta(Place(START.latitude + 0.01, START.longitude), END)
    assert len(maps_server.asked) == 2


async def test_a_failure_is_tried_again(maps: RemoteMaps, maps_server: MapsServer) -> None:
    maps_server.status = 503
    with pytest.raises(UnavailableError, match="maps: 503"):
        await maps.eta(START, END)
    assert len(maps_server.asked) == 3
    maps_server.status = 200
    assert (await maps.eta(START, END)).minutes == 8


async def test_maps_that_fail_again_and_again_are_left_alone(maps: RemoteMaps, maps_server: MapsServer) -> None:
    maps_server.status = 503
    for n in range(6):
        with pytest.raises(UnavailableError):
            await maps.eta(Place(n, 0), END)
    assert len(maps_server.asked) == 15
    assert REGISTRY.get_sample_value("breaker_open", {"what": "maps"}) == 1


async def test_maps_that_hang_take_no_longer_than_may_be(maps: RemoteMaps, maps_server: MapsServer) -> None:
    maps_server.pause = 5
    begun = monotonic()
    with pytest.raises(UnavailableError):
        await maps.eta(START, END)
    assert monotonic() - begun < 3.5


@pytest.mark.parametrize("body", [b"{}", b"[]", b"<html>", b'{"routes": []}', b'{"routes": [{"duration": "soon"}]}'])
async def test_an_answer_that_says_nothing_is_none(maps: RemoteMaps, maps_server: MapsServer, body: bytes) -> None:
    maps_server.body = body
    with pytest.raises(UnavailableError, match=r"^maps: "):
        await maps.eta(START, END)


async def test_a_wrong_key_is_seen_in_the_log_and_is_not_in_it(maps_server: MapsServer, store: Store) -> None:
    async with opened(maps_server.url, SecretStr("wrong-s3cret"), store) as maps:
        with capture_logs() as lines, pytest.raises(UnavailableError, match="403"):
            await maps.eta(START, END)
    assert {"event": "maps refuses", "status": 403, "log_level": "error"} in lines
    assert "s3cret" not in str(lines)
    assert len(maps_server.asked) == 1


async def test_without_redis_the_maps_are_asked_each_time(
    maps: RemoteMaps, maps_server: MapsServer, redis_server: Redis
) -> None:
    await maps.eta(START, END)
    with redis_server.outage():

        async def asked_again() -> bool:
            before = len(maps_server.asked)
            assert (await maps.eta(START, END)).minutes == 8
            return len(maps_server.asked) > before

        await eventually(asked_again, "what is nearby is used without Redis")
