"""What happens to an object before it is validated."""

from copy import deepcopy
from datetime import date
from typing import Any

import pytest

from delivery_operator.admission.prepare import decoded, drop_nulls, fill_defaults, unknown_fields

SCHEMA = {
    "type": "object",
    "properties": {
        "plain": {"type": "string"},
        "number": {"type": "integer", "default": 3},
        "open": {"type": "object", "x-kubernetes-preserve-unknown-fields": True, "properties": {"known": {}}},
        "maybe": {"type": "integer", "nullable": True},
        "inner": {"type": "object", "default": {}, "properties": {"flag": {"type": "boolean", "default": False}}},
        "named": {"type": "object", "additionalProperties": {"type": "object", "properties": {"x": {}}}},
        "listed": {"type": "array", "items": {"type": "object", "properties": {"y": {"default": 1}}}},
    },
}


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"plain": "a", "inner": {"flag": True}}, []),
        ({"apiVersion": "v1", "kind": "K", "metadata": {"anything": 1}}, []),
        ({"other": 1}, ["other"]),
        ({"inner": {"metadata": {}}}, ["inner.metadata"]),
        ({"named": {"a": {"x": 1, "z": 1}}}, ["named.a.z"]),
        ({"listed": [{"y": 1}, {"z": 1}]}, ["listed[1].z"]),
        ({"plain": {"z": 1}}, ["plain.z"]),
        ({"plain": [{"z": 1}]}, ["plain[0].z"]),
        ({"open": {"anything": {"deep": 1}, "known": 1}}, []),
    ],
)
def test_unknown_fields(body: dict[str, Any], fields: list[str]) -> None:
    found = list(unknown_fields(body, SCHEMA))
    assert [each.field for each in found] == fields
    assert [str(each) for each in found] == [f'unknown field "{field}"' for field in fields]


@pytest.mark.parametrize(
    ("body", "completed"),
    [
        ({}, {"number": 3, "inner": {"flag": False}}),
        ({"number": None, "inner": None}, {"number": 3, "inner": {"flag": False}}),
        ({"plain": None}, {"number": 3, "inner": {"flag": False}}),
        ({"maybe": None}, {"number": 3, "inner": {"flag": False}, "maybe": None}),
        ({"named": {"a": None}}, {"number": 3, "inner": {"flag": False}, "named": {}}),
        ({"listed": [{}, None]}, {"number": 3, "inner": {"flag": False}, "listed": [{"y": 1}, None]}),
        ({"number": "not mended"}, {"number": "not mended", "inner": {"flag": False}}),
    ],
)
def test_nulls_and_defaults(body: dict[str, Any], completed: dict[str, Any]) -> None:
    drop_nulls(body, SCHEMA)
    fill_defaults(body, SCHEMA)
    assert body == completed


def test_defaults_are_not_shared() -> None:
    first: dict[str, Any] = {}
    schema = deepcopy(SCHEMA)
    fill_defaults(first, schema)
    first["inner"]["flag"] = True
    assert schema == SCHEMA


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ({"a": [1, 1.5, True, None, "x"]}, {"a": [1, 1.5, True, None, "x"]}),
        (2**63, float(2**63)),
        ("a\ud800b", "a\ufffdb"),
        ("😀", "😀"),
    ],
)
def test_decoded(value: Any, wanted: Any) -> None:
    assert decoded(value) == wanted
    assert type(decoded(value)) is type(wanted)


@pytest.mark.parametrize("value", [date(2026, 1, 1), {1: "a"}, float("inf"), float("nan"), ("a",)])
def test_what_is_not_json_is_not_guessed(value: Any) -> None:
    with pytest.raises(TypeError, match="not JSON"):
        decoded([value])
