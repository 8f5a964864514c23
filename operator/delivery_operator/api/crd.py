"""CustomResourceDefinitions out of the models: the models are the source, the YAML is generated (OP-4).

A pydantic JSON schema becomes a structural schema
(https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema):
references inlined, titles dropped, optional-as-null unwrapped, docstrings kept for `kubectl explain`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from delivery_operator.api import environment, release, service, task
from delivery_operator.api.base import GROUP, VERSION, Model, rules
from delivery_operator.api.environment import DeliveryEnvironmentSpec, DeliveryEnvironmentStatus
from delivery_operator.api.release import DeliveryReleaseSpec, DeliveryReleaseStatus
from delivery_operator.api.service import DeliveryServiceSpec
from delivery_operator.api.status import DeliveryServiceStatus
from delivery_operator.api.task import DeliveryTaskSpec, DeliveryTaskStatus


@dataclass(frozen=True)
class Column:
    """A printer column of `kubectl get`; priority 1 shows with -o wide only."""

    name: str
    path: str
    type: str = "string"
    priority: int = 0
    description: str = ""


@dataclass(frozen=True)
class Definition:
    """What a CRD needs beside its models."""

    kind: str
    plural: str
    short_names: tuple[str, ...]
    description: str
    spec: type[Model]
    status: type[Model]
    columns: tuple[Column, ...]
    root_rules: Mapping[str, Any]
    spec_rules: Mapping[str, Any]
    status_default: Mapping[str, Any] | None = None
    namespaced: bool = True


def _condition(name: str, field: str = "status") -> str:
    return f'.status.conditions[?(@.type=="{name}")].{field}'


AGE = Column("Age", ".metadata.creationTimestamp", "date")

UNANSWERED: Final = {"observedGeneration": -1}
"""The status before the operator's first: without one, kstatus (Flux) takes a new object for one that is ready."""

DEFINITIONS: tuple[Definition, ...] = (
    Definition(
        kind=service.KIND,
        plural=service.PLURAL,
        short_names=("dsvc",),
        description="A DeliveryService is one twelve-factor service: its processes, config, backing services and how "
        "it is released. The delivery operator turns it into releases and runs them.",
        spec=DeliveryServiceSpec,
        status=DeliveryServiceStatus,
        columns=(
            Column("Ready", _condition("Ready"), description="Whether the newest release serves."),
            Column("Release", ".status.release", description="The newest release."),
            Column("Image", ".status.image", description="The image that serves."),
            Column("Processes", ".status.formation", description="Process types and how many pods of each."),
            Column("Phase", ".status.phase", priority=1),
            Column("Reason", _condition("Ready", "reason"), priority=1),
            Column("Message", _condition("Ready", "message"), priority=1),
            AGE,
        ),
        root_rules=service.METADATA_RULES,
        spec_rules=service.SPEC_RULES,
        status_default=UNANSWERED,
    ),
    Definition(
        kind=release.KIND,
        plural=release.PLURAL,
        short_names=("drel",),
        description="A DeliveryRelease is one immutable release of a DeliveryService: its content, its rendered "
        "manifests and, in status, how its migration and rollout went. The operator makes them; nobody edits them.",
        spec=DeliveryReleaseSpec,
        status=DeliveryReleaseStatus,
        columns=(
            Column("Service", ".spec.service"),
            Column("Phase", ".status.phase"),
            Column("Image", ".spec.image"),
            Column("Migration", ".status.migration.result"),
            Column("Schema", ".status.migration.schemaHead", priority=1),
            Column("Reason", ".status.reason", priority=1),
            AGE,
        ),
        root_rules={},
        spec_rules=rules(("self == oldSelf", "a release is immutable; change the DeliveryService to make a new one")),
        status_default={},
    ),
    Definition(
        kind=task.KIND,
        plural=task.PLURAL,
        short_names=("dtask",),
        description="A DeliveryTask is one run of a one-off process of a DeliveryService: a named task or a command, "
        "in the image, environment and identity of the release that serves. It becomes a Job.",
        spec=DeliveryTaskSpec,
        status=DeliveryTaskStatus,
        columns=(
            Column("Service", ".spec.service"),
            Column("Task", ".spec.task"),
            Column("Phase", ".status.phase"),
            Column("Exit", ".status.exitCode", "integer"),
            Column("Release", ".status.release"),
            Column("Reason", ".status.reason", priority=1),
            Column("Message", ".status.message", priority=1),
            AGE,
        ),
        root_rules=task.METADATA_RULES,
        spec_rules=task.SPEC_RULES,
        status_default={},
    ),
    Definition(
        kind=environment.KIND,
        plural=environment.PLURAL,
        short_names=("denv",),
        description="A DeliveryEnvironment is the platform team's say about every DeliveryService that names it: "
        "policy, defaults, exposure, telemetry, isolation and templates.",
        spec=DeliveryEnvironmentSpec,
        status=DeliveryEnvironmentStatus,
        columns=(
            Column("Tier", ".spec.tier"),
            Column("Ready", _condition("Ready"), description="Whether its templates are there and whole."),
            Column("Domain", ".spec.exposure.domain"),
            Column("Templates", ".status.templates", priority=1),
            Column("Message", _condition("Ready", "message"), priority=1),
            AGE,
        ),
        root_rules=environment.METADATA_RULES,
        spec_rules={},
        status_default=UNANSWERED,
        namespaced=False,
    ),
)


def structural(model: type[Model]) -> dict[str, Any]:
    """Turn a model into a structural schema with camelCase names."""
    schema = model.model_json_schema(by_alias=True)
    return _structural(schema, schema.get("$defs", {}))


# Key rules are CEL: structural schemas have no propertyNames. Titles repeat the names.
_DROPPED = ("title", "propertyNames", "$defs")
# Defaults that say nothing would only fill every object with empty fields.
_NOTHING: tuple[object, ...] = (None, [], {}, "")
_OF_MAPS = {"minLength": "minProperties", "maxLength": "maxProperties"}


def _structural(node: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    schema = _resolved(node, definitions)
    for dropped in _DROPPED:
        schema.pop(dropped, None)
    if schema.get("default", ...) in _NOTHING:
        del schema["default"]
    if schema.get("type") == "integer":
        schema.setdefault("format", "int32")
    if "items" in schema:
        schema["items"] = _structural(schema["items"], definitions)
    if "properties" in schema:
        schema["properties"] = {name: _structural(each, definitions) for name, each in schema["properties"].items()}
    values = schema.pop("additionalProperties", None)
    if isinstance(values, dict):
        schema["additionalProperties"] = _structural(values, definitions)
        for length, properties in _OF_MAPS.items():
            if length in schema:
                schema[properties] = schema.pop(length)
    return schema


def _resolved(node: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    """Put in place what is referred to; what the field says (its description) wins over what its type says."""
    schema = dict(node)
    if "anyOf" in schema:
        options = [each for each in schema.pop("anyOf") if each != {"type": "null"}]
        if len(options) != 1:
            raise TypeError(f"a union is not structural: {options}")
        schema = {**options[0], **schema}
    if "$ref" in schema:
        schema = {**definitions[schema.pop("$ref").removeprefix("#/$defs/")], **schema}
    return schema


def crd(definition: Definition) -> dict[str, Any]:
    """Build the CustomResourceDefinition of one kind."""
    spec = structural(definition.spec)
    spec.update(definition.spec_rules)
    status = structural(definition.status)
    if definition.status_default is not None:
        status["default"] = dict(definition.status_default)
    columns = [
        {
            "name": column.name,
            "type": column.type,
            "jsonPath": column.path,
            **({"priority": column.priority} if column.priority else {}),
            **({"description": column.description} if column.description else {}),
        }
        for column in definition.columns
    ]
    root = {
        "type": "object",
        "description": definition.description,
        "required": ["spec"],
        **definition.root_rules,
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": spec,
            "status": status,
        },
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{definition.plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced" if definition.namespaced else "Cluster",
            "names": {
                "kind": definition.kind,
                "listKind": f"{definition.kind}List",
                "plural": definition.plural,
                "singular": definition.kind.lower(),
                "shortNames": list(definition.short_names),
                "categories": ["delivery"],
            },
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": columns,
                    "schema": {"openAPIV3Schema": root},
                }
            ],
        },
    }
