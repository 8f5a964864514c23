"""A value cannot leave its place in a manifest, whoever wrote it (T-12)."""

from collections.abc import Iterator
from functools import cache
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from delivery_operator.render.manifests import Manifest
from delivery_operator.render.sandbox import Templates
from tests.unit.support import environment_rows, process_rows, service_rows
from tests.unit.support.fields import places, with_value
from tests.unit.support.rows import Row, before, children

VALUES: Final = st.text(st.characters(codec="utf-8", exclude_characters="\0"))
HOSTILE: Final = {
    "ends its quotes and begins a key": '"\n  privileged: true\n',
    "begins a document": "x\n---\nkind: Secret",
    "template syntax": "{{ 7*7 }}{% if x %}{# #}",
    "quotes and a backslash": "'\"`\\",
    "escapes written out": "\\u0041\\ud83d\\ude00\\U0001f600",
    "beyond the basic plane": "😀\\😀",
    "line separators and a byte order mark": "a\u2028b\u2029c\u0085d\ufeffe",
    "DEL": "\x7f",
    "control characters": "".join(chr(code) for code in range(1, 32)),
    "more control characters": "".join(chr(code) for code in range(0x7F, 0xA0)),
    "non-characters": "\ufffe\uffff\U0010ffff",
    "a YAML 1.1 boolean": "no",
    "a number in disguise": "0o17",
    "a date in disguise": "2026-03-01",
    "YAML anchors and tags": "&a *a !!python/object:os.system",
    "nothing": "",
    "white space": " \t ",
    "an empty mapping": "{}",
    "a list": "- a",
    "YAML's nothing": "~",
    "a comment": "# a",
    "a number with an exponent": "1e3",
    "an octal number": "0o7",
    "a mapping": "a: b",
    "a tab": "\ta",
    "other template languages": "${X} $(X) %s {0}",
    "the mark of another value": "\ue0000\ue001",
    "very long": "x" * 300_000,
}


def changed(row: Row, value: object) -> list[Manifest]:
    """Render the service of a row with its field set to a value."""
    service, environment = before(row), dict(row.environment)
    if row in environment_rows.ROWS:
        return children(service, with_value(environment, row.path, value))
    return children(with_value(service, row.path, value), environment)


@cache
def unchanged(row_path: str) -> list[Manifest]:
    """Render the service of a row."""
    (row,) = [each for each in ROWS if each.path == row_path]
    return children(before(row), row.environment)


def takes(row: Row, text: str) -> bool:
    """Hold that a field takes a text whole and that nothing but its own places changes, or that it refuses it."""
    shape: object = text
    if isinstance(row.value, list):
        shape = [text]
    elif isinstance(row.value, dict):
        shape = dict.fromkeys(row.value, text)
    try:
        after = changed(row, shape)
    except ValidationError:
        return False
    found = places(unchanged(row.path), after)
    assert found == row.places or not text, text
    assert found <= row.places, text
    assert not text or text in set(texts(after)), text
    return True


def texts(tree: Any) -> Iterator[str]:
    """Every text among the values of a tree."""
    if isinstance(tree, str):
        yield tree
    elif isinstance(tree, dict | list):
        for each in tree.values() if isinstance(tree, dict) else tree:
            yield from texts(each)


def holds_text(row: Row) -> bool:
    """Whether a row's field holds text that is shown as it is, and is no name by which the table finds its places."""
    value = row.value[0] if isinstance(row.value, list) else row.value
    value = next(iter(value.values())) if isinstance(value, dict) else value
    named = any(str(value) in place for place in row.places)
    return isinstance(value, str) and not named and value in set(texts(changed(row, row.value)))


ROWS: Final = (*service_rows.ROWS, *process_rows.ROWS, *environment_rows.ROWS)
TEXTS: Final = [row for row in ROWS if holds_text(row)]
OPEN: Final = [row for row in TEXTS if takes(row, "{{ 7*7 }} \n")]
"""The fields that take any text; the others have a pattern."""


def test_the_fields_that_take_any_text_are_few_and_known() -> None:
    assert {row.path for row in OPEN} == {
        "codebase.repository",
        "codebase.revision",
        "config.MODE.value",
        "exposure.ingress.annotations",
        "exposure.ingress.grpcAnnotations",
        "image",
        "processes.web.command",
        "processes.web.image",
        "processes.worker.scaling.queue.consumerGroup",
        "release.contract.command",
        "release.migrate.command",
        "serviceAccount.annotations",
        "tasks.seed.command",
    }


@pytest.mark.parametrize("row", [pytest.param(row, id=row.path) for row in TEXTS])
def test_a_hostile_value_changes_nothing_but_its_own_place(row: Row) -> None:
    """In every field of a service or an environment that holds text; those with a pattern refuse most."""
    taken = {name for name, value in HOSTILE.items() if takes(row, value)}
    if row in OPEN:
        assert taken >= HOSTILE.keys() - {"nothing", "very long"}


@pytest.mark.parametrize("row", [pytest.param(row, id=row.path) for row in OPEN])
@settings(max_examples=25)
@given(value=VALUES)
def test_any_text_changes_nothing_but_its_own_place(row: Row, value: str) -> None:
    takes(row, value)


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
