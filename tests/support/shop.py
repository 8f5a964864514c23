"""The service that tests deploy, and how they look at it."""

import base64
from typing import Any

from tests.support.kube import Kube, Object, condition, wait_for

IMAGE = "registry.example.com/shop/order"
PASSWORD = "correct-horse-battery"  # noqa: S105 it is looked for where it must not be


def service(namespace: str, name: str = "order", **spec: Any) -> Object:
    """A DeliveryService with a web process, a worker, a binding and a migration; `spec` replaces fields."""
    return {
        "apiVersion": "delivery.dev/v1alpha1",
        "kind": "DeliveryService",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "codebase": {"repository": "https://git.example.com/shop/order", "revision": "v1.0.0"},
            "image": f"{IMAGE}:v1.0.0",
            "processes": {
                "web": {"command": ["order", "web"], "port": {"number": 50051, "protocol": "grpc"}, "replicas": 2},
                "relay": {"command": ["order", "relay"]},
            },
            "config": {"LOG_LEVEL": {"value": "info"}},
            "backingServices": [
                {"name": "db", "type": "postgresql", "version": "15", "secret": "db", "env": {"DATABASE_URL": "url"}}
            ],
            "release": {"migrate": {"command": ["order", "migrate"], "backoffLimit": 0}},
            **spec,
        },
    }


def secret(namespace: str, name: str = "db", password: str = PASSWORD) -> Object:
    data = {"url": f"postgresql://order:{password}@postgresql/order", "username": "order", "password": password}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace},
        "data": {key: base64.b64encode(value.encode()).decode() for key, value in data.items()},
    }


def example_secrets(namespace: str) -> list[Object]:
    """The Secrets that examples/order is attached to."""
    kafka = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "kafka", "namespace": namespace},
        "stringData": {"brokers": "kafka:9092"},
    }
    return [secret(namespace, "db-credentials"), kafka]


def get(kube: Kube, namespace: str, name: str = "order") -> Object:
    return kube.get("DeliveryService", namespace, name)


def wait_ready(kube: Kube, namespace: str, release: str, name: str = "order", seconds: float = 60) -> Object:
    """Wait until a release serves and the status answers to the newest spec."""

    def look() -> Object | None:
        found = kube.find("DeliveryService", namespace, name)
        if not found or condition(found, "Ready").get("status") != "True":
            return None
        status = found["status"]
        current = status["observedGeneration"] == found["metadata"]["generation"]
        return found if current and status["activeRelease"] == release else None

    return wait_for(
        look, f"{name} Ready with {release}", seconds, lambda: kube.find("DeliveryService", namespace, name)
    )


def wait_reason(  # noqa: PLR0913 what tells one wait from another
    kube: Kube, namespace: str, reason: str, name: str = "order", seconds: float = 60, *, ready: str = "False"
) -> Object:
    """Wait until Ready is False (or True) for this reason."""

    def look() -> Object | None:
        found = kube.find("DeliveryService", namespace, name)
        said = condition(found, "Ready")
        return found if said.get("status") == ready and said.get("reason") == reason else None

    return wait_for(
        look, f"{name} with Ready {ready}: {reason}", seconds, lambda: kube.find("DeliveryService", namespace, name)
    )
