"""What the cluster serves: kinds of other projects come and go with their CRDs."""

import pytest

from delivery_operator.cluster.discovery import Discovery
from delivery_operator.cluster.errors import Unavailable
from delivery_operator.render.platform import GATEWAY, MONITORING
from tests.unit.support.api import FakeApi


def kinds(**plurals: str) -> dict[str, object]:
    return {"resources": [{"kind": kind, "name": plural} for kind, plural in plurals.items()]}


ROUTES = kinds(HTTPRoute="httproutes", GRPCRoute="grpcroutes", Gateway="gateways")


@pytest.fixture
def api() -> FakeApi:
    api = FakeApi()
    api.paths["/apis/gateway.networking.k8s.io/v1"] = ROUTES
    return api


async def test_a_group_is_served_with_every_kind_of_it(api: FakeApi) -> None:
    discovery = Discovery(api)
    assert await discovery.refresh()
    assert discovery.served == {GATEWAY}
    assert [each.kind for each in discovery.resources] == ["HTTPRoute", "GRPCRoute"]
    assert not await discovery.refresh(), "nothing has changed"


async def test_a_group_that_is_served_by_halves_is_taken_for_none(api: FakeApi) -> None:
    """A Gateway API from before GRPCRoute; what there is of it is watched all the same."""
    api.paths["/apis/gateway.networking.k8s.io/v1"] = kinds(HTTPRoute="httproutes")
    discovery = Discovery(api)
    await discovery.refresh()
    assert discovery.served == frozenset()
    assert [each.kind for each in discovery.resources] == ["HTTPRoute"]


async def test_kinds_come_and_go(api: FakeApi) -> None:
    discovery = Discovery(api)
    await discovery.refresh()
    api.paths["/apis/monitoring.coreos.com/v1"] = kinds(PodMonitor="podmonitors", PrometheusRule="prometheusrules")
    assert await discovery.refresh()
    assert discovery.served == {GATEWAY, MONITORING}
    api.paths.clear()
    assert await discovery.refresh()
    assert discovery.served == frozenset()


async def test_what_could_not_be_asked_is_not_taken_for_an_answer(api: FakeApi) -> None:
    discovery = Discovery(api)
    await discovery.refresh()
    api.read_failures.append(Unavailable("GET", "timeout"))
    with pytest.raises(Unavailable):
        await discovery.refresh()
    assert discovery.served == {GATEWAY}


async def test_a_plural_is_asked_for_once(api: FakeApi) -> None:
    api.paths["/apis/databases.example.com/v1"] = {
        "resources": [{"kind": "Postgres", "name": "postgreses"}, {"kind": "Postgres", "name": "postgreses/status"}]
    }
    discovery = Discovery(api)
    assert [await discovery.plural("databases.example.com/v1", "Postgres") for _ in range(2)] == ["postgreses"] * 2
    assert api.requests == ["read /apis/databases.example.com/v1"]
    assert await discovery.plural("databases.example.com/v1", "Mysql") is None


async def test_a_kind_of_the_core_has_no_group(api: FakeApi) -> None:
    api.paths["/api/v1"] = kinds(Secret="secrets")  # noqa: S106 a plural
    assert await Discovery(api).plural("v1", "Secret") == "secrets"
