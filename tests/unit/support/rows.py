"""The rows of the test of every field: what a row is, the service it changes, and names for the places that change."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from delivery_operator.api.environment import DeliveryEnvironmentSpec
from delivery_operator.render.manifests import Manifest, render, scaling, task_job
from delivery_operator.render.platform import OPTIONAL, Platform
from tests.unit.support import builders
from tests.unit.support.fields import with_value

Places = frozenset[str]

SERVICE: Final[dict[str, Any]] = {
    "image": "registry.example.com/shop/order:v1.0.0",
    "codebase": {"repository": "https://git.example.com/shop/order", "revision": "v1.0.0"},
    "processes": {
        "web": {"command": ["web"], "port": {"number": 8080}},
        "worker": {"command": ["work"]},
        "sweep": {"command": ["sweep"], "schedule": "@daily"},
    },
    "config": {
        "MODE": {"value": "live"},
        "KEY": {"secretKeyRef": {"name": "keys", "key": "key"}},
        "FLAG": {"configMapKeyRef": {"name": "flags", "key": "flag"}},
    },
    "backingServices": [{"name": "db", "type": "postgresql", "secret": "db", "env": {"DATABASE_URL": "url"}}],
    "release": {"migrate": {"command": ["migrate"]}, "contract": {"command": ["contract"]}},
    "tasks": {"seed": {"command": ["seed"]}},
}
"""What each row changes one field of."""

PODS: Final = (
    "Deployment order-web",
    "Deployment order-worker",
    "CronJob order-sweep",
    "Job migrate",
    "Job contract",
    "Job task",
)
CHILDREN: Final = (
    *PODS,
    "ServiceAccount order",
    "ConfigMap order-config",
    "NetworkPolicy order-service",
    "NetworkPolicy order-web",
    "Service order-service",
    "PrometheusRule order",
)


@dataclass(frozen=True)
class Row:
    """One field.

    Attributes:
        path: the field that is set, of one process, variable and so on.
        value: what it is set to.
        places: what changes, and nothing else does: a whole child, or child and path.
        given: fields of the service that are set before and after.
        environment: the environment, before and after.
        at_once: takes effect at once, and so makes no release.
    """

    path: str
    value: object
    places: Places
    given: Mapping[str, object] = field(default_factory=dict)
    environment: Mapping[str, object] = field(default_factory=dict)
    at_once: bool = False


def at(child: str, *paths: str) -> Places:
    """Places in one child."""
    return frozenset(f"{child}: {path}" for path in paths)


def pods(*paths: str) -> Places:
    """The same places in every child that makes pods."""
    return frozenset().union(*(at(child, *paths) for child in PODS))


def everywhere(*paths: str) -> Places:
    """The same places in every child, and in what it makes."""
    cron_job = at("CronJob order-sweep", *(f"spec.jobTemplate.{path}" for path in paths))
    return pods(*(f"pod.{path}" for path in paths)).union(cron_job, *(at(child, *paths) for child in CHILDREN))


def web(*paths: str) -> Places:
    """Places in the Deployment of web."""
    return at("Deployment order-web", *paths)


def env(*names: str) -> Places:
    """Values of variables, in every pod."""
    return pods(*(f"container.env[{name}].value" for name in names))


def reference(name: str, kind: str, part: str) -> Places:
    """A part of a variable's reference, in every pod."""
    return pods(f"container.env[{name}].valueFrom.{kind}.{part}")


ROUTED: Final[dict[str, object]] = {"processes.web.expose": {}}
INGRESS: Final = {"exposure": {"domain": "example.com", "ingress": {"className": "nginx"}}}
COLLECTOR: Final = {"telemetry": {"otlp": {"endpoint": "http://otel:4317"}}}


def before(row: Row) -> dict[str, Any]:
    """The service of a row, before its field is set."""
    service = SERVICE
    for path, value in row.given.items():
        service = with_value(service, path, value)
    return service


def children(service: Mapping[str, Any], environment: Mapping[str, Any]) -> list[Manifest]:
    """Render all there is of a service, its tasks too, where everything is served."""
    spec = builders.parsed(service)
    platform = Platform(DeliveryEnvironmentSpec.model_validate(environment), frozenset(OPTIONAL), {"db": "db"})
    whole = ("order", "shop", spec, builders.BUNDLE, platform)
    tasks = [
        task_job(
            *whole,
            command=task.command,
            timeout=task.timeout_seconds,
            backoff=task.backoff_limit,
            resources=task.resources,
        )
        for task in spec.tasks.values()
    ]
    # The name of the ConfigMap follows its content.
    text = re.sub("order-config-[0-9a-f]{10}", "order-config", json.dumps([*render(*whole), *scaling(*whole), *tasks]))
    manifests: list[Manifest] = json.loads(text)
    return manifests
