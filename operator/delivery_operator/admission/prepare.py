"""What happens to an object before it is validated: unknown fields are found, nulls dropped, defaults filled in.

As pruning and defaulting in k8s.io/apiextensions-apiserver/pkg/apiserver/schema. A null for a field that may not be
null is as if the field were not there: it gets the default if there is one.
"""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from math import isfinite
from typing import Any

from delivery_operator.admission.problem import Kind, Problem

Schema = Mapping[str, Any]

PRESERVE = "x-kubernetes-preserve-unknown-fields"
_ROOT_FIELDS = frozenset({"apiVersion", "kind", "metadata"})
_INT64 = range(-(2**63), 2**63)


def decoded(value: Any) -> Any:
    """Copy a JSON value into what the API server has after decoding it.

    Whole numbers beyond 64 bits become floats, lone surrogates U+FFFD.

    Raises:
        TypeError: it holds something that is not JSON, such as a date, an infinity or a key that is not a string.
    """
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise TypeError(f"not JSON: a key that is not a string in {value!r}")
        return {_text(key): decoded(each) for key, each in value.items()}
    if isinstance(value, list):
        return [decoded(each) for each in value]
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int) and value not in _INT64:
        return float(value)
    if value is None or isinstance(value, int) or (isinstance(value, float) and isfinite(value)):
        return value
    raise TypeError(f"not JSON: {value!r}")


def _text(value: str) -> str:
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def unknown_fields(value: Any, schema: Schema | None, path: str = "") -> Iterator[Problem]:
    """Find fields that the schema does not have (fieldValidation=Strict)."""
    preserve = bool(schema and schema.get(PRESERVE))
    if isinstance(value, dict):
        for name, each in value.items():
            if not path and name in _ROOT_FIELDS:
                continue
            field = f"{path}.{name}" if path else name
            inner = _field(schema, name)
            if inner is not None:
                yield from unknown_fields(each, inner, field)
            elif not preserve:
                yield Problem(Kind.UNKNOWN_FIELD, field, f'unknown field "{field}"')
    elif isinstance(value, list):
        items = schema.get("items") if schema else None
        for index, each in enumerate(value):
            yield from unknown_fields(each, items, f"{path}[{index}]")


def drop_nulls(value: Any, schema: Schema | None) -> None:
    """Drop, in place, the nulls of fields that may not be null and have no default."""
    if isinstance(value, dict):
        for name in list(value):
            inner = _field(schema, name)
            if value[name] is None and inner is not None and not inner.get("nullable") and "default" not in inner:
                del value[name]
            else:
                drop_nulls(value[name], inner)
    elif isinstance(value, list):
        for each in value:
            drop_nulls(each, schema.get("items") if schema else None)


def fill_defaults(value: Any, schema: Schema | None) -> None:
    """Fill in defaults, in place: where a field is missing, and where it is null and may not be."""
    if schema is None:
        return
    if isinstance(value, dict):
        for name, inner in schema.get("properties", {}).items():
            if "default" in inner and (name not in value or _wrongly_null(value[name], inner)):
                value[name] = deepcopy(inner["default"])
        for name, each in value.items():
            inner = _field(schema, name)
            if inner is not None and _wrongly_null(each, inner):
                value[name] = deepcopy(inner.get("default"))
            fill_defaults(value[name], inner)
    elif isinstance(value, list):
        items = schema.get("items")
        for index, each in enumerate(value):
            if items is not None and _wrongly_null(each, items):
                value[index] = deepcopy(items.get("default"))
            fill_defaults(value[index], items)


def _wrongly_null(value: Any, schema: Schema) -> bool:
    return value is None and not schema.get("nullable")


def _field(schema: Schema | None, name: str) -> Schema | None:
    """The schema of a property or, in a map, of a value."""
    if schema is None:
        return None
    found: Schema | None = schema.get("properties", {}).get(name)
    if found is not None:
        return found
    values = schema.get("additionalProperties")
    return values if isinstance(values, dict) else None
