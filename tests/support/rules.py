"""A case that is taken and one that is refused for each rule of the models and the policy, beside `changes`.

A case changes the sample of its kind; what refuses it is told by a part of the rule's message.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tests.support import shop
from tests.support.changes import DIGEST
from tests.support.kube import Object

Fields = Mapping[str, Any]


@dataclass(frozen=True)
class Case:
    """One rule.

    Attributes:
        message: a part of the rule's message that no other rule has.
        taken: fields of the spec that pass.
        refused: fields of the spec that do not.
        name: of the refused object, where the rule is about names.
        environment: the environment's spec, for a rule of the policy.
    """

    message: str
    taken: Fields
    refused: Fields
    name: str | None = None
    environment: Fields = field(default_factory=dict)

    def __str__(self) -> str:
        """The message, for the test's name."""
        return self.message[:60]


RUN: Final = {"command": ["run"]}
HTTP: Final = {**RUN, "port": {"number": 8080}}
TCP: Final = {**RUN, "port": {"number": 7000, "protocol": "tcp"}}
QUEUE: Final = {"type": "redis", "name": "mails", "addressFrom": "REDIS_ADDR"}
KAFKA: Final = {"type": "kafka", "name": "orders", "consumerGroup": "order", "addressFrom": "BROKERS"}
DB: Final = {"name": "db", "type": "postgresql", "secret": "db", "env": {"DATABASE_URL": "url"}}
PROVISIONED: Final = {"apiVersion": "example.com/v1", "kind": "Database", "name": "orders"}
OWN_IMAGE: Final = {**RUN, "image": DIGEST}


def _web(taken: Fields, refused: Fields, message: str) -> Case:
    return Case(message, {"processes": {"web": taken}}, {"processes": {"web": refused}})


def _scaling(taken: Fields, refused: Fields, message: str) -> Case:
    most = {"max": 5}
    return _web({**RUN, "scaling": {**most, **taken}}, {**RUN, "scaling": {**most, **refused}}, message)


def _services(taken: Fields, refused: Fields, message: str) -> Case:
    return Case(message, {"backingServices": [taken]}, {"backingServices": [refused]})


SERVICE: Final = (
    Case("metadata.name may have at most 40 characters", {}, {}, name="a" * 41),
    Case("metadata.name becomes a DNS name", {}, {}, name="order.v2"),
    Case(
        "the CronJob <name>-<process> of a scheduled process may have at most 52 characters",
        {"processes": {"a" * 11: {**RUN, "schedule": "@daily"}}},
        {"processes": {"a" * 20: {**RUN, "schedule": "@daily"}}},
        name="a" * 40,
    ),
    Case(
        "an image of a process's own needs codebase",
        {"processes": {"web": OWN_IMAGE}},
        {"processes": {"web": OWN_IMAGE}, "codebase": None},
    ),
    _web(OWN_IMAGE, {**RUN, "image": "registry.example.com/web:v1"}, "a process's own must be named by digest"),
    _web(
        {**RUN, "replicas": 2},
        {**RUN, "replicas": 2, "scaling": {"max": 5, "cpu": 70}},
        "give replicas or scaling, not both",
    ),
    _web(
        {**RUN, "singleton": True, "replicas": 1},
        {**RUN, "singleton": True, "replicas": 2},
        "a singleton has one pod at most",
    ),
    _web({**RUN, "schedule": "@daily"}, {**HTTP, "schedule": "@daily"}, "a scheduled process runs and ends"),
    _web(
        {**RUN, "schedule": "@daily", "cron": {"timeZone": "Europe/Berlin"}},
        {**RUN, "cron": {"timeZone": "Europe/Berlin"}},
        "cron says how a scheduled process runs",
    ),
    _web({**HTTP, "expose": {"host": "a.example.com"}}, {**RUN, "expose": {}}, "expose needs a port to lead to"),
    _web(
        {**TCP, "expose": {"type": "loadBalancer"}},
        {**TCP, "expose": {"host": "a.example.com"}},
        "a tcp port is exposed by a load balancer only",
    ),
    _web(
        {**HTTP, "expose": {"type": "loadBalancer"}},
        {**HTTP, "expose": {"type": "loadBalancer", "path": "/orders"}},
        "a load balancer passes every connection on",
    ),
    _web({**RUN, "probes": {"port": 8081}}, {**RUN, "probes": {}}, "without a port is probed only at probes.port"),
    _web({**RUN, "scratch": {"/var/cache": "1Gi"}}, {**RUN, "scratch": {"cache": "1Gi"}}, "write an absolute path"),
    _scaling({"min": 5, "cpu": 70}, {"min": 6, "cpu": 70}, "min must not be greater than max"),
    _scaling({"memory": 80}, {}, "give what decides: cpu, memory, queue"),
    _scaling({"queue": KAFKA}, {"queue": {**QUEUE, "consumerGroup": "order"}}, "give consumerGroup with type kafka"),
    _scaling(
        {"queue": {**QUEUE, "passwordFrom": "REDIS_PASSWORD"}},
        {"queue": {**KAFKA, "passwordFrom": "REDIS_PASSWORD"}},
        "passwordFrom applies to type redis",
    ),
    Case(
        "configFrom: give exactly one of secret and configMap",
        {"configFrom": [{"name": "flags", "configMap": "flags"}]},
        {"configFrom": [{"name": "flags", "configMap": "flags", "secret": "flags"}]},
    ),
    _services(DB, {**DB, "provisionedService": PROVISIONED}, "give exactly one of secret and provisionedService"),
    _services({**DB, "env": {}, "files": True}, {**DB, "env": {}}, "else the service does not learn of it"),
    Case("a task name has at most 20 lower-case letters", {"tasks": {"seed": RUN}}, {"tasks": {"Seed": RUN}}),
)
"""Rules of a DeliveryService that `changes` has no case for."""

TASK: Final = (
    Case("metadata.name may have at most 52 characters", {"task": "seed"}, {"task": "seed"}, name="a" * 53),
    Case("give exactly one of task", {"command": ["run"]}, {"task": "seed", "command": ["run"]}),
    Case("args are added to the command of a named task", {"task": "seed", "args": ["1"]}, {**RUN, "args": ["1"]}),
)
"""Rules of a new DeliveryTask."""

ENVIRONMENT: Final = (
    Case("metadata.name is what services write in spec.environment", {}, {}, name="production.eu"),
    Case(
        "give gateway or ingress, not both",
        {"exposure": {"ingress": {"className": "nginx"}}},
        {"exposure": {"ingress": {"className": "nginx"}, "gateway": {"name": "g", "namespace": "g"}}},
    ),
    Case(
        "templates: give exactly one of configMap and folder",
        {"templates": {"folder": "ours"}},
        {"templates": {"folder": "ours", "configMap": "ours"}},
    ),
    Case(
        "maintenanceWindow: startTime and endTime must differ",
        {"maintenanceWindow": {"startTime": "22:00", "endTime": "04:00"}},
        {"maintenanceWindow": {"startTime": "22:00", "endTime": "22:00"}},
    ),
    Case(
        "the operator keeps no such kind in line; use some of",
        {"drift": {"mode": "warn", "kinds": {"NetworkPolicy": "off", "Deployment": "repair"}}},
        {"drift": {"kinds": {"Pod": "warn"}}},
    ),
)
"""Rules of a DeliveryEnvironment."""

IMMUTABLE: Final = (
    "a release is immutable; change the DeliveryService to make a new one",
    "a task is run once as it was written; use another DeliveryTask to run something else",
)
"""Rules about a change of an object."""

_EXPOSED: Final = {"processes": {"web": {**HTTP, "expose": {}}}}
_NAMED: Final = {"processes": {"web": {**HTTP, "expose": {"host": "a.example.com"}}}}
_PRODUCTION: Final = {"tier": "production"}

POLICY: Final = (
    Case(
        "'codebase.revision '",
        {},
        {"codebase": {"repository": "https://git.example.com/shop/order", "revision": "v1.0.0-rc.1"}},
        environment=_PRODUCTION,
    ),
    Case(
        "release a version without a suffix, such as :v1.4.2",
        {},
        {"image": "registry.example.com/shop/order:v1.0.0-rc.1"},
        environment=_PRODUCTION,
    ),
    Case(
        "takes images by digest only",
        {"image": DIGEST},
        {"image": "registry.example.com/shop/order:v1.0.0"},
        environment={"policy": {"requireDigest": True}},
    ),
    Case(
        "only; push the image there",
        {"image": "registry.example.com/shop/order:v1.0.0"},
        {"image": "registry.example.com/shopping:v1.0.0"},
        environment={"policy": {"registries": ["registry.example.com/shop"]}},
    ),
    Case("has no gateway and no ingress", {}, _NAMED, environment={}),
    Case(
        "has no domain to name a process by",
        _NAMED,
        _EXPOSED,
        environment={"exposure": {"ingress": {"className": "nginx"}}},
    ),
)
"""Rules of the policy; each has an environment of its own."""


def service(fields: Fields, name: str = "order") -> Object:
    """The sample service with these fields in place of its own; None takes one away."""
    body = shop.service("default", name)
    body["spec"] = {key: value for key, value in {**body["spec"], **fields}.items() if value is not None}
    return body


def of_kind(kind: str, fields: Fields, name: str) -> Object:
    """A DeliveryTask or DeliveryEnvironment."""
    metadata = {"name": name} if kind == "DeliveryEnvironment" else {"name": name, "namespace": "default"}
    spec = {"service": "order", **fields} if kind == "DeliveryTask" else dict(fields)
    return {"apiVersion": "delivery.dev/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec}
