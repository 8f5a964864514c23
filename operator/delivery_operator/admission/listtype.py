"""Finds doubles in lists that are sets or maps.

As k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from delivery_operator.admission.problem import Kind, Problem, problem

Schema = Mapping[str, Any]


def list_problems(value: Any, schema: Schema, path: str = "") -> Iterator[Problem]:
    """Find what is in a set twice, and keys that two items of a map-like list share."""
    if isinstance(value, list):
        yield from _doubles(value, schema, path)
        if "items" in schema:
            for index, each in enumerate(value):
                yield from list_problems(each, schema["items"], f"{path}[{index}]")
    elif isinstance(value, dict):
        values = schema.get("additionalProperties")
        for name, each in value.items():
            if name in schema.get("properties", {}):
                yield from list_problems(each, schema["properties"][name], f"{path}.{name}" if path else name)
            elif isinstance(values, dict):
                yield from list_problems(each, values, f"{path}[{name}]")


def _doubles(value: list[Any], schema: Schema, path: str) -> Iterator[Problem]:
    match schema.get("x-kubernetes-list-type"):
        case "set":
            keys = value
        case "map":
            for index, each in enumerate(value):
                if not isinstance(each, dict) and each is not None:
                    detail = "must be an object for an array of list-type map"
                    yield problem(Kind.INVALID, f"{path}[{index}]", detail, each)
                    return
            names = schema["x-kubernetes-list-map-keys"]
            keys = [{name: each[name] for name in names if name in each} if each else {} for each in value]
        case _:
            return
    seen: dict[str, int] = {}
    for index, key in enumerate(keys):
        identity = json.dumps(key, sort_keys=True)
        seen[identity] = seen.get(identity, 0) + 1
        if seen[identity] == 2:  # noqa: PLR2004 a third one says nothing new
            yield problem(Kind.DUPLICATE, f"{path}[{index}]", value=key)
