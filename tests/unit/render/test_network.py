"""Who may call a service, and whom it may call (design: in from declared callers and the router; out as declared)."""

from collections.abc import Mapping
from typing import Any

import pytest
from pydantic import ValidationError

from delivery_operator.api.environment import DeliveryEnvironmentSpec
from delivery_operator.render.manifests import Manifest, render
from delivery_operator.render.platform import Platform
from tests.unit.support import builders

WEB = {"command": ["web"], "port": {"number": 8080}}
DNS = {"ports": [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}]}
OWN_NAMESPACE: dict[str, Any] = {"podSelector": {}}
ROUTER = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "gateways"}}}
SHOP = {"podSelector": {"matchLabels": {"delivery.dev/service": "shop"}}}


def policies(environment: Mapping[str, Any], process: Mapping[str, Any], **changes: Any) -> dict[str, Manifest]:
    """The spec of each NetworkPolicy, by name."""
    spec = {"image": "order:v1", "processes": {"web": process}, **changes}
    platform = Platform(DeliveryEnvironmentSpec.model_validate(environment))
    manifests = render("order", "shop", builders.parsed(spec), builders.BUNDLE, platform)
    return {each["metadata"]["name"]: each["spec"] for each in manifests if each["kind"] == "NetworkPolicy"}


def tcp(*ports: int) -> list[dict[str, Any]]:
    return [{"protocol": "TCP", "port": port} for port in ports]


def test_a_service_takes_nothing_in_but_what_its_processes_declare() -> None:
    found = policies({}, WEB)
    assert found["order-service"]["podSelector"] == {"matchLabels": {"app": "order"}}
    assert found["order-service"]["policyTypes"] == ["Ingress", "Egress"]
    assert found["order-service"]["ingress"] == []
    assert found["order-web"]["podSelector"] == {"matchLabels": {"app": "order", "tier": "web"}}
    assert found["order-web"]["policyTypes"] == ["Ingress"]
    assert "egress" not in found["order-web"]


def test_a_worker_takes_nothing_in() -> None:
    assert policies({}, {"command": ["work"]}).keys() == {"order-service"}


def test_without_isolation_there_is_no_policy() -> None:
    assert policies({"isolation": {"enabled": False}}, WEB) == {}


@pytest.mark.parametrize(
    ("callers", "expose", "routers", "expected"),
    [
        pytest.param(None, None, [], [{"from": [OWN_NAMESPACE], "ports": tcp(8080)}], id="by default the namespace"),
        pytest.param([], None, [], None, id="nobody"),
        pytest.param([{"service": "shop"}], None, [], [{"from": [SHOP], "ports": tcp(8080)}], id="a caller"),
        pytest.param(
            [{"service": "shop", "namespace": "front"}],
            None,
            ["gateways"],
            [
                {
                    "from": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "front"}}, **SHOP}],
                    "ports": tcp(8080),
                }
            ],
            id="a caller of another namespace, and no router without a route",
        ),
        pytest.param(None, {}, [], [{"ports": tcp(8080)}], id="a route, from a router nobody named"),
        pytest.param([], {}, ["gateways"], [{"from": [ROUTER], "ports": tcp(8080)}], id="nobody but the router"),
        pytest.param(
            [{"service": "shop"}], {}, ["gateways"], [{"from": [SHOP, ROUTER], "ports": tcp(8080)}], id="both"
        ),
        pytest.param(
            [], {"type": "loadBalancer"}, ["gateways"], [{"ports": tcp(8080)}], id="a load balancer is open to all"
        ),
    ],
)
def test_who_may_call_a_port(
    callers: list[dict[str, str]] | None,
    expose: dict[str, str] | None,
    routers: list[str],
    expected: list[dict[str, Any]] | None,
) -> None:
    environment = {"isolation": {"routerNamespaces": routers}}
    found = policies(environment, {**WEB, "expose": expose}, network={"callers": callers})
    assert found["order-web"].get("ingress") == (expected or [])


@pytest.mark.parametrize(
    ("monitoring", "source"),
    [
        pytest.param([], {"namespaceSelector": {}}, id="from every namespace"),
        pytest.param(
            ["monitoring"],
            {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}},
            id="from the one named",
        ),
    ],
)
def test_prometheus_may_read_a_workers_metrics_and_nothing_else_may(
    monitoring: list[str], source: dict[str, Any]
) -> None:
    environment = {"isolation": {"monitoringNamespaces": monitoring}}
    found = policies(environment, {"command": ["work"], "metrics": {"port": 9090}})
    assert found["order-web"]["ingress"] == [{"from": [source], "ports": tcp(9090)}]


@pytest.mark.parametrize(
    ("environment", "changes", "expected"),
    [
        pytest.param({}, {}, [], id="DNS alone"),
        pytest.param(
            {},
            {
                "backingServices": [
                    {"name": "db", "type": "postgresql", "secret": "db", "files": True},
                    {"name": "cache", "type": "redis", "secret": "cache", "files": True, "port": 6380},
                ]
            },
            [{"ports": tcp(5432, 6380)}],
            id="ports of backing services",
        ),
        pytest.param(
            {},
            {
                "backingServices": [
                    {"name": "db", "type": "postgresql", "secret": "db", "files": True},
                    {"name": "directory", "type": "ldap", "secret": "ldap", "files": True},
                ]
            },
            [{"ports": [{"protocol": "TCP"}]}],
            id="any port for an unknown type",
        ),
        pytest.param(
            {"telemetry": {"otlp": {"endpoint": "http://otel:4317"}, "sentry": {"name": "s", "key": "k"}}},
            {},
            [{"ports": tcp(443, 4317)}],
            id="telemetry",
        ),
        pytest.param(
            {"telemetry": {"otlp": {"endpoint": "http://otel:4317"}}},
            {"tracing": {"enabled": False}},
            [],
            id="no traces, no collector",
        ),
        pytest.param(
            {"isolation": {"destinations": [{"cidr": "10.0.0.0/8", "ports": [8443, 443]}]}},
            {"network": {"calls": [{"service": "shop"}], "destinations": [{"cidr": "192.0.2.0/24", "ports": [80]}]}},
            [
                {"to": [SHOP]},
                {"to": [{"ipBlock": {"cidr": "192.0.2.0/24"}}], "ports": tcp(80)},
                {"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}], "ports": tcp(443, 8443)},
            ],
            id="what the service and the environment name",
        ),
    ],
)
def test_whom_a_service_may_call(
    environment: dict[str, Any], changes: dict[str, Any], expected: list[dict[str, Any]]
) -> None:
    assert policies(environment, WEB, **changes)["order-service"]["egress"] == [DNS, *expected]


@pytest.mark.parametrize(
    ("endpoint", "port"),
    [
        ("http://otel-collector.observability:4317", 4317),
        ("http://otel-collector.observability", 80),
        ("https://otlp.example.com/v1", 443),
        ("https://otlp.example.com:8443/v1", 8443),
        ("http://[2001:db8::1]:4317", 4317),
        ("http://[2001:db8::1]/v1", 80),
    ],
)
def test_the_port_of_a_collector(endpoint: str, port: int) -> None:
    environment = {"telemetry": {"otlp": {"endpoint": endpoint}}}
    assert policies(environment, WEB)["order-service"]["egress"] == [DNS, {"ports": tcp(port)}]


@pytest.mark.parametrize("endpoint", ["http://otel:port", "http://otel:4317:1", "http://a:70000", "http://a:0"])
def test_an_endpoint_without_a_usable_port_is_refused(endpoint: str) -> None:
    with pytest.raises(ValidationError):
        policies({"telemetry": {"otlp": {"endpoint": endpoint}}}, WEB)
