"""How requests from outside reach a process (F3-14, F7-5): the route its environment and port make of `expose`."""

from typing import Any, Final

import pytest

from delivery_operator.api.environment import DeliveryEnvironmentSpec
from delivery_operator.render.manifests import Manifest, render
from delivery_operator.render.platform import GATEWAY, Platform
from tests.unit.support import builders

HTTP: Final = {"number": 8080}
GRPC: Final = {"number": 50051, "protocol": "grpc"}
ROUTED: Final = {"gateway": {"name": "public", "namespace": "gateways"}, "domain": "example.com"}
INGRESS: Final = {
    "className": "nginx",
    "annotations": {"cert-manager.io/cluster-issuer": "internal", "team": "platform"},
    "grpcAnnotations": {"nginx.ingress.kubernetes.io/backend-protocol": "GRPC", "team": "grpc"},
}
EXPOSED: Final = {"ingress": INGRESS, "domain": "example.com"}


def children(port: dict[str, Any], expose: dict[str, Any], exposure: dict[str, Any]) -> dict[str, Manifest]:
    process = {"command": ["web"], "port": port, "expose": expose}
    spec = builders.parsed({"image": "order:v1", "processes": {"web": process}})
    environment = DeliveryEnvironmentSpec.model_validate({"exposure": exposure})
    platform = Platform(environment, served=frozenset({GATEWAY}))
    return {each["kind"]: each for each in render("order", "shop", spec, builders.BUNDLE, platform)}


def test_an_http_port_behind_a_gateway() -> None:
    found = children(HTTP, {}, ROUTED)
    assert found["HTTPRoute"]["spec"] == {
        "parentRefs": [{"name": "public", "namespace": "gateways"}],
        "hostnames": ["order.example.com"],
        "rules": [
            {
                "matches": [{"path": {"type": "PathPrefix", "value": "/"}}],
                "backendRefs": [{"name": "order-service", "port": 80}],
            }
        ],
    }
    assert not found.keys() & {"GRPCRoute", "Ingress"}


@pytest.mark.parametrize(
    ("expose", "matches"),
    [
        pytest.param({}, None, id="every method"),
        pytest.param({"path": "/"}, None, id="a path of none"),
        pytest.param(
            {"path": "/shop.v1.Orders"},
            [{"method": {"type": "Exact", "service": "shop.v1.Orders"}}],
            id="a service",
        ),
        pytest.param(
            {"path": "/shop.v1.Orders/Create"},
            [{"method": {"type": "Exact", "service": "shop.v1.Orders", "method": "Create"}}],
            id="a method",
        ),
    ],
)
def test_a_grpc_port_behind_a_gateway(expose: dict[str, Any], matches: list[dict[str, Any]] | None) -> None:
    """A gRPC call's path is /<service>/<method>."""
    found = children(GRPC, {"host": "orders.example.org", **expose}, {**ROUTED, "domain": None})
    (rule,) = found["GRPCRoute"]["spec"]["rules"]
    assert found["GRPCRoute"]["spec"]["hostnames"] == ["orders.example.org"]
    assert rule == {
        "backendRefs": [{"name": "order-service", "port": 50051}],
        **({"matches": matches} if matches else {}),
    }
    assert not found.keys() & {"HTTPRoute", "Ingress"}


def test_an_http_port_behind_an_ingress_controller() -> None:
    found = children(HTTP, {"path": "/v1"}, EXPOSED)["Ingress"]
    assert found["metadata"]["annotations"] == INGRESS["annotations"]
    assert found["spec"] == {
        "ingressClassName": "nginx",
        "rules": [
            {
                "host": "order.example.com",
                "http": {
                    "paths": [
                        {
                            "path": "/v1",
                            "pathType": "Prefix",
                            "backend": {"service": {"name": "order-service", "port": {"number": 80}}},
                        }
                    ]
                },
            }
        ],
    }


def test_a_grpc_port_behind_an_ingress_controller_has_more_annotations() -> None:
    assert children(GRPC, {}, EXPOSED)["Ingress"]["metadata"]["annotations"] == {
        "cert-manager.io/cluster-issuer": "internal",
        "nginx.ingress.kubernetes.io/backend-protocol": "GRPC",
        "team": "grpc",
    }


@pytest.mark.parametrize(
    ("own", "environments", "secret"),
    [(None, None, None), (None, "wildcard", "wildcard"), ("order", None, "order"), ("order", "wildcard", "order")],
)
def test_tls_ends_at_an_ingress_with_the_services_secret_or_the_environments(
    own: str | None, environments: str | None, secret: str | None
) -> None:
    exposure = {**EXPOSED, "ingress": {**INGRESS, "tlsSecret": environments}}
    found = children(HTTP, {"tlsSecret": own}, exposure)["Ingress"]["spec"].get("tls")
    assert found == ([{"hosts": ["order.example.com"], "secretName": secret}] if secret else None)


@pytest.mark.parametrize("exposure", [ROUTED, EXPOSED])
def test_a_load_balancer_is_an_address_of_the_service_and_no_route(exposure: dict[str, Any]) -> None:
    found = children({"number": 7000, "protocol": "tcp"}, {"type": "loadBalancer"}, exposure)
    assert found["Service"]["spec"]["type"] == "LoadBalancer"
    assert not found.keys() & {"HTTPRoute", "GRPCRoute", "Ingress"}


def test_what_is_not_exposed_stays_inside() -> None:
    found = children(HTTP, {}, {})
    assert found["Service"]["spec"]["type"] == "ClusterIP"
    assert not found.keys() & {"HTTPRoute", "GRPCRoute", "Ingress"}
