"""What pods are made of: probes, writable folders, bindings' files, metrics, resources and where they run."""

from typing import Any, Final

import pytest

from delivery_operator.api.environment import DeliveryEnvironmentSpec
from delivery_operator.render.manifests import Manifest, render
from delivery_operator.render.platform import MONITORING, Platform
from tests.unit.support import builders

TMP: Final = "/tmp"  # noqa: S108 the pod's own
STARTUP: Final = {"periodSeconds": 1, "timeoutSeconds": 1, "failureThreshold": 120}
READINESS: Final = {"periodSeconds": 5, "timeoutSeconds": 2, "failureThreshold": 2}
LIVENESS: Final = {"periodSeconds": 10, "timeoutSeconds": 2, "failureThreshold": 3}


def children(process: dict[str, Any], *served: str, **changes: Any) -> dict[str, Manifest]:
    spec = builders.parsed({"image": "order:v1", "processes": {"web": {"command": ["web"], **process}}, **changes})
    platform = Platform(DeliveryEnvironmentSpec(), served=frozenset(served))
    return {each["kind"]: each for each in render("order", "shop", spec, builders.BUNDLE, platform)}


def pod(process: dict[str, Any], *served: str, **changes: Any) -> dict[str, Any]:
    template: dict[str, Any] = children(process, *served, **changes)["Deployment"]["spec"]["template"]
    return template


def probes(process: dict[str, Any]) -> dict[str, Any]:
    (container,) = pod(process)["spec"]["containers"]
    return {
        name: container[f"{name}Probe"] for name in ("startup", "readiness", "liveness") if f"{name}Probe" in container
    }


@pytest.mark.parametrize(
    ("process", "expected"),
    [
        pytest.param({}, {}, id="a worker has none"),
        pytest.param(
            {"port": {"number": 8080}},
            {
                "startup": {"httpGet": {"path": "/healthz", "port": 8080}, **STARTUP},
                "readiness": {"httpGet": {"path": "/readyz", "port": 8080}, **READINESS},
                "liveness": {"httpGet": {"path": "/healthz", "port": 8080}, **LIVENESS},
            },
            id="http",
        ),
        pytest.param(
            {"probes": {"port": 9000}},
            {
                "startup": {"httpGet": {"path": "/healthz", "port": 9000}, **STARTUP},
                "readiness": {"httpGet": {"path": "/readyz", "port": 9000}, **READINESS},
                "liveness": {"httpGet": {"path": "/healthz", "port": 9000}, **LIVENESS},
            },
            id="a worker that names a port",
        ),
        pytest.param(
            {"port": {"number": 50051, "protocol": "grpc"}, "probes": {"readiness": {"service": "ready"}}},
            {
                "startup": {"grpc": {"port": 50051}, **STARTUP},
                "readiness": {"grpc": {"port": 50051, "service": "ready"}, **READINESS},
                "liveness": {"grpc": {"port": 50051}, **LIVENESS},
            },
            id="grpc",
        ),
        pytest.param(
            {"port": {"number": 50051, "protocol": "grpc"}, "probes": {"port": 9000}},
            {
                "startup": {"httpGet": {"path": "/healthz", "port": 9000}, **STARTUP},
                "readiness": {"httpGet": {"path": "/readyz", "port": 9000}, **READINESS},
                "liveness": {"httpGet": {"path": "/healthz", "port": 9000}, **LIVENESS},
            },
            id="another port is asked by http",
        ),
        pytest.param(
            {
                "port": {"number": 8080},
                "probes": {
                    "protocol": "tcp",
                    "startup": {"enabled": False},
                    "liveness": {"periodSeconds": 30, "timeoutSeconds": 5, "failureThreshold": 6},
                },
            },
            {
                "readiness": {"tcpSocket": {"port": 8080}, **READINESS},
                "liveness": {
                    "tcpSocket": {"port": 8080},
                    "periodSeconds": 30,
                    "timeoutSeconds": 5,
                    "failureThreshold": 6,
                },
            },
            id="what a service says instead",
        ),
    ],
)
def test_probes(process: dict[str, Any], expected: dict[str, Any]) -> None:
    """F7-2, F7-6, F9-1, F9-2, F2-5."""
    assert probes(process) == expected


@pytest.mark.parametrize(
    ("scratch", "expected"),
    [
        pytest.param({}, {TMP: "64Mi"}, id="one is always there"),
        pytest.param({"/var/cache": "1024Mi"}, {TMP: "64Mi", "/var/cache": "1Gi"}, id="another beside it"),
        pytest.param({TMP: "1Gi"}, {TMP: "1Gi"}, id="that one of another size"),
        pytest.param({f"{TMP}/": "1Gi", "//var/./a": "1Mi"}, {TMP: "1Gi", "/var/a": "1Mi"}, id="spelt otherwise"),
    ],
)
def test_writable_folders_have_a_size_and_everything_else_is_read_only(
    scratch: dict[str, str], expected: dict[str, str]
) -> None:
    """F6-1, F6-3: no other volume."""
    spec = pod({"scratch": scratch})["spec"]
    sizes = {each["name"]: each["emptyDir"]["sizeLimit"] for each in spec["volumes"]}
    (container,) = spec["containers"]
    assert {mount["mountPath"]: sizes[mount["name"]] for mount in container["volumeMounts"]} == expected
    assert container["securityContext"]["readOnlyRootFilesystem"] is True


def test_a_binding_is_a_folder_with_its_secret_and_its_type() -> None:
    """https://servicebinding.io: the spec's type wins over a key `type`, since the last source of a volume does."""
    bindings = [
        {"name": "db", "type": "postgresql", "secret": "db", "files": True},
        {"name": "mq", "type": "kafka", "secret": "mq", "env": {"BROKERS": "brokers"}},
    ]
    found = pod({}, backingServices=bindings)
    (container,) = found["spec"]["containers"]
    assert container["volumeMounts"][1:] == [{"name": "binding-db", "mountPath": "/bindings/db", "readOnly": True}]
    annotation = "delivery.dev/binding-type.db"
    assert found["metadata"]["annotations"] == {annotation: "postgresql"}
    field = {"fieldPath": f"metadata.annotations['{annotation}']"}
    assert found["spec"]["volumes"][1:] == [
        {
            "name": "binding-db",
            "projected": {
                "sources": [
                    {"secret": {"name": "db"}},
                    {"downwardAPI": {"items": [{"path": "type", "fieldRef": field}]}},
                ]
            },
        }
    ]


@pytest.mark.parametrize(
    ("port", "name", "ports"),
    [
        pytest.param({}, "metrics", {"metrics": 9090}, id="a worker"),
        pytest.param({"port": {"number": 8080}}, "metrics", {"http": 8080, "metrics": 9090}, id="a port of its own"),
        pytest.param({"port": {"number": 9090}}, "http", {"http": 9090}, id="the port of the requests"),
    ],
)
def test_metrics_are_read_from_the_pods_and_from_no_service(
    port: dict[str, Any], name: str, ports: dict[str, int]
) -> None:
    """OB-1, OB-4, OB-5."""
    process = {**port, "metrics": {"port": 9090, "path": "/stats"}}
    watched = children(process, MONITORING)
    (container,) = watched["Deployment"]["spec"]["template"]["spec"]["containers"]
    assert {each["name"]: each["containerPort"] for each in container["ports"]} == ports
    assert watched["PodMonitor"]["spec"]["podMetricsEndpoints"] == [{"port": name, "path": "/stats"}]
    assert watched["Deployment"]["spec"]["template"]["metadata"]["annotations"] == {}
    if "Service" in watched:
        assert [each["name"] for each in watched["Service"]["spec"]["ports"]] == ["http"]


def test_without_the_prometheus_operator_pods_say_where_their_metrics_are() -> None:
    found = children({"metrics": {"port": 9090}})
    assert found.keys() == {"ServiceAccount", "NetworkPolicy", "Deployment"}
    assert found["Deployment"]["spec"]["template"]["metadata"]["annotations"] == {
        "prometheus.io/scrape": "true",
        "prometheus.io/port": "9090",
        "prometheus.io/path": "/metrics",
    }
    assert found["Deployment"]["metadata"]["annotations"] == {}


def test_a_singleton_ends_before_the_next_starts() -> None:
    assert children({"singleton": True})["Deployment"]["spec"]["strategy"] == {"type": "Recreate"}


def test_pods_carry_what_collectors_look_for() -> None:
    """F11-3: app, tier, version and environment; the release is added when it is applied."""
    codebase = {"repository": "https://git.example.com/shop/order", "revision": "v1.4.2"}
    assert pod({}, codebase=codebase, environment="production")["metadata"]["labels"] == {
        "app": "order",
        "tier": "web",
        "app.kubernetes.io/name": "order",
        "app.kubernetes.io/component": "web",
        "app.kubernetes.io/version": "v1.4.2",
        "app.kubernetes.io/managed-by": "delivery-operator",
        "delivery.dev/service": "order",
        "delivery.dev/process": "web",
        "delivery.dev/environment": "production",
    }


def test_no_service_takes_a_jobs_pods_for_a_processs() -> None:
    """A process may have the name of a Job's role."""
    release = {"migrate": {"command": ["m"]}}
    processes = {"migrate": {"command": ["m"], "port": {"number": 8080}}}
    spec = builders.parsed({"image": "order:v1", "processes": processes, "release": release})
    found = {each["kind"]: each for each in render("order", "shop", spec, builders.BUNDLE)}
    labels = found["Job"]["spec"]["template"]["metadata"]["labels"]
    assert not found["Service"]["spec"]["selector"].items() <= labels.items()
