"""Admission rules that need the environment: a ValidatingAdmissionPolicy with all DeliveryEnvironments as parameters.

The API server evaluates each rule once for every environment, so each is guarded by the name: it holds its tongue about
services of other environments (https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/).
An environment that does not exist is not refused: a GitOps tool may apply the service first; the operator waits for it.
"""

from dataclasses import dataclass
from typing import Any, Final

from delivery_operator.api.base import API_VERSION, GROUP, VERSION
from delivery_operator.api.environment import KIND as ENVIRONMENT
from delivery_operator.api.service import PLURAL

NAME: Final = f"deliveryservices.{GROUP}"

_PRE_RELEASE: Final = r"v?[0-9]+\\.[0-9]+\\.[0-9]+-[0-9A-Za-z.-]+"


@dataclass(frozen=True)
class Rule:
    """One rule.

    Attributes:
        expression: CEL that is true for what may pass; `object`, `params` and the policy's variables are there.
        message: CEL that gives the message; names the environment and what to write instead.
    """

    expression: str
    message: str


VARIABLES: Final = (
    (
        "preReleases",
        "has(params.spec.policy) && has(params.spec.policy.preReleases) ? params.spec.policy.preReleases"
        " : params.spec.tier != 'production'",
    ),
    (
        "requireDigest",
        "has(params.spec.policy) && has(params.spec.policy.requireDigest) && params.spec.policy.requireDigest",
    ),
    (
        "registries",
        "has(params.spec.policy) && has(params.spec.policy.registries) ? params.spec.policy.registries : []",
    ),
    (
        "ownImages",
        "object.spec.processes.map(k, object.spec.processes[k]).filter(p, has(p.image)).map(p, p.image)",
    ),
    (
        "routed",
        "object.spec.processes.exists(k, has(object.spec.processes[k].expose)"
        " && object.spec.processes[k].expose.type == 'route')",
    ),
    (
        "unnamedRoute",
        "object.spec.processes.exists(k, has(object.spec.processes[k].expose)"
        " && object.spec.processes[k].expose.type == 'route' && !has(object.spec.processes[k].expose.host))",
    ),
)

RULES: Final = (
    Rule(
        "variables.preReleases || !has(object.spec.codebase)"
        f" || !object.spec.codebase.revision.matches('^{_PRE_RELEASE}')",
        "'codebase.revision ' + object.spec.codebase.revision + ' is a pre-release, and environment ' +"
        " params.metadata.name + ' takes none; release a version without a suffix, such as v1.4.2'",
    ),
    Rule(
        f"variables.preReleases || !object.spec.image.matches(':{_PRE_RELEASE}(@|$)')",
        "'image ' + object.spec.image + ' is a pre-release, and environment ' + params.metadata.name +"
        " ' takes none; release a version without a suffix, such as :v1.4.2'",
    ),
    Rule(
        "!variables.requireDigest || object.spec.image.contains('@sha256:')",
        "'environment ' + params.metadata.name + ' takes images by digest only; write image as"
        " registry.example.com/shop/order@sha256:...'",
    ),
    Rule(
        "variables.registries.size() == 0 || ([object.spec.image] + variables.ownImages).all(i,"
        " variables.registries.exists(r, i.startsWith(r + '/')))",
        "'environment ' + params.metadata.name + ' takes images from ' + variables.registries.join(', ') +"
        " ' only; push the image there'",
    ),
    Rule(
        "!variables.routed || (has(params.spec.exposure)"
        " && (has(params.spec.exposure.gateway) || has(params.spec.exposure.ingress)))",
        "'environment ' + params.metadata.name + ' has no gateway and no ingress to expose a process by; remove expose,"
        " or ask the platform team for exposure in the environment'",
    ),
    Rule(
        "!variables.unnamedRoute || (has(params.spec.exposure) && has(params.spec.exposure.domain))",
        "'environment ' + params.metadata.name + ' has no domain to name a process by; write expose.host'",
    ),
)

_GUARD: Final = "object.spec.environment != params.metadata.name"


def policy() -> list[dict[str, Any]]:
    """Build the ValidatingAdmissionPolicy and its binding to every environment."""
    return [
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicy",
            "metadata": {"name": NAME},
            "spec": {
                "failurePolicy": "Fail",
                "paramKind": {"apiVersion": API_VERSION, "kind": ENVIRONMENT},
                "matchConstraints": {
                    "resourceRules": [
                        {
                            "apiGroups": [GROUP],
                            "apiVersions": [VERSION],
                            "operations": ["CREATE", "UPDATE"],
                            "resources": [PLURAL],
                        }
                    ]
                },
                "variables": [{"name": name, "expression": expression} for name, expression in VARIABLES],
                "validations": [
                    {
                        "expression": f"{_GUARD} || ({rule.expression})",
                        "messageExpression": rule.message,
                        "reason": "Invalid",
                    }
                    for rule in RULES
                ],
            },
        },
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": {"name": NAME},
            "spec": {
                "policyName": NAME,
                "validationActions": ["Deny"],
                # Every environment, and where there is none, nothing to object to.
                "paramRef": {"selector": {}, "parameterNotFoundAction": "Allow"},
            },
        },
    ]
