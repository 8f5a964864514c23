"""The pages of kinds: no field, default, limit or rule of the CRD is left out."""

from collections.abc import Iterator
from typing import Any

import pytest

from delivery_operator.api.crd import DEFINITIONS, Definition, crd
from docs.fields import kind_page

EXAMPLE: dict[str, Any] = {
    "type": "object",
    "description": "An example.",
    "required": ["count"],
    "properties": {
        "count": {"type": "integer", "minimum": 1, "maximum": 9, "description": "How | many."},
        "mode": {"type": "string", "enum": ["fast", "slow"], "default": "fast"},
        "names": {"type": "array", "maxItems": 3, "items": {"type": "string", "pattern": "^(a|b)$"}},
        "parts": {
            "type": "object",
            "additionalProperties": {"type": "object", "properties": {"size": {"type": "string"}}},
            "x-kubernetes-validations": [{"rule": "size(self) < 2 || true", "message": "at most <two>"}],
        },
    },
}


def by_kind(definition: Definition) -> str:
    return definition.kind


def fields(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, each in schema.get("properties", {}).items():
        yield name, each
        for inner in (each, each.get("items", {}), each.get("additionalProperties", {})):
            yield from fields(inner)


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> str:
    body = crd(DEFINITIONS[0])
    body["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"] |= {"spec": EXAMPLE}
    monkeypatch.setattr("docs.fields.crd", lambda _: body)
    return kind_page(DEFINITIONS[0])


@pytest.mark.parametrize("definition", DEFINITIONS, ids=by_kind)
def test_every_field_and_every_message_is_on_the_page(definition: Definition) -> None:
    page = kind_page(definition)
    root = crd(definition)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
    for part in ("spec", "status"):
        for name, schema in fields(root[part]):
            assert f"| `{name}` |" in page or f"| [`{name}`](#" in page, name
            for rule in schema.get("x-kubernetes-validations", ()):
                assert f"`{rule['rule']}`" in page


@pytest.mark.parametrize("definition", DEFINITIONS, ids=by_kind)
def test_every_link_of_a_page_leads_to_one_of_its_sections(definition: Definition) -> None:
    page = kind_page(definition)
    links = {part.split(")")[0] for part in page.split("](#")[1:]}
    anchors = {part.split(" ")[0] for part in page.split("{ #")[1:]}

    assert links <= anchors


def test_a_row_has_type_default_and_limits(example: str) -> None:
    assert "| `count` | integer, **required** |  | How &#124; many. (1 to 9) |" in example
    assert "| `mode` | string | `fast` | (one of `fast`, `slow`) |" in example
    assert "| `names` | list of string |  | (at most 3 items; each matches <code>^(a&#124;b)$</code>) |" in example


def test_an_object_in_a_map_has_a_section_of_its_own(example: str) -> None:
    assert "| [`parts`](#spec-parts) | map of object |" in example
    assert "### spec.parts.\\* { #spec-parts }" in example
    assert "| `size` | string |" in example


def test_a_rule_is_told_with_its_message(example: str) -> None:
    assert "`parts`: refused by the API server" in example
    assert "- at most &lt;two><br>`size(self) < 2 || true`" in example
