"""Doubles in lists that are sets or maps."""

from typing import Any

import pytest

from delivery_operator.admission.listtype import list_problems

SET = {"type": "array", "x-kubernetes-list-type": "set", "items": {}}
ATOMIC = {"type": "array", "x-kubernetes-list-type": "atomic", "items": {}}
BY_NAME = {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"], "items": {}}
BY_BOTH = {**BY_NAME, "x-kubernetes-list-map-keys": ["name", "port"]}


@pytest.mark.parametrize(
    ("value", "schema", "wanted"),
    [
        (["a", "b"], SET, []),
        (["a", "b", "a", "a"], SET, ['a[2]: Duplicate value: "a"']),
        ([1, 1.0, True, "1"], SET, []),
        (["a", "a"], ATOMIC, []),
        ([{"name": "x"}, {"name": "y"}], BY_NAME, []),
        ([{"name": "x"}, {"name": "x", "z": 1}], BY_NAME, ['a[1]: Duplicate value: {"name":"x"}']),
        ([{}, {}], BY_NAME, ["a[1]: Duplicate value: {}"]),
        ([{}, None], BY_NAME, ["a[1]: Duplicate value: {}"]),
        (["x"], BY_NAME, ['a[0]: Invalid value: "x": must be an object for an array of list-type map']),
        ([{"name": "x", "port": 1}, {"name": "x", "port": 2}], BY_BOTH, []),
        ([{"name": "x", "port": 1}] * 2, BY_BOTH, ['a[1]: Duplicate value: {"name":"x","port":1}']),
        ({"k": ["a", "a"]}, {"additionalProperties": SET}, ['a[k][1]: Duplicate value: "a"']),
        ({"k": ["a", "a"]}, {"properties": {"k": SET}}, ['a.k[1]: Duplicate value: "a"']),
        ([["a", "a"]], {"items": SET}, ['a[0][1]: Duplicate value: "a"']),
        ({"other": ["a", "a"]}, {"properties": {"k": SET}}, []),
    ],
)
def test_doubles(value: Any, schema: dict[str, Any], wanted: list[str]) -> None:
    assert [str(each) for each in list_problems(value, schema, "a")] == wanted
