"""A value cannot leave its place in a manifest, whoever wrote it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery_operator.render.manifests import Manifest, render
from delivery_operator.render.sandbox import Templates
from tests.unit.support import builders

MARK = "harmless"
VALUES = st.text(st.characters(codec="utf-8", exclude_characters="\0"))


def rendered(value: str) -> list[Manifest]:
    """Render a service in which every free text is this value."""
    spec = builders.spec(
        codebase={"repository": f"https://{value}x", "revision": "v1.0.0"},
        processes={"web": {**builders.WEB, "command": ["order", value]}},
        config={"TEXT": {"value": value}, "FROM": {"secretKeyRef": {"name": "s", "key": "k"}}},
        release={"migrate": {"command": [value]}},
    )
    return render("order", "shop", builders.parsed(spec), builders.BUNDLE)


def replaced(tree: Any, value: str) -> Any:
    """Put a value where the harmless one is."""
    if isinstance(tree, dict):
        return {key: replaced(each, value) for key, each in tree.items()}
    if isinstance(tree, list):
        return [replaced(each, value) for each in tree]
    return {MARK: value, f"https://{MARK}x": f"https://{value}x"}.get(tree, tree) if isinstance(tree, str) else tree


def changes_nothing_but_itself(value: str) -> bool:
    def without_names(manifests: list[Manifest]) -> list[Manifest]:
        (config_map,) = [each for each in manifests if each["kind"] == "ConfigMap"]
        digest = config_map["metadata"]["name"]  # follows the content
        return [replaced_name(each, digest) for each in manifests]

    return bool(without_names(rendered(value)) == replaced(without_names(rendered(MARK)), value))


def replaced_name(tree: Any, name: str) -> Any:
    if isinstance(tree, dict):
        return {key: replaced_name(each, name) for key, each in tree.items()}
    if isinstance(tree, list):
        return [replaced_name(each, name) for each in tree]
    return "<config>" if tree == name else tree


@pytest.mark.parametrize(
    "value",
    [
        pytest.param('"\n  privileged: true\n', id="ends its quotes and begins a key"),
        pytest.param("x\n---\nkind: Secret", id="begins a document"),
        pytest.param("{{ 7*7 }}{% if x %}{# #}", id="template syntax"),
        pytest.param("'\"`\\", id="quotes and a backslash"),
        pytest.param("\\u0041\\ud83d\\ude00\\U0001f600", id="escapes written out"),
        pytest.param("😀\\😀", id="beyond the basic plane"),
        pytest.param("a\u2028b\u2029c\u0085d\ufeffe", id="line separators and a byte order mark"),
        pytest.param("\x7f", id="DEL"),
        pytest.param("".join(chr(code) for code in range(1, 32)), id="control characters"),
        pytest.param("".join(chr(code) for code in range(0x7F, 0xA0)), id="more control characters"),
        pytest.param("\ufffe\uffff\U0010ffff", id="non-characters"),
        pytest.param("no", id="a YAML 1.1 boolean"),
        pytest.param("0o17", id="a number in disguise"),
        pytest.param("2026-03-01", id="a date in disguise"),
        pytest.param("&a *a !!python/object:os.system", id="YAML anchors and tags"),
        pytest.param("", id="nothing"),
        pytest.param(" \t ", id="white space"),
    ],
)
def test_a_hostile_value_changes_nothing_but_itself(value: str) -> None:
    """T-12."""
    assert changes_nothing_but_itself(value)


def test_a_very_long_value_arrives_whole() -> None:
    value = 'ä"\n' * 100_000
    assert Templates({"t": "value: {{ value }}\n"}).render("t", {"value": value}) == {"value": value}


@given(VALUES)
def test_any_text_changes_nothing_but_itself(value: str) -> None:
    assert changes_nothing_but_itself(value)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | VALUES,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(VALUES, inner, max_size=4),
        max_leaves=12,
    )
)
def test_any_data_arrives_as_it_was(value: Any) -> None:
    """Keys with a null value are left out, which is the same to Kubernetes."""

    def without_none(tree: Any) -> Any:
        if isinstance(tree, dict):
            return {key: without_none(each) for key, each in tree.items() if each is not None}
        return [without_none(each) for each in tree] if isinstance(tree, list) else tree

    assert Templates({"t": "value: [{{ value }}]\n"}).render("t", {"value": value}) == {"value": [without_none(value)]}
