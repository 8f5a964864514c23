"""A structural schema, in the API server's words."""

from collections.abc import Iterator
from typing import Any

import pytest

from delivery_operator.admission.problem import Kind
from delivery_operator.admission.schema import UNDERSTOOD, schema_problems
from delivery_operator.api.crd import DEFINITIONS, crd

INT = {"type": "integer", "format": "int32", "minimum": 1, "maximum": 10}
TEXT = {"type": "string", "minLength": 2, "maxLength": 3, "pattern": "^[a-z]+$"}
LIST = {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 1}
MAP = {"type": "object", "additionalProperties": INT, "minProperties": 1, "maxProperties": 2}
STRUCTURE = {"type": "object", "properties": {"b": TEXT}, "required": ["b"]}
ENUM = {"type": "string", "enum": ["x", "y"]}

GOOD: list[tuple[Any, dict[str, Any]]] = [
    (1, INT),
    (3.0, INT),
    ("ab", TEXT),
    ("é𝄞", {"type": "string", "maxLength": 2}),
    ("a line\n", {"type": "string", "pattern": "line"}),
    (["x"], LIST),
    ({"a": 1}, MAP),
    ({"b": "ab", "c": 1}, STRUCTURE),
    ("x", ENUM),
    (None, {"type": "integer", "nullable": True}),
    (1, {"type": "number"}),
    (0.5, {"type": "number"}),
    (True, {"type": "boolean"}),
    (2**40, {"type": "integer", "format": "int64"}),
    ({"any": [1]}, {"x-kubernetes-preserve-unknown-fields": True}),
]

BAD: list[tuple[Any, dict[str, Any], Kind, str, str]] = [
    ("1", INT, Kind.TYPE_INVALID, "a", 'Invalid value: "string": a in body must be of type integer: "string"'),
    (None, INT, Kind.TYPE_INVALID, "a", 'Invalid value: "null": a in body must be of type integer: "null"'),
    (True, INT, Kind.TYPE_INVALID, "a", 'Invalid value: "": a in body must be of type int32: ""'),
    ([], INT, Kind.TYPE_INVALID, "a", 'Invalid value: "array": a in body must be of type integer: "array"'),
    (2, TEXT, Kind.TYPE_INVALID, "a", 'Invalid value: "integer": a in body must be of type string: "integer"'),
    ("x", LIST, Kind.TYPE_INVALID, "a", 'Invalid value: "string": a in body must be of type array: "string"'),
    (0, INT, Kind.INVALID, "a", "Invalid value: 0: a in body should be greater than or equal to 1"),
    (11, INT, Kind.INVALID, "a", "Invalid value: 11: a in body should be less than or equal to 10"),
    ("a", TEXT, Kind.INVALID, "a", 'Invalid value: "a": a in body should be at least 2 chars long'),
    ("abcd", TEXT, Kind.TOO_LONG, "a", "Too long: may not be more than 3 bytes"),
    ("ab\n", TEXT, Kind.INVALID, "a", "Invalid value: \"ab\\n\": a in body should match '^[a-z]+$'"),
    ([], LIST, Kind.INVALID, "a", "Invalid value: 0: a in body should have at least 1 items"),
    (["x", "y"], LIST, Kind.TOO_MANY, "a", "Too many: 2: must have at most 1 item"),
    ([1], LIST, Kind.TYPE_INVALID, "a[0]", 'Invalid value: "integer": a[0] in body must be of type string: "integer"'),
    ({}, MAP, Kind.INVALID, "a", "Invalid value: 0: a in body should have at least 1 properties"),
    ({"x": 1, "y": 1, "z": 1}, MAP, Kind.TOO_MANY, "a", "Too many: 3: must have at most 2 items"),
    ({"x": 0}, MAP, Kind.INVALID, "a.x", "Invalid value: 0: a.x in body should be greater than or equal to 1"),
    ({}, STRUCTURE, Kind.REQUIRED, "a.b", "Required value"),
    ("z", ENUM, Kind.NOT_SUPPORTED, "a", 'Unsupported value: "z": supported values: "x", "y"'),
]


@pytest.mark.parametrize(("json", "schema"), GOOD)
def test_good_values(json: Any, schema: dict[str, Any]) -> None:
    assert list(schema_problems(json, schema, "a")) == []


@pytest.mark.parametrize(("json", "schema", "kind", "field", "message"), BAD)
def test_bad_values(json: Any, schema: dict[str, Any], kind: Kind, field: str, message: str) -> None:
    (found,) = schema_problems(json, schema, "a")
    assert (found.kind, found.field, found.message) == (kind, field, message)


def test_a_number_beyond_its_format_is_out_of_both_ranges() -> None:
    messages = [each.message for each in schema_problems(2**31, INT, "a")]
    assert messages == [
        'Invalid value: "": Checked value must be of type integer with format int32 in a',
        "Invalid value: 2147483648: a in body should be less than or equal to 10",
    ]


def test_a_fraction_is_no_integer() -> None:
    kinds = [each.kind for each in schema_problems(1.5, INT, "a")]
    assert kinds == [Kind.TYPE_INVALID, Kind.INVALID]


def test_a_field_at_the_root_has_no_dot() -> None:
    (missing,) = schema_problems({}, STRUCTURE)
    assert missing.field == "b"


def _keywords(node: dict[str, Any]) -> Iterator[str]:
    yield from node
    for inner in node.get("properties", {}).values():
        yield from _keywords(inner)
    for name in ("items", "additionalProperties"):
        if isinstance(node.get(name), dict):
            yield from _keywords(node[name])


@pytest.mark.parametrize("definition", DEFINITIONS, ids=lambda each: str(each.kind))
def test_every_keyword_of_every_crd_is_evaluated(definition: Any) -> None:
    root = crd(definition)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    assert set(_keywords(root)) <= UNDERSTOOD


@pytest.mark.parametrize("definition", DEFINITIONS, ids=lambda each: str(each.kind))
def test_no_spec_has_a_text_format(definition: Any) -> None:
    """Formats of texts, such as date-time, are not evaluated: a pattern or a rule says the same, here too."""

    def formats(node: dict[str, Any]) -> Iterator[str]:
        if node.get("type") == "string" and "format" in node:
            yield node["format"]
        inner = [node.get("items"), node.get("additionalProperties"), *node.get("properties", {}).values()]
        for each in inner:
            yield from formats(each) if isinstance(each, dict) else ()

    root = crd(definition)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    assert list(formats(root["properties"]["spec"])) == []
