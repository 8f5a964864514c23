"""Rules of a schema: where they are evaluated, and what is said of a broken one."""

from typing import Any

import pytest

from delivery_operator.admission.problem import Kind
from delivery_operator.admission.rules import root_problems, rule_problems

PORTS = {
    "type": "object",
    "properties": {
        "low": {"type": "integer"},
        "high": {"type": "integer", "x-kubernetes-validations": [{"rule": "self > 0", "message": "raise it"}]},
    },
}


def ruled(schema: dict[str, Any], *rules: dict[str, Any]) -> dict[str, Any]:
    return {**schema, "x-kubernetes-validations": [*rules]}


def lines(json: Any, schema: dict[str, Any]) -> list[str]:
    return [str(each) for each in rule_problems(json, schema, "spec")]


def test_rules_are_evaluated_wherever_they_are() -> None:
    inner = ruled({"type": "string"}, {"rule": "self != 'x'", "message": "write another"})
    schema = {
        "type": "object",
        "properties": {
            "listed": {"type": "array", "items": inner},
            "named": {"type": "object", "additionalProperties": inner},
            "plain": inner,
        },
    }
    json = {"listed": ["y", "x"], "named": {"a": "x"}, "plain": "x", "other": "x"}
    assert lines(json, schema) == [
        'spec.listed[1]: Invalid value: "x": write another',
        'spec.named[a]: Invalid value: "x": write another',
        'spec.plain: Invalid value: "x": write another',
    ]


def test_a_value_that_is_null_is_not_asked() -> None:
    assert lines(None, ruled({"type": "string", "nullable": True}, {"rule": "false"})) == []


def test_a_rule_about_the_value_before_is_for_updates() -> None:
    assert lines({"low": 1}, ruled(PORTS, {"rule": "self.low == oldSelf.low"})) == []


@pytest.mark.parametrize(
    ("rule", "wanted"),
    [
        ({"rule": "self.low < self.high", "message": " lower it "}, "spec: Invalid value: lower it"),
        ({"rule": "self.low < self.high"}, "spec: Invalid value: failed rule: self.low < self.high"),
        (
            {"rule": "self.low < self.high", "messageExpression": "'below ' + string(self.high)", "message": "m"},
            "spec: Invalid value: below 1",
        ),
        (
            {"rule": "self.low < self.high", "messageExpression": "'no ' + self.none", "message": "lower it"},
            "spec: Invalid value: lower it",
        ),
        (
            {"rule": "self.low < self.high", "messageExpression": "'a\\nb'", "message": "lower it"},
            "spec: Invalid value: lower it",
        ),
        (
            {"rule": "self.low < self.high", "message": "m", "fieldPath": ".low"},
            "spec.low: Invalid value: m",
        ),
        ({"rule": "self.low < self.high", "message": "m", "reason": "FieldValueForbidden"}, "spec: Forbidden: m"),
        ({"rule": "self.low < self.high", "message": "m", "reason": "FieldValueRequired"}, "spec: Required value: m"),
        ({"rule": "self.none", "message": "m"}, 'spec: Invalid value: "object": '),
    ],
)
def test_what_is_said(rule: dict[str, Any], wanted: str) -> None:
    (found,) = lines({"low": 2, "high": 1}, ruled(PORTS, rule))
    assert found.startswith(wanted)
    assert not wanted.endswith(": ") or found.endswith(" evaluating rule: m")


def test_of_metadata_a_rule_sees_the_names() -> None:
    schema = ruled(
        {"type": "object", "properties": {"spec": PORTS}},
        {"rule": "self.metadata.name == 'order' && !has(self.metadata.labels)", "message": "m"},
        {"rule": "self.kind == 'K'", "message": "n"},
    )
    body = {"apiVersion": "v1", "kind": "K", "metadata": {"name": "order", "labels": {"a": "b"}}, "spec": {"high": 0}}
    (found,) = root_problems(body, schema)
    assert (found.kind, found.field) == (Kind.INVALID, "spec.high")
