"""A ValidatingAdmissionPolicy, its bindings and parameters."""

from copy import deepcopy
from typing import Any

import pytest

from delivery_operator.admission.policy import Policy, Request, policy_problems

REQUEST = Request("delivery.dev", "v1alpha1", "DeliveryService", "deliveryservices")
BODY = {"metadata": {"name": "order", "namespace": "shop"}, "spec": {"image": "order:v1", "replicas": 2}}
RULE = {"apiGroups": ["delivery.dev"], "apiVersions": ["*"], "operations": ["CREATE"], "resources": ["*"]}
PARAM: dict[str, Any] = {"apiVersion": "v1", "kind": "Limit", "metadata": {"name": "low"}, "spec": {"most": 1}}
HIGH = {**PARAM, "metadata": {"name": "high", "labels": {"tier": "production"}}, "spec": {"most": 3}}
SAID = "ValidatingAdmissionPolicy 'p' with binding 'b' denied request: "


def bound(*validations: dict[str, Any], params: Any = (), spec: Any = None, binding: Any = None) -> Policy:
    definition = {
        "metadata": {"name": "p"},
        "spec": {"matchConstraints": {"resourceRules": [RULE]}, "validations": [*validations], **(spec or {})},
    }
    return Policy(
        definition, {"metadata": {"name": "b"}, "spec": {"validationActions": ["Deny"], **(binding or {})}}, params
    )


def with_params(*validations: dict[str, Any], params: Any, ref: Any = None, spec: Any = None) -> Policy:
    return bound(
        *validations,
        params=params,
        spec={"paramKind": {"apiVersion": "v1", "kind": "Limit"}, **(spec or {})},
        binding={"paramRef": {"selector": {}, "parameterNotFoundAction": "Allow", **(ref or {})}},
    )


def said(policy: Policy, body: Any = BODY) -> list[str]:
    found = [str(each) for each in policy_problems(body, REQUEST, policy)]
    assert all(each.startswith(SAID) for each in found)
    return [each.removeprefix(SAID) for each in found]


NEVER = {"expression": "false", "message": "never"}
WITHIN = {"expression": "object.spec.replicas <= params.spec.most", "message": "fewer"}


@pytest.mark.parametrize(
    ("validation", "wanted"),
    [
        ({"expression": "object.spec.replicas == 2"}, []),
        ({"expression": " false "}, ["failed expression: false"]),
        ({"expression": "false", "message": " no "}, ["no"]),
        ({"expression": "false", "message": "no", "messageExpression": "'not ' + object.spec.image"}, ["not order:v1"]),
        ({"expression": "false", "message": "no", "messageExpression": "object.none"}, ["no"]),
        ({"expression": "object.none"}, ["expression 'object.none' resulted in error: "]),
        ({"expression": "request.operation == 'CREATE' && request.namespace == 'shop'"}, []),
        ({"expression": "request.resource.resource == 'deliveryservices'"}, []),
        ({"expression": "oldObject == null && params == null && object != null"}, []),
    ],
)
def test_validations(validation: dict[str, Any], wanted: list[str]) -> None:
    found = said(bound(validation))
    assert len(found) == len(wanted)
    assert all(each.startswith(start) for each, start in zip(found, wanted, strict=True))


def test_an_error_is_ignored_where_the_policy_says_so() -> None:
    ignoring = {"failurePolicy": "Ignore"}
    assert said(bound({"expression": "object.none"}, spec=ignoring)) == []
    assert said(bound(NEVER, spec={**ignoring, "matchConditions": [{"expression": "object.none"}]})) == []
    assert said(bound(NEVER, spec=ignoring)) == ["never"]


def test_variables_are_lazy_and_may_use_those_before() -> None:
    variables = [
        {"name": "missing", "expression": "object.none"},
        {"name": "most", "expression": "1"},
        {"name": "over", "expression": "object.spec.replicas - variables.most"},
    ]
    spec = {"variables": variables}
    assert said(bound({"expression": "variables.over == 1"}, spec=spec)) == []
    assert said(bound({"expression": "true || variables.missing"}, spec=spec)) == []
    (found,) = said(bound({"expression": "variables.missing"}, spec=spec))
    assert "resulted in error" in found


@pytest.mark.parametrize(
    ("conditions", "denied"),
    [
        (["true", "object.spec.replicas == 2"], True),
        (["true", "false"], False),
        (["object.none", "false"], False),
        (["object.none", "true"], True),
    ],
)
def test_match_conditions(conditions: list[str], denied: bool) -> None:  # noqa: FBT001 a column
    policy = bound(NEVER, spec={"matchConditions": [{"name": each, "expression": each} for each in conditions]})
    assert bool(said(policy)) is denied


@pytest.mark.parametrize(
    ("changed", "denied"),
    [
        ({}, True),
        ({"apiGroups": ["*"]}, True),
        ({"apiGroups": ["apps"]}, False),
        ({"apiVersions": ["v1"]}, False),
        ({"operations": ["UPDATE"]}, False),
        ({"resources": ["deliverytasks"]}, False),
    ],
)
def test_resource_rules(changed: dict[str, Any], denied: bool) -> None:  # noqa: FBT001 a column
    constraints = {"resourceRules": [{**RULE, **changed}]}
    assert bool(said(bound(NEVER, spec={"matchConstraints": constraints}))) is denied
    assert bool(said(bound(NEVER, binding={"matchResources": constraints}))) is denied


def test_only_a_binding_that_denies_counts() -> None:
    assert said(bound(NEVER, binding={"validationActions": ["Warn", "Audit"]})) == []


@pytest.mark.parametrize(
    ("ref", "wanted"),
    [
        ({}, ["fewer"]),
        ({"name": "low"}, ["fewer"]),
        ({"name": "high"}, []),
        ({"name": "none"}, []),
        ({"selector": {"matchLabels": {"tier": "production"}}}, []),
        ({"selector": {"matchLabels": {"tier": "none"}}, "parameterNotFoundAction": "Allow"}, []),
        (
            {"name": "none", "parameterNotFoundAction": "Deny"},
            ["failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction"],
        ),
    ],
)
def test_each_parameter_has_its_say(ref: dict[str, Any], wanted: list[str]) -> None:
    assert said(with_params(WITHIN, params=[HIGH, PARAM], ref=ref)) == wanted


def test_a_parameter_of_another_kind_is_none() -> None:
    assert said(with_params(WITHIN, params=[{**PARAM, "kind": "Other"}])) == []
    assert said(bound({"expression": "params == null"}, params=[PARAM])) == []


def test_the_same_words_are_said_once() -> None:
    assert said(with_params(WITHIN, params=[PARAM, {**PARAM, "metadata": {"name": "lower"}}])) == ["fewer"]


@pytest.mark.parametrize(
    "policy",
    [
        bound({"expression": "authorizer != null"}),
        bound({"expression": "namespaceObject.metadata.name == 'shop'"}),
        bound(NEVER, spec={"matchConstraints": {"namespaceSelector": {"matchLabels": {"a": "b"}}}}),
        bound(NEVER, binding={"matchResources": {"objectSelector": {"matchLabels": {"a": "b"}}}}),
        bound(NEVER, spec={"matchConstraints": {"resourceRules": [{**RULE, "resourceNames": ["a"]}]}}),
        with_params(NEVER, params=[PARAM], ref={"selector": {"matchExpressions": [{"key": "a"}]}}),
    ],
)
def test_what_only_a_cluster_knows_is_not_guessed(policy: Policy) -> None:
    with pytest.raises(ValueError, match=r"offline|not known"):
        policy_problems(BODY, REQUEST, policy)


def test_the_object_is_left_as_it_is() -> None:
    before = deepcopy(BODY)
    said(bound(NEVER))
    assert before == BODY
