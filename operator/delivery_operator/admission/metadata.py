"""Validates metadata as the API server decodes and validates ObjectMeta (k8s.io/apimachinery/pkg/api/validation)."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from delivery_operator.admission.names import label_faults, label_key_faults, label_value_faults, subdomain_faults
from delivery_operator.admission.problem import Kind, Problem, problem

_GENERATED: Final = 5
_GENERATED_BASE: Final = 63 - _GENERATED
_ANNOTATIONS_SIZE: Final = 256 * 1024
_MANAGER_LENGTH: Final = 128
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


def _is_int64(value: float) -> bool:
    return value == int(value) and -(2**63) <= value < 2**63


_SCALARS: Final[Mapping[str, Callable[[Any], bool]]] = {
    "any": lambda _: True,
    "bool": lambda value: isinstance(value, bool),
    "int64": lambda value: isinstance(value, int | float) and not isinstance(value, bool) and _is_int64(value),
    "string": lambda value: isinstance(value, str),
    "time": lambda value: isinstance(value, str) and bool(_TIME.fullmatch(value)),
}
_ANY_NAME: Final = "*"
# The fields of ObjectMeta and their types: a text is a scalar, a mapping a structure, a list of one type a list of it.
_OWNER: Final = {
    "apiVersion": "string",
    "kind": "string",
    "name": "string",
    "uid": "string",
    "controller": "bool",
    "blockOwnerDeletion": "bool",
}
_MANAGED: Final = {
    "manager": "string",
    "operation": "string",
    "apiVersion": "string",
    "time": "time",
    "fieldsType": "string",
    "fieldsV1": "any",
    "subresource": "string",
}
_OBJECT_META: Final = {
    "name": "string",
    "generateName": "string",
    "namespace": "string",
    "selfLink": "string",
    "uid": "string",
    "resourceVersion": "string",
    "generation": "int64",
    "creationTimestamp": "time",
    "deletionTimestamp": "time",
    "deletionGracePeriodSeconds": "int64",
    "labels": {_ANY_NAME: "string"},
    "annotations": {_ANY_NAME: "string"},
    "ownerReferences": [_OWNER],
    "finalizers": ["string"],
    "managedFields": [_MANAGED],
}


def metadata_problems(metadata: Any, *, namespaced: bool) -> list[Problem]:
    """Find what the API server would refuse in an object's metadata at its creation.

    A missing namespace is no problem: kubectl fills in the current one.

    Args:
        metadata: The object's metadata; None is an empty one.
        namespaced: Whether objects of this kind are in namespaces.
    """
    ill_typed = list(_type_problems(metadata, _OBJECT_META, "metadata"))
    if any(each.kind is Kind.TYPE_INVALID for each in ill_typed):
        return ill_typed
    return [*ill_typed, *_value_problems(metadata or {}, namespaced=namespaced)]


def generated_name(metadata: Mapping[str, Any]) -> str:
    """The object's name, or one as the API server would make it of generateName: as long, with other characters."""
    prefix = metadata.get("generateName") or ""
    return metadata.get("name") or (prefix[:_GENERATED_BASE] + "x" * _GENERATED if prefix else "")


def _type_problems(value: Any, wanted: Any, path: str) -> Iterator[Problem]:
    """A null is the type's empty value: Go's JSON decoder leaves the field alone."""
    if value is None or (isinstance(wanted, str) and _SCALARS[wanted](value)):
        return
    if isinstance(wanted, dict) and isinstance(value, dict):
        for name, each in value.items():
            if name in wanted or _ANY_NAME in wanted:
                yield from _type_problems(each, wanted.get(name, wanted.get(_ANY_NAME)), f"{path}.{name}")
            else:
                yield Problem(Kind.UNKNOWN_FIELD, f"{path}.{name}", f'unknown field "{path}.{name}"')
    elif isinstance(wanted, list) and isinstance(value, list):
        for index, each in enumerate(value):
            yield from _type_problems(each, wanted[0], f"{path}[{index}]")
    else:
        name = wanted if isinstance(wanted, str) else "object" if isinstance(wanted, dict) else "array"
        yield problem(Kind.TYPE_INVALID, path, f"{path} must be of type {name}", value)


def _value_problems(metadata: Mapping[str, Any], *, namespaced: bool) -> Iterator[Problem]:
    prefix = metadata.get("generateName") or ""
    # The API server appends to the prefix, so a dash may end it.
    for fault in subdomain_faults(_without_dash(prefix)) if prefix else ():
        yield problem(Kind.INVALID, "metadata.generateName", fault, prefix)
    name = generated_name(metadata)
    if not name:
        yield problem(Kind.REQUIRED, "metadata.name", "name or generateName is required")
    for fault in subdomain_faults(name) if name else ():
        yield problem(Kind.INVALID, "metadata.name", fault, name)
    namespace = metadata.get("namespace") or ""
    for fault in label_faults(namespace) if namespace and namespaced else ():
        yield problem(Kind.INVALID, "metadata.namespace", fault, namespace)
    for key, value in (metadata.get("labels") or {}).items():
        for fault in label_key_faults(key):
            yield problem(Kind.INVALID, "metadata.labels", fault, key)
        for fault in label_value_faults(value or ""):
            yield problem(Kind.INVALID, "metadata.labels", fault, value)
    yield from _annotation_problems(metadata.get("annotations") or {})
    yield from _owner_problems(metadata.get("ownerReferences") or [])
    yield from _finalizer_problems(metadata.get("finalizers") or [])
    yield from _managed_problems(metadata.get("managedFields") or [])


def _without_dash(prefix: str) -> str:
    return prefix[:-2] + "a" if len(prefix) > 1 and prefix.endswith("-") else prefix


def _annotation_problems(annotations: Mapping[str, str | None]) -> Iterator[Problem]:
    for key in annotations:
        for fault in label_key_faults(key.lower()):
            yield problem(Kind.INVALID, "metadata.annotations", fault, key)
    if sum(len(key.encode()) + len((value or "").encode()) for key, value in annotations.items()) > _ANNOTATIONS_SIZE:
        yield problem(Kind.TOO_LONG, "metadata.annotations", f"may not be more than {_ANNOTATIONS_SIZE} bytes")


def _owner_problems(references: list[Mapping[str, Any] | None]) -> Iterator[Problem]:
    """The API server keeps one of references that are the same."""
    distinct = [each or {} for index, each in enumerate(references) if each not in references[:index]]
    controllers = []
    for index, reference in enumerate(distinct):
        path = f"metadata.ownerReferences[{index}]"
        version = reference.get("apiVersion") or ""
        if version.count("/") > 1 or not version.rpartition("/")[2]:
            yield problem(Kind.INVALID, f"{path}.apiVersion", "version must not be empty", version)
        for name in ("kind", "name", "uid"):
            if not reference.get(name):
                yield problem(Kind.INVALID, f"{path}.{name}", "must not be empty", "")
        if (version, reference.get("kind")) == ("v1", "Event"):
            yield problem(Kind.INVALID, path, "/v1, Kind=Event is disallowed from being an owner", reference)
        if reference.get("controller"):
            controllers.append(f"{reference.get('kind', '')}/{reference.get('name', '')}")
    for other in controllers[1:]:
        detail = (
            'Only one reference can have Controller set to true. Found "true" in references for '
            f"{controllers[0]} and {other}"
        )
        yield problem(Kind.INVALID, "metadata.ownerReferences", detail, distinct)


def _finalizer_problems(finalizers: list[str | None]) -> Iterator[Problem]:
    for each in finalizers:
        for fault in label_key_faults(each or ""):
            yield problem(Kind.INVALID, "metadata.finalizers", fault, each or "")
    if {"orphan", "foregroundDeletion"} <= set(finalizers):
        detail = "finalizer orphan and foregroundDeletion cannot be both set"
        yield problem(Kind.INVALID, "metadata.finalizers", detail, finalizers)


def _managed_problems(entries: list[Mapping[str, Any] | None]) -> Iterator[Problem]:
    for index, each in enumerate(entries):
        entry = each or {}
        path = f"metadata.managedFields[{index}]"
        if entry.get("operation") not in {"Apply", "Update"}:
            detail = "must be `Apply` or `Update`"
            yield problem(Kind.INVALID, f"{path}.operation", detail, entry.get("operation") or "")
        if entry.get("fieldsType") not in {None, "", "FieldsV1"}:
            yield problem(Kind.INVALID, f"{path}.fieldsType", "must be `FieldsV1`", entry["fieldsType"])
        if len((entry.get("manager") or "").encode()) > _MANAGER_LENGTH:
            yield problem(Kind.TOO_LONG, f"{path}.manager", f"may not be more than {_MANAGER_LENGTH} bytes")
