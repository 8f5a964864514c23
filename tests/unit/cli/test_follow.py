"""Following logs: pods that come later are read too, and what a backing service's object says is asked for."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

import pytest

from delivery_operator.api.service import DeliveryServiceSpec
from delivery_operator.cli import follow, preview
from delivery_operator.cli.documents import Document, Service
from delivery_operator.cli.exits import BadInput, Missing
from delivery_operator.cli.session import Cluster
from delivery_operator.cluster.resources import ENVIRONMENTS, PODS
from delivery_operator.cluster.user import UserApi, find_cluster
from delivery_operator.render.platform import KEDA, Platform
from tests.unit.cli import world
from tests.unit.cli.apiserver import Server


async def cluster() -> Cluster:
    place = await find_cluster(None, None)
    return Cluster(UserApi(place.connection), place.namespace)


@asynccontextmanager
async def following(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[AsyncIterator[follow.Line]]:
    """The lines of order's pods as they come, for half a minute at most; it looks for new pods all the time."""
    monkeypatch.setattr(follow, "_LOOK_SECONDS", 0.01)
    there = await cluster()
    lines = follow.Logs(there, "delivery.dev/service=order", {}).lines(follow=True)
    async with there.api, asyncio.timeout(30), aclosing(lines):
        yield lines


async def test_a_pod_that_comes_later_is_read_too(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    world.populate(server)
    server.logs["order-web-1"] = "first\n"
    found = []
    async with following(monkeypatch) as lines:
        async for line in lines:
            found.append(line)
            if line.pod == "order-web-1":
                server.logs["late"] = "second\nthird without an end"
                server.put(PODS, world.pod("late", 0, {"running": {}}))
            if len(found) == 3:
                break
    assert found == [
        follow.Line("order-web-1", "first"),
        follow.Line("late", "second"),
        follow.Line("late", "third without an end"),
    ]


async def test_each_life_of_a_container_is_read_and_a_failed_look_is_told_once(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    pods = PODS.path("shop")
    server.put(PODS, world.pod("web-1", 0, {"running": {}}))
    server.logs["web-1"] = "first life"
    found = []
    async with following(monkeypatch) as lines:
        async for line in lines:
            found.append(line)
            if line.text == "first life":
                server.failures[pods] = (500, "no leader")
            elif line.error:
                server.logs["web-1"] = "second life"
                server.put(PODS, world.pod("web-1", 1, {"terminated": {}}))
                asked = len(server.queries[pods])
                while len(server.queries[pods]) < asked + 3:  # noqa: ASYNC110 - the server has no event
                    await asyncio.sleep(0.01)
                del server.failures[pods]
            else:
                break
    assert [(line.pod, line.text, line.error) for line in found] == [
        ("web-1", "first life", False),
        ("", "new pods cannot be looked for, tried again: no leader", True),
        ("web-1", "second life", False),
    ]


async def test_of_several_containers_the_process_is_read(server: Server) -> None:
    server.put(PODS, world.pod("web-1", 0, {"running": {}}, "sidecar"))
    server.logs["web-1"] = "hello"
    there = await cluster()
    async with there.api:
        lines = [line async for line in follow.Logs(there, "delivery.dev/service=order", {}).lines(follow=False)]
    assert [line.text for line in lines] == ["hello"]
    assert server.queries[f"{PODS.path('shop')}/web-1/log"] == [{"container": "order"}]


def service(**spec: object) -> Service:
    body = {"image": "order:v1", "processes": {"web": {"command": ["w"]}}, **spec}
    return Service(Document("f", 1, {}), "order", "shop", DeliveryServiceSpec.model_validate(body))


async def asked(given: Service) -> Platform:
    there = await cluster()
    async with there.api:
        return await preview.platform(there, given, {})


async def test_the_platform_is_what_the_cluster_has(server: Server) -> None:
    server.objects[f"/apis/{KEDA}"] = {"kind": "APIResourceList", "resources": []}
    server.put(ENVIRONMENTS, {"metadata": {"name": "qa"}, "spec": {"tier": "staging"}})
    server.objects["/apis/x/v1"] = {"resources": [{"kind": "Cache", "name": "caches"}]}
    cache = {"metadata": {"name": "main"}, "status": {"binding": {"name": "cache-secret"}}}
    server.objects["/apis/x/v1/namespaces/shop/caches/main"] = cache
    source = {"apiVersion": "x/v1", "kind": "Cache", "name": "main"}
    binding = {"name": "cache", "type": "redis", "provisionedService": source, "env": {"REDIS_ADDR": "addr"}}
    given = service(environment="qa", backingServices=[binding])
    found = await asked(given)
    assert found.environment.tier == "staging"
    assert found.served == {KEDA}
    assert found.bindings == {"cache": "cache-secret"}

    del cache["status"]
    with pytest.raises(Missing, match=r"Cache main names no Secret in status\.binding\.name; wait"):
        await asked(given)


async def test_an_environment_that_is_nowhere_is_told(server: Server) -> None:
    assert server.url
    with pytest.raises(BadInput, match="environment qa is not known; create it, or give --environment-file"):
        await asked(service(environment="qa"))
