"""The services that are measured, each with eight children and a Secret of its own: how they are made and changed."""

import base64
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from tests.support.kube import Kube, Object

SHARED: Final = "shared"
"""Name of the Secret that a part of the services take a value from."""
CHILDREN: Final = 8
"""ServiceAccount, ConfigMap, 2 NetworkPolicies, Service, 2 Deployments, PodDisruptionBudget."""
_THREADS: Final = 8


def sharers(services: int) -> int:
    """How many services, the first ones, take a value from the shared Secret."""
    return max(2, services // 5)


def name(number: int) -> str:
    """Name of a service, and of its own Secret."""
    return f"shop-{number:04}"


def service(namespace: str, number: int, *, shares: bool) -> Object:
    """A DeliveryService: a web process of two pods, a worker, a literal and a database."""
    own = {"name": "db", "type": "postgresql", "version": "15", "secret": name(number), "env": {"DATABASE_URL": "url"}}
    shared = {"name": "events", "type": "kafka", "version": "4", "secret": SHARED, "env": {"KAFKA_BROKERS": "url"}}
    return {
        "apiVersion": "delivery.dev/v1alpha1",
        "kind": "DeliveryService",
        "metadata": {"name": name(number), "namespace": namespace},
        "spec": {
            "codebase": {"repository": "https://git.example.com/shop/order", "revision": "v1.0.0"},
            "image": "registry.example.com/shop/order:v1.0.0",
            "processes": {
                "web": {"command": ["order", "web"], "port": {"number": 50051, "protocol": "grpc"}, "replicas": 2},
                "relay": {"command": ["order", "relay"]},
            },
            "config": {"LOG_LEVEL": {"value": "info"}},
            "backingServices": [own, shared] if shares else [own],
        },
    }


def secret_data(value: str) -> Object:
    """Content of a Secret."""
    return {"url": base64.b64encode(f"postgresql://order:{value}@postgresql/order".encode()).decode()}


def fill(kube: Kube, namespace: str, numbers: range, shared: int) -> list[Object]:
    """Make the services of these numbers and their Secrets; return the services as the API server has them."""

    def make(number: int) -> Object:
        _secret(kube, namespace, name(number))
        return kube.create(service(namespace, number, shares=number < shared))

    if not kube.find("Secret", namespace, SHARED):
        _secret(kube, namespace, SHARED)
    with ThreadPoolExecutor(_THREADS) as threads:
        return list(threads.map(make, numbers))


def change_secret(kube: Kube, namespace: str, secret: str, value: str) -> None:
    """Give a Secret another value."""
    kube.patch("Secret", namespace, secret, {"data": secret_data(value)})


def roll_out(kube: Kube, namespace: str) -> None:
    """Stand in for controllers and nodes: report every Deployment as available, many at once."""
    now = "2026-01-01T00:00:00Z"

    def report(deployment: Object) -> None:
        pods = deployment["spec"]["replicas"]
        conditions = [
            {"type": kind, "status": "True", "reason": reason, "lastTransitionTime": now, "lastUpdateTime": now}
            for kind, reason in (("Available", "MinimumReplicasAvailable"), ("Progressing", "NewReplicaSetAvailable"))
        ]
        counts = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), pods)
        status = {"observedGeneration": deployment["metadata"]["generation"], "conditions": conditions, **counts}
        kube.patch("Deployment", namespace, deployment["metadata"]["name"], {"status": status}, "status")

    with ThreadPoolExecutor(_THREADS) as threads:
        list(threads.map(report, kube.list("Deployment", namespace)))


def _secret(kube: Kube, namespace: str, secret: str) -> None:
    metadata = {"name": secret, "namespace": namespace}
    kube.create({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": secret_data("first")})
