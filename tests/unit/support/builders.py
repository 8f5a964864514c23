"""Builds the objects that decisions are made from, with everything that is beside the point filled in."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any, Final

from delivery_operator.api.base import API_VERSION
from delivery_operator.api.service import KIND, DeliveryServiceSpec
from delivery_operator.engine.objects import Object
from delivery_operator.render import bundle as bundles
from delivery_operator.render import names

Spec = dict[str, Any]

BUNDLE: Final = bundles.load()
IMAGE: Final = "registry.example.com/shop/order:v1.0.0"
NODE: Final = "node-a"
NEXT_IMAGE: Final = "registry.example.com/shop/order:v1.1.0"

WEB: Final[Spec] = {"command": ["order", "web"], "port": {"number": 8080}, "replicas": 2}
RELAY: Final[Spec] = {"command": ["order", "relay"]}
MIGRATE: Final[Spec] = {"command": ["order", "migrate"]}


def spec(*, migrate: bool = True, **changes: Any) -> Spec:
    """Build a spec: a web process and a relay, one literal, one Secret, and a migration.

    Args:
        migrate: whether its releases have a migration.
        changes: top-level fields that differ.
    """
    built: Spec = {
        "image": IMAGE,
        "processes": {"web": WEB, "relay": RELAY},
        "config": {"LOG_LEVEL": {"value": "info"}},
        "backingServices": [
            {"name": "db", "type": "postgresql", "secret": "db-credentials", "env": {"DATABASE_URL": "url"}}
        ],
        "release": {"migrate": MIGRATE} if migrate else {},
    }
    return deepcopy({**built, **changes})


def parsed(fields: Mapping[str, Any]) -> DeliveryServiceSpec:
    """Parse a spec as the engine does."""
    return DeliveryServiceSpec.model_validate(fields)


def service(
    fields: Mapping[str, Any], *, name: str = "order", namespace: str = "shop", uid: str = "uid-of-order"
) -> dict[str, Any]:
    """Build a DeliveryService as it is after `kubectl apply`."""
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": name, "namespace": namespace, "uid": uid, "generation": 1, "resourceVersion": "1"},
        "spec": deepcopy(dict(fields)),
        "status": {"observedGeneration": -1},  # the CRD's default
    }


def pod(
    owner: Object,
    *,
    name: str = "pod",
    labels: Mapping[str, str] | None = None,
    container: Mapping[str, Any] | None = None,
    conditions: list[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    """Build a pod of an owner, with the status of its one container: the one that the owner's template has."""
    maker = owner.get("spec", {}).get("jobTemplate", owner).get("spec", {})
    template = maker.get("template", {}).get("spec", {"containers": [{"name": "main"}]})
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": "shop",
            "uid": f"uid-of-{name}",
            "resourceVersion": "1",
            "labels": dict(labels or {}),
            "ownerReferences": [
                {
                    "apiVersion": owner["apiVersion"],
                    "kind": owner["kind"],
                    "name": owner["metadata"]["name"],
                    "uid": owner["metadata"].get("uid", ""),
                    "controller": True,
                }
            ],
        },
        "spec": {"nodeName": NODE},
        "status": {
            "conditions": conditions or [],
            "containerStatuses": [status(**{"name": template["containers"][0]["name"], **container})]
            if container is not None
            else [],
        },
    }


def status(*, name: str, **fields: Any) -> dict[str, Any]:
    """Build the status of a container, as a kubelet tells it."""
    return {"name": name, "image": IMAGE, "ready": False, "restartCount": 0, **fields}


def process_labels(process: str, release: int) -> dict[str, str]:
    """Labels by which a pod is found to belong to a process of a release."""
    return {names.PROCESS: process, names.RELEASE: str(release)}
