"""Validates a value against a structural schema, as k8s.io/kube-openapi/pkg/validation/validate does.

jsonschema would say the same of most values, but not of all, and in other words: here a pattern is RE2, a length counts
code points, 3.0 is an integer, an int32 has a range, and every message is the API server's.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from delivery_operator.admission.pattern import pattern
from delivery_operator.admission.problem import Kind, Problem, problem, shown

Schema = Mapping[str, Any]

UNDERSTOOD: Final = frozenset(
    {
        "additionalProperties",
        "default",
        "description",
        "enum",
        "format",
        "items",
        "maxItems",
        "maxLength",
        "maxProperties",
        "maximum",
        "minItems",
        "minLength",
        "minProperties",
        "minimum",
        "nullable",
        "pattern",
        "properties",
        "required",
        "type",
        "x-kubernetes-list-map-keys",
        "x-kubernetes-list-type",
        "x-kubernetes-map-type",
        "x-kubernetes-preserve-unknown-fields",
        "x-kubernetes-validations",
    }
)
"""The keywords this package evaluates; a test holds the generated CRDs to them."""

_RANGES = {"int32": (-(2**31), 2**31 - 1), "int64": (-(2**63), 2**63 - 1)}
_EXACT = 2**53 - 1
"""Up to here a float is the integer it says."""
_NUMERIC = frozenset({"integer", "number"})


def schema_problems(value: Any, schema: Schema, path: str = "") -> Iterator[Problem]:
    """Find what of a value the schema does not allow; rules and list types are not looked at."""
    yield from _type_problems(value, schema, path)
    if isinstance(value, str):
        yield from _string_problems(value, schema, path)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield from _number_problems(value, schema, path)
    elif isinstance(value, list):
        yield from _array_problems(value, schema, path)
    if "enum" in schema and not any(type(value) is type(each) and value == each for each in schema["enum"]):
        choices = ", ".join(shown(each if isinstance(each, str) else shown(each)) for each in schema["enum"])
        yield problem(Kind.NOT_SUPPORTED, path, f"supported values: {choices}", value)
    if isinstance(value, dict):
        yield from _object_problems(value, schema, path)


def _type_problems(value: Any, schema: Schema, path: str) -> Iterator[Problem]:
    wanted = schema.get("type")
    if wanted is None or (value is None and schema.get("nullable")):
        return
    found, found_format = _type(value)
    whole = wanted == "integer" and isinstance(value, float) and value.is_integer() and abs(value) <= _EXACT
    if found == wanted or whole or (found == "integer" and wanted == "number"):
        return
    stated = schema.get("format", "") if wanted in _NUMERIC else ""
    if stated and value is not None and not isinstance(value, str | list):
        wanted, found = stated, found_format
    detail = f"{path} in body must be of type {wanted}: {shown(found)}"
    yield problem(Kind.TYPE_INVALID, path, detail, found)


# What the API server calls a value's type, and the format it holds it in. A boolean is an int to Python.
_TYPES: Final = (
    (type(None), "null", ""),
    (bool, "boolean", ""),
    (int, "integer", "int64"),
    (float, "number", "float64"),
    (str, "string", ""),
    (list, "array", ""),
    (dict, "object", ""),
)


def _type(value: Any) -> tuple[str, str]:
    """The type of a JSON value and its format."""
    return next((name, form) for each, name, form in _TYPES if isinstance(value, each))


def _string_problems(value: str, schema: Schema, path: str) -> Iterator[Problem]:
    """At most one: the first of length and pattern."""
    if len(value) > schema.get("maxLength", len(value)):
        limit = schema["maxLength"]
        yield problem(Kind.TOO_LONG, path, f"may not be more than {limit} {'byte' if limit == 1 else 'bytes'}")
    elif len(value) < schema.get("minLength", 0):
        detail = f"{path} in body should be at least {schema['minLength']} chars long"
        yield problem(Kind.INVALID, path, detail, value)
    elif "pattern" in schema and not pattern(schema["pattern"]).search(value):
        yield problem(Kind.INVALID, path, f"{path} in body should match '{schema['pattern']}'", value)


def _number_problems(value: float, schema: Schema, path: str) -> Iterator[Problem]:
    if schema.get("type") == "integer":
        stated = schema.get("format", "")
        low, high = _RANGES.get(stated, _RANGES["int64"])
        if not (low <= value <= high and value == int(value)):
            form = f"with format {stated}" if stated else "(default format)"
            detail = f"Checked value must be of type integer {form} in {path}"
            yield problem(Kind.INVALID, path, detail, "")
    if value > schema.get("maximum", value):
        detail = f"{path} in body should be less than or equal to {shown(schema['maximum'])}"
        yield problem(Kind.INVALID, path, detail, value)
    if value < schema.get("minimum", value):
        detail = f"{path} in body should be greater than or equal to {shown(schema['minimum'])}"
        yield problem(Kind.INVALID, path, detail, value)


def _array_problems(value: list[Any], schema: Schema, path: str) -> Iterator[Problem]:
    if "items" in schema:
        for index, each in enumerate(value):
            yield from schema_problems(each, schema["items"], f"{path}[{index}]")
    if len(value) < schema.get("minItems", 0):
        detail = f"{path} in body should have at least {schema['minItems']} items"
        yield problem(Kind.INVALID, path, detail, len(value))
    if len(value) > schema.get("maxItems", len(value)):
        yield _too_many(path, len(value), schema["maxItems"])


def _object_problems(value: dict[str, Any], schema: Schema, path: str) -> Iterator[Problem]:
    if len(value) < schema.get("minProperties", 0):
        detail = f"{path} in body should have at least {schema['minProperties']} properties"
        yield problem(Kind.INVALID, path, detail, len(value))
    if len(value) > schema.get("maxProperties", len(value)):
        yield _too_many(path, len(value), schema["maxProperties"])
    properties = schema.get("properties", {})
    values = schema.get("additionalProperties")
    for name, each in value.items():
        inner = properties.get(name, values if isinstance(values, dict) else None)
        if inner is not None:
            yield from schema_problems(each, inner, f"{path}.{name}" if path else name)
    for name in schema.get("required", ()):
        if name not in value:
            yield problem(Kind.REQUIRED, f"{path}.{name}" if path else name)


def _too_many(path: str, count: int, limit: int) -> Problem:
    return problem(Kind.TOO_MANY, path, f"must have at most {limit} {'item' if limit == 1 else 'items'}", count)
