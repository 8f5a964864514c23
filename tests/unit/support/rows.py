"""The rows of the test of every field: what a row is, the service it changes, and names for the places that change."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

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
