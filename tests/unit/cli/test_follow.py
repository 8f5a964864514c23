"""Following logs: pods that come later are read too, and what a backing service's object says is asked for."""

import asyncio

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


async def test_a_pod_that_comes_later_is_read_too(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "_LOOK_SECONDS", 0.01)
    world.populate(server)
    server.logs["order-web-1"] = "first\n"
    there = await cluster()
    found = []
    async with there.api, asyncio.timeout(30):
        lines = follow.Logs(there, "delivery.dev/service=order", {}).lines(follow=True)
        async for line in lines:
            found.append(line)
            if line.pod == "order-web-1":
                report = {"restartCount": 0, "state": {"running": {}}}
                server.logs["late"] = "second\nthird without an end"
                server.put(PODS, world.labelled("Pod", "late", "web", status={"containerStatuses": [report]}))
            if len(found) == 3:
                break
        await lines.aclose()
    assert found == [
        follow.Line("order-web-1", "first"),
        follow.Line("late", "second"),
        follow.Line("late", "third without an end"),
    ]


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
