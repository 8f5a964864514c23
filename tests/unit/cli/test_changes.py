"""What changes between two objects, by field."""

from typing import Any

import pytest

from delivery_operator.cli.changes import MISSING, Change, changes


def paths(before: dict[str, Any], after: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    return {each.path: (each.before, each.after) for each in changes(before, after)}


def test_equal_objects_have_no_changes() -> None:
    body = {"metadata": {"name": "a"}, "spec": {"list": [1, {"name": "x"}]}}
    assert changes(body, body) == []


def test_what_the_api_server_keeps_for_itself_is_left_out() -> None:
    before = {
        "metadata": {"resourceVersion": "1", "generation": 1, "managedFields": [], "uid": "u"},
        "status": {"a": 1},
    }
    after = {"metadata": {"resourceVersion": "2", "generation": 2}, "status": {"a": 2}}
    assert changes(before, after) == []


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ({"spec": {"replicas": 1}}, {"spec": {"replicas": 2}}, {"spec.replicas": (1, 2)}),
        ({"spec": {}}, {"spec": {"a": {"b": 1}}}, {"spec.a.b": (MISSING, 1)}),
        ({"spec": {"a": {"b": 1}}}, {"spec": {}}, {"spec.a.b": (1, MISSING)}),
        ({"spec": {"l": [1]}}, {"spec": {"l": [1, 2]}}, {"spec.l": ([1], [1, 2])}),
        (
            {"metadata": {"labels": {"delivery.dev/release": "1"}}},
            {"metadata": {"labels": {"delivery.dev/release": "2"}}},
            {"metadata.labels[delivery.dev/release]": ("1", "2")},
        ),
        (
            {"env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]},
            {"env": [{"name": "B", "value": "3"}, {"name": "C", "value": "4"}]},
            {
                "env[A].name": ("A", MISSING),
                "env[A].value": ("1", MISSING),
                "env[B].value": ("2", "3"),
                "env[C].name": (MISSING, "C"),
                "env[C].value": (MISSING, "4"),
            },
        ),
        ({"p": []}, {"p": [{"port": 80}]}, {"p": ([], [{"port": 80}])}),
        ({}, {"p": [{"port": 80}]}, {"p[80].port": (MISSING, 80)}),
        ({"p": [{"port": 80}]}, {}, {"p[80].port": (80, MISSING)}),
        ({"x": [{"a": 1}]}, {"x": [{"a": 2}]}, {"x": ([{"a": 1}], [{"a": 2}])}),
    ],
)
def test_changes(before: dict[str, Any], after: dict[str, Any], found: dict[str, tuple[Any, Any]]) -> None:
    assert paths(before, after) == found
    turned = {path: (new, old) for path, (old, new) in found.items()}
    assert paths(after, before) == turned


def test_a_change_is_a_value() -> None:
    assert changes({"a": 1}, {"a": 2}) == [Change("a", 1, 2)]
