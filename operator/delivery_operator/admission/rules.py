"""Evaluates the rules of a schema, as k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel does for a new object."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from delivery_operator.admission.expression import EvaluationFailed, expression, value
from delivery_operator.admission.problem import OMITTED, Kind, Problem, problem

Schema = Mapping[str, Any]

RULES: Final = "x-kubernetes-validations"
_REASONS: Final = {
    "FieldValueForbidden": Kind.FORBIDDEN,
    "FieldValueRequired": Kind.REQUIRED,
    "FieldValueDuplicate": Kind.DUPLICATE,
}
_ROOT_PROPERTIES: Final = {
    "apiVersion": {"type": "string"},
    "kind": {"type": "string"},
    "metadata": {
        "type": "object",
        "properties": {"name": {"type": "string"}, "generateName": {"type": "string"}},
    },
}


def root_problems(body: Mapping[str, Any], schema: Schema) -> list[Problem]:
    """Find the rules that an object breaks; of metadata its rules see the names alone."""
    metadata = {name: each for name, each in body["metadata"].items() if name in {"name", "generateName"}}
    typed = {**schema, "properties": {**schema["properties"], **_ROOT_PROPERTIES}}
    return list(rule_problems({**body, "metadata": metadata}, typed))


def rule_problems(json: Any, schema: Schema, path: str = "") -> Iterator[Problem]:
    """Find the rules that a value breaks, its own and those of what is inside of it.

    A rule that compares with the value before (oldSelf) is for updates, and is left out.
    """
    if json is None:
        return
    yield from own_problems(json, schema, path)
    if isinstance(json, list) and "items" in schema:
        for index, each in enumerate(json):
            yield from rule_problems(each, schema["items"], f"{path}[{index}]")
    elif isinstance(json, dict):
        values = schema.get("additionalProperties")
        for name, each in json.items():
            if name in schema.get("properties", {}):
                yield from rule_problems(each, schema["properties"][name], f"{path}.{name}" if path else name)
            elif isinstance(values, dict):
                yield from rule_problems(each, values, f"{path}[{name}]")


def own_problems(json: Any, schema: Schema, path: str = "") -> Iterator[Problem]:
    """Find the rules of a schema itself that a value breaks."""
    rules = [rule for rule in schema.get(RULES, ()) if not expression(rule["rule"]).uses("oldSelf")]
    if not rules:
        return
    variables = {"self": value(json, schema)}
    for rule in rules:
        try:
            if expression(rule["rule"]).evaluate(variables):
                continue
        except EvaluationFailed as error:
            text = rule.get("message") or rule["rule"]
            yield problem(Kind.INVALID, path, f"{error} evaluating rule: {text.strip()}", schema.get("type", ""))
            continue
        kind = _REASONS.get(rule.get("reason", ""), Kind.INVALID)
        field = f"{path}{rule.get('fieldPath', '')}".removeprefix(".")
        shown = OMITTED if isinstance(json, dict | list) or kind in {Kind.FORBIDDEN, Kind.REQUIRED} else json
        yield problem(kind, field, _message(rule, variables), shown)


def _message(rule: Mapping[str, str], variables: Mapping[str, Any]) -> str:
    if "messageExpression" in rule:
        found = message_of(rule["messageExpression"], variables)
        if found:
            return found
    return rule["message"].strip() if rule.get("message") else f"failed rule: {rule['rule'].strip()}"


def message_of(text: str, variables: Mapping[str, Any]) -> str:
    """Evaluate a messageExpression; empty when it fails or is not one line of text."""
    try:
        found = expression(text).evaluate(variables)
    except EvaluationFailed:
        return ""
    message = found.strip() if isinstance(found, str) else ""
    return "" if "\n" in message else str(message)
