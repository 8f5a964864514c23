"""What must be there for a spec to be rendered whole."""

from typing import Any

import pytest

from delivery_operator.api.environment import DeliveryEnvironmentSpec
from delivery_operator.render.manifests import render
from delivery_operator.render.needs import unmet
from delivery_operator.render.platform import GATEWAY, KEDA, Platform
from tests.unit.support import builders

GATEWAYED = {"gateway": {"name": "public", "namespace": "gateways"}}
INGRESSED = {"ingress": {"className": "nginx"}}


def reasons(expose: dict[str, Any] | None, exposure: dict[str, Any], *served: str) -> list[str]:
    spec = builders.parsed(builders.spec(processes={"web": {**builders.WEB, "expose": expose}}))
    platform = Platform(DeliveryEnvironmentSpec.model_validate({"exposure": exposure}), served=frozenset(served))
    needs = unmet(spec, platform)
    routes = {"Ingress", "HTTPRoute"} & {
        each["kind"] for each in render("order", "shop", spec, builders.BUNDLE, platform)
    }
    assert bool(routes) == (expose is not None and expose.get("type") != "loadBalancer" and not needs)
    return [need.reason for need in needs]


@pytest.mark.parametrize(
    ("expose", "exposure", "served", "expected"),
    [
        pytest.param(None, {}, (), [], id="nothing is exposed"),
        pytest.param({"type": "loadBalancer"}, {}, (), [], id="a load balancer needs no exposure"),
        pytest.param({"host": "a.example.com"}, INGRESSED, (), [], id="a host and an ingress"),
        pytest.param({}, {**INGRESSED, "domain": "example.com"}, (), [], id="a domain and an ingress"),
        pytest.param({"host": "a.example.com"}, GATEWAYED, (GATEWAY,), [], id="a host and a gateway"),
        pytest.param({"host": "a.example.com"}, {}, (), ["ExposureMissing"], id="neither gateway nor ingress"),
        pytest.param({}, INGRESSED, (), ["DomainMissing"], id="neither host nor domain"),
        pytest.param({}, {}, (), ["ExposureMissing", "DomainMissing"], id="nothing at all"),
        pytest.param({"host": "a.example.com"}, GATEWAYED, (KEDA,), ["GatewayApiNotServed"], id="no gateway API"),
    ],
)
def test_what_a_route_needs(
    expose: dict[str, Any] | None, exposure: dict[str, Any], served: tuple[str, ...], expected: list[str]
) -> None:
    """F7-5: as long as something is missing, no route is made."""
    assert reasons(expose, exposure, *served) == expected


def test_a_need_names_the_environment_the_processes_and_a_remedy() -> None:
    processes = {name: {**builders.WEB, "expose": {}} for name in ("web", "admin")}
    spec = builders.parsed(builders.spec(environment="lab", processes=processes))
    missing, unnamed, _ = unmet(spec, Platform())
    assert missing.message == (
        "environment lab has no gateway and no ingress to expose processes admin, web by; remove expose, or ask the "
        "platform team for exposure in the environment"
    )
    assert unnamed.message == "environment lab has no domain to name processes admin, web by; write expose.host"


def test_a_queue_without_keda_is_no_need() -> None:
    queue = {"type": "redis", "name": "q", "addressFrom": "REDIS_ADDR"}
    spec = builders.parsed(builders.spec(processes={"web": {"command": ["w"], "scaling": {"max": 3, "queue": queue}}}))
    assert unmet(spec, Platform()) == []


@pytest.mark.parametrize(
    ("web", "admin", "expected"),
    [
        pytest.param({}, {}, ["processes admin, web are exposed under one host and path"], id="nothing said"),
        pytest.param({"host": "a.example.com"}, {"host": "a.example.com", "path": "/"}, ["processes"], id="one host"),
        pytest.param({}, {"path": "/admin"}, [], id="paths"),
        pytest.param({}, {"host": "admin.example.com"}, [], id="hosts"),
        pytest.param({}, {"type": "loadBalancer"}, [], id="one is no route"),
    ],
)
def test_a_router_must_be_able_to_tell_processes_apart(
    web: dict[str, str], admin: dict[str, str], expected: list[str]
) -> None:
    processes = {"web": {**builders.WEB, "expose": web}, "admin": {**builders.WEB, "expose": admin}}
    spec = builders.parsed(builders.spec(processes=processes))
    exposure = {"exposure": {**INGRESSED, "domain": "example.com"}}
    found = unmet(spec, Platform(DeliveryEnvironmentSpec.model_validate(exposure)))
    assert [need.reason for need in found] == ["RouteAmbiguous"] * len(expected)
    for need, start in zip(found, expected, strict=True):
        assert need.message.startswith(start)
