"""Evaluates a ValidatingAdmissionPolicy, as k8s.io/apiserver/pkg/admission/plugin/policy/validating does at a creation.

What only a cluster can answer (namespaceSelector, authorizer, namespaceObject) is refused, not guessed.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from delivery_operator.admission.expression import EvaluationFailed, expression, failed, value
from delivery_operator.admission.problem import Kind, Problem
from delivery_operator.admission.rules import message_of

Object = Mapping[str, Any]

_ALL: Final = "*"
_UNKNOWN_MATCHES: Final = ("namespaceSelector", "objectSelector", "excludeResourceRules")
_UNKNOWN_VARIABLES: Final = ("authorizer", "namespaceObject")


@dataclass(frozen=True)
class Policy:
    """A policy, one of its bindings, and the objects the binding may take as parameters.

    Args:
        definition: The ValidatingAdmissionPolicy.
        binding: The ValidatingAdmissionPolicyBinding.
        params: Objects of paramKind, with their defaults; others are left out.
    """

    definition: Object
    binding: Object
    params: Sequence[Object] = ()


@dataclass(frozen=True)
class Request:
    """The creation of an object."""

    group: str
    version: str
    kind: str
    resource: str

    def variable(self, body: Object) -> dict[str, Any]:
        """The variable `request` of a policy's expressions."""
        kind = {"group": self.group, "version": self.version, "kind": self.kind}
        resource = {"group": self.group, "version": self.version, "resource": self.resource}
        return {
            "kind": kind,
            "resource": resource,
            "requestKind": kind,
            "requestResource": resource,
            "name": body["metadata"].get("name", ""),
            "namespace": body["metadata"].get("namespace", ""),
            "operation": "CREATE",
            "dryRun": False,
        }


def policy_problems(body: Object, request: Request, policy: Policy) -> list[Problem]:
    """Find what a policy refuses an object for.

    Args:
        body: The object, with its defaults.
        request: What is created.
        policy: The policy with its binding and parameters.

    Raises:
        Unsupported: an expression of the policy cannot be evaluated here.
        ValueError: the policy asks for what only a cluster knows.
    """
    spec = policy.definition["spec"]
    if "Deny" not in policy.binding["spec"].get("validationActions", ()) or not _matches(policy, request):
        return []
    _check(spec)
    said: list[str] = []
    params = _params(policy)
    if not params and policy.binding["spec"]["paramRef"].get("parameterNotFoundAction") == "Deny":
        reason = "no params found for policy binding with `Deny` parameterNotFoundAction"
        said = [f"failed to configure binding: {reason}"] if _fails(spec) else []
    for each in params:
        said += _denials(spec, _variables(spec, body, request, each))
    name, binding = policy.definition["metadata"]["name"], policy.binding["metadata"]["name"]
    prefix = f"ValidatingAdmissionPolicy '{name}' with binding '{binding}' denied request"
    return [Problem(Kind.DENIED, "", f"{prefix}: {each}") for each in dict.fromkeys(said)]


def _matches(policy: Policy, request: Request) -> bool:
    for constraints in (
        policy.definition["spec"].get("matchConstraints"),
        policy.binding["spec"].get("matchResources"),
    ):
        if constraints is None:
            continue
        for name in _UNKNOWN_MATCHES:
            if constraints.get(name):
                raise ValueError(f"{name} is not evaluated offline")
        rules = constraints.get("resourceRules")
        if rules and not any(_rule_matches(rule, request) for rule in rules):
            return False
    return True


def _rule_matches(rule: Object, request: Request) -> bool:
    if rule.get("resourceNames"):
        raise ValueError("resourceNames is not evaluated offline")
    wanted = {
        "apiGroups": request.group,
        "apiVersions": request.version,
        "operations": "CREATE",
        "resources": request.resource,
    }
    return all(found in rule[name] or _ALL in rule[name] for name, found in wanted.items())


def _check(spec: Object) -> None:
    texts = [
        each["expression"] for name in ("validations", "variables", "matchConditions") for each in spec.get(name, ())
    ]
    texts += [each["messageExpression"] for each in spec["validations"] if "messageExpression" in each]
    for text in texts:
        for name in _UNKNOWN_VARIABLES:
            if expression(text).uses(name):
                raise ValueError(f"{name} is not known offline: {text}")


def _params(policy: Policy) -> Sequence[Object | None]:
    """The objects to evaluate the policy with, one after the other; None without parameters."""
    kind, reference = policy.definition["spec"].get("paramKind"), policy.binding["spec"].get("paramRef")
    if kind is None or reference is None:
        return [None]
    selector = reference.get("selector") or {}
    if "matchExpressions" in selector:
        raise ValueError("matchExpressions is not evaluated offline")
    labels = selector.get("matchLabels", {}).items()
    return [
        each
        for each in policy.params
        if (each["apiVersion"], each["kind"]) == (kind["apiVersion"], kind["kind"])
        and each["metadata"]["name"] == reference.get("name", each["metadata"]["name"])
        and labels <= each["metadata"].get("labels", {}).items()
    ]


def _variables(spec: Object, body: Object, request: Request, params: Object | None) -> dict[str, Any]:
    """The variables of expressions; a policy's own that fails is an error where it is used, as it is lazy."""
    own = value({})
    known = {
        "object": value(body),
        "oldObject": None,
        "params": value(params),
        "request": value(request.variable(body)),
        "variables": own,
    }
    for each in spec.get("variables", ()):
        try:
            own[value(each["name"])] = expression(each["expression"]).evaluate(known)
        except EvaluationFailed as error:
            own[value(each["name"])] = failed(str(error))
    return known


def _denials(spec: Object, variables: Mapping[str, Any]) -> Iterator[str]:
    try:
        if not _conditions_hold(spec, variables):
            return
    except EvaluationFailed as error:
        if _fails(spec):
            yield str(error)
        return
    for validation in spec["validations"]:
        try:
            if expression(validation["expression"]).evaluate(variables):
                continue
        except EvaluationFailed as error:
            if _fails(spec):
                yield f"expression '{validation['expression']}' resulted in error: {error}"
            continue
        own = message_of(validation["messageExpression"], variables) if "messageExpression" in validation else ""
        yield own or validation.get("message", "").strip() or f"failed expression: {validation['expression'].strip()}"


def _conditions_hold(spec: Object, variables: Mapping[str, Any]) -> bool:
    """One that is false outweighs one that fails."""
    failure: EvaluationFailed | None = None
    for condition in spec.get("matchConditions", ()):
        try:
            if not expression(condition["expression"]).evaluate(variables):
                return False
        except EvaluationFailed as error:
            failure = error
    if failure is not None:
        raise failure
    return True


def _fails(spec: Object) -> bool:
    """Whether an error denies, which is the default."""
    return bool(spec.get("failurePolicy", "Fail") == "Fail")
