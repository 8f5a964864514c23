"""Drift: only our own fields count (invariant 7)."""

from typing import Any

import pytest

from delivery_operator.engine.compare import differences, same, written

A = {"name": "a", "image": "a:1"}
B = {"name": "b", "image": "b:1"}


@pytest.mark.parametrize(
    ("wanted", "live"),
    [
        pytest.param({"a": 1}, {"a": 1, "b": 2}, id="others may add fields"),
        pytest.param({"a": {}}, {}, id="an empty mapping and none are one"),
        pytest.param({"a": []}, {}, id="an empty list and none are one"),
        pytest.param({"c": [A]}, {"c": [{**A, "tty": False}]}, id="defaults in a list's object"),
        pytest.param({"c": [A]}, {"c": [B, A]}, id="others may add objects to a list of named ones"),
        pytest.param({"c": [A, B]}, {"c": [B, A]}, id="named objects have no order"),
        pytest.param({"c": [{"port": 80}]}, {"c": [{"port": 80, "nodePort": 3}]}, id="objects without a name"),
        pytest.param({"c": ["x", "y"]}, {"c": ["x", "y"]}, id="a list of scalars"),
    ],
)
def test_no_difference(wanted: dict[str, Any], live: dict[str, Any]) -> None:
    assert list(differences(wanted, live)) == []
    assert same(wanted, live)


@pytest.mark.parametrize(
    ("wanted", "live", "paths"),
    [
        pytest.param({"a": {"b": 1}}, {"a": {"b": 2}}, ["a.b"], id="another value"),
        pytest.param({"a": {"b": 1}}, {"a": {}}, ["a.b"], id="a field that is gone"),
        pytest.param({"a": {"b": 1}}, {}, ["a"], id="a mapping that is gone"),
        pytest.param({"a": {}}, {"a": "text"}, ["a"], id="a scalar where an empty mapping was"),
        pytest.param({"a": [1]}, {}, ["a"], id="a list that is gone"),
        pytest.param({"a": []}, {"a": "text"}, ["a"], id="a scalar where an empty list was"),
        pytest.param({"a": ["x", "y"]}, {"a": ["y", "x"]}, ["a"], id="a list of scalars has an order"),
        pytest.param({"a": ["x"]}, {"a": ["x", "y"]}, ["a"], id="a list of scalars is one value"),
        pytest.param({"c": [A]}, {"c": [{**A, "image": "a:2"}]}, ["c[a].image"], id="a named object names its field"),
        pytest.param({"c": [A, B]}, {"c": [A]}, ["c[b]"], id="a named object that is gone"),
        pytest.param({"c": [A]}, {"c": [{"name": "a", "image": "x"}] * 2}, ["c[a]"], id="a name that is there twice"),
        pytest.param({"c": [{"port": 80}]}, {"c": [{"port": 81}]}, ["c[0]"], id="an object without a name, by index"),
        pytest.param({"c": [A]}, {"c": ["text"]}, ["c[a]"], id="a scalar where an object was"),
        pytest.param({"selector": {"a": "b"}}, {"selector": {"a": "b", "c": "d"}}, ["selector"], id="a label more"),
        pytest.param({"m": {"a.b/c": "1"}}, {"m": {}}, ["m[a.b/c]"], id="a key with dots"),
        pytest.param({"a": 1, "b": 2}, {"a": 2, "b": 1}, ["a", "b"], id="every difference is named"),
    ],
)
def test_differences_are_named_by_path(wanted: dict[str, Any], live: dict[str, Any], paths: list[str]) -> None:
    assert [written(path) for path in differences(wanted, live)] == paths
    assert not same(wanted, live)


POLICY = {"kind": "NetworkPolicy", "metadata": {"labels": {"a": "b"}}, "spec": {"ingress": [{"ports": [{"port": 80}]}]}}


@pytest.mark.parametrize(
    ("spec", "found"),
    [
        ({"ingress": [{"ports": [{"port": 80, "protocol": "TCP"}]}]}, []),
        ({"ingress": [{"ports": [{"port": 80}]}, {"ports": [{"port": 22}]}]}, ["spec.ingress"]),
        ({"ingress": [{"ports": [{"port": 22}]}]}, ["spec.ingress[0].ports[0].port"]),
        ({}, ["spec.ingress"]),
        (None, ["spec"]),
    ],
    ids=["what the API server adds", "a rule more", "another rule", "no rules", "no spec"],
)
def test_lists_that_are_one_value_are_compared_as_a_whole(spec: object, found: list[str]) -> None:
    """A rule that somebody adds to a NetworkPolicy would open a way: it is drift, not another's field."""
    live = {"kind": "NetworkPolicy", "metadata": {"labels": {"a": "b", "c": "d"}}, "spec": spec}
    assert [written(path) for path in differences(POLICY, live)] == found


def test_one_value_of_a_whole_list_that_differs_is_named() -> None:
    wanted = {"kind": "NetworkPolicy", "spec": {"policyTypes": ["Ingress", "Egress"]}}
    live = {"kind": "NetworkPolicy", "spec": {"policyTypes": ["Ingress", "Other"]}}
    assert [written(path) for path in differences(wanted, live)] == ["spec.policyTypes[1]"]
