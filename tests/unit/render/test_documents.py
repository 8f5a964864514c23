"""The manifests in the platform's documents, reproduced field for field from a DeliveryService (TE-6)."""

from typing import Any

import pytest

from delivery_operator.render.manifests import Manifest, render
from tests.unit.support import builders

MYAPP: dict[str, Any] = {
    "image": "yourorg/myapp:v1.0.0",
    "processes": {
        "web": {"command": ["./myapp", "web"], "port": {"number": 8080, "protocol": "http"}, "replicas": 3},
        "worker": {"command": ["./myapp", "worker"]},
    },
    "config": {"DATABASE_URL": {"secretKeyRef": {"name": "db-credentials", "key": "url"}}},
    "release": {"migrate": {"command": ["./myapp", "migrate"]}},
}
DATABASE_URL = {"name": "DATABASE_URL", "valueFrom": {"secretKeyRef": {"name": "db-credentials", "key": "url"}}}

DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "myapp-web"},
    "spec": {
        "replicas": 3,
        "selector": {"matchLabels": {"app": "myapp", "tier": "web"}},
        "template": {
            "metadata": {"labels": {"app": "myapp", "tier": "web"}},
            "spec": {
                "containers": [
                    {
                        "name": "myapp",
                        "image": "yourorg/myapp:v1.0.0",
                        "ports": [{"containerPort": 8080}],
                        "env": [DATABASE_URL, {"name": "PORT", "value": "8080"}],
                    }
                ]
            },
        },
    },
}
SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "myapp-service"},
    "spec": {
        "selector": {"app": "myapp"},
        "ports": [{"protocol": "TCP", "port": 80, "targetPort": 8080}],
        "type": "ClusterIP",
    },
}
JOB = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "metadata": {"name": "db-migrate-job"},
    "spec": {
        "template": {
            "spec": {
                "containers": [
                    {
                        "name": "migrator",
                        "image": "yourorg/myapp:v1.0.0",
                        "command": ["./myapp", "migrate"],
                        "env": [DATABASE_URL],
                    }
                ],
                "restartPolicy": "Never",
            }
        },
        "backoffLimit": 4,
    },
}


def lacks(document: Any, ours: Any, path: str = "") -> dict[str, tuple[Any, Any]]:
    """Where ours has not what the document has: path to (document's, ours). Lists of objects have no order."""
    if isinstance(document, dict) and isinstance(ours, dict):
        found: dict[str, tuple[Any, Any]] = {}
        for key, value in document.items():
            found |= lacks(value, ours.get(key), f"{path}.{key}" if path else key)
        return found
    if isinstance(document, list) and isinstance(ours, list) and all(isinstance(each, dict) for each in document):
        found = {}
        for index, each in enumerate(document):
            if not any(not lacks(each, mine) for mine in ours):
                found |= lacks(each, ours[0] if ours else None, f"{path}[{index}]")
        return found
    return {} if document == ours else {path: (document, ours)}


def ours(kind: str, name: str) -> Manifest:
    manifests = render("myapp", "default", builders.parsed(MYAPP), builders.BUNDLE)
    return next(each for each in manifests if (each["kind"], each["metadata"]["name"]) == (kind, name))


def test_the_documents_deployment() -> None:
    """F5-9 with the env block of F3-10: no difference."""
    assert lacks(DEPLOYMENT, ours("Deployment", "myapp-web")) == {}


def test_the_documents_service_with_its_selector_mended() -> None:
    """F7-4; W-3: with the document's selector a worker's pods would get the web's requests."""
    mine = ours("Service", "myapp-service")
    assert lacks(SERVICE, mine) == {}
    assert mine["spec"]["selector"] == {"app": "myapp", "tier": "web"}


def test_the_documents_job_with_a_name_of_its_own() -> None:
    """F12-5; W-4: a fixed name would meet the Job of the release before (the number is added when it is created)."""
    assert lacks(JOB, ours("Job", "migrate")) == {"metadata.name": ("db-migrate-job", "migrate")}


def test_a_worker_has_neither_port_nor_service() -> None:
    """F8-7."""
    worker = ours("Deployment", "myapp-worker")["spec"]["template"]["spec"]["containers"][0]
    assert {"ports", "readinessProbe", "livenessProbe", "startupProbe"}.isdisjoint(worker)
    names = [each["name"] for each in worker["env"]]
    assert "PORT" not in names
    services = [
        each
        for each in render("myapp", "default", builders.parsed(MYAPP), builders.BUNDLE)
        if each["kind"] == "Service"
    ]
    assert [each["metadata"]["name"] for each in services] == ["myapp-service"]


@pytest.mark.parametrize(
    ("protocol", "service_port", "live", "ready"),
    [
        ("http", 80, {"httpGet": {"path": "/healthz", "port": 9000}}, {"httpGet": {"path": "/readyz", "port": 9000}}),
        ("grpc", 9000, {"grpc": {"port": 9000}}, {"grpc": {"port": 9000}}),
        ("tcp", 9000, {"tcpSocket": {"port": 9000}}, {"tcpSocket": {"port": 9000}}),
    ],
)
def test_a_port_decides_probes_and_service(
    protocol: str, service_port: int, live: dict[str, Any], ready: dict[str, Any]
) -> None:
    """F7-2, F7-6, F7-8, F2-5: never an exec probe."""
    web = {"command": ["web"], "port": {"number": 9000, "protocol": protocol}}
    manifests = render("order", "shop", builders.parsed({"image": "x:1", "processes": {"web": web}}), builders.BUNDLE)
    (service,) = [each for each in manifests if each["kind"] == "Service"]
    (port,) = service["spec"]["ports"]
    assert port.pop("appProtocol", None) == ("kubernetes.io/h2c" if protocol == "grpc" else None)
    assert port == {"name": protocol, "protocol": "TCP", "port": service_port, "targetPort": 9000}
    (deployment,) = [each for each in manifests if each["kind"] == "Deployment"]
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    assert live.items() <= container["startupProbe"].items()
    assert live.items() <= container["livenessProbe"].items()
    assert ready.items() <= container["readinessProbe"].items()


@pytest.mark.parametrize(
    ("shutdown", "grace", "pause"),
    [
        pytest.param({}, 23, 3, id="defaults: preStop 3 + drain 15 + 5"),
        pytest.param({"preStopSeconds": 5, "drainSeconds": 20}, 30, 5, id="computed"),
        pytest.param({"preStopSeconds": 0, "drainSeconds": 10, "graceSeconds": 60}, 60, None, id="given, no pause"),
    ],
)
def test_a_process_is_given_time_to_stop(shutdown: dict[str, int], grace: int, pause: int | None) -> None:
    """F9-10: the grace period is longer than pause and drain; the process knows its drain time."""
    web = {"command": ["web"], "shutdown": shutdown}
    manifests = render("order", "shop", builders.parsed({"image": "x:1", "processes": {"web": web}}), builders.BUNDLE)
    (deployment,) = [each for each in manifests if each["kind"] == "Deployment"]
    pod = deployment["spec"]["template"]["spec"]
    container = pod["containers"][0]
    drain = shutdown.get("drainSeconds", 15)
    assert pod["terminationGracePeriodSeconds"] == grace > (pause or 0) + drain
    assert {"name": "SHUTDOWN_DRAIN_SECONDS", "value": str(drain)} in container["env"]
    expected = {"preStop": {"sleep": {"seconds": pause}}} if pause else None
    assert container.get("lifecycle") == expected


def test_a_rollout_takes_nothing_down() -> None:
    """F9-11."""
    strategy = ours("Deployment", "myapp-web")["spec"]["strategy"]
    assert strategy == {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}


def test_every_process_and_the_migration_run_the_same_image_and_environment() -> None:
    """F1-2, F12-2."""
    pods = [
        ours(kind, name)["spec"]["template"]["spec"]
        for kind, name in (("Deployment", "myapp-web"), ("Deployment", "myapp-worker"), ("Job", "migrate"))
    ]
    assert {pod["containers"][0]["image"] for pod in pods} == {"yourorg/myapp:v1.0.0"}
    assert {pod["serviceAccountName"] for pod in pods} == {"myapp"}
    assert all(DATABASE_URL in pod["containers"][0]["env"] for pod in pods)
