"""Says of an object everything that the API server would say at its creation, without a cluster."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from delivery_operator.admission.listtype import list_problems
from delivery_operator.admission.metadata import generated_name, metadata_problems
from delivery_operator.admission.policy import Policy, Request, policy_problems
from delivery_operator.admission.prepare import decoded, drop_nulls, fill_defaults, unknown_fields
from delivery_operator.admission.problem import BLOCKING, Kind, Problem
from delivery_operator.admission.rules import root_problems
from delivery_operator.admission.schema import schema_problems
from delivery_operator.api.crd import DEFINITIONS, crd

Object = dict[str, Any]


def validate(body: Mapping[str, Any], policies: Sequence[Policy] = ()) -> list[Problem]:
    """Find what the API server would refuse an object for, with fieldValidation=Strict.

    Args:
        body: The object, as parsed from YAML or JSON. It is not changed.
        policies: The policies that are bound in the cluster; their params are completed with defaults.

    Returns:
        The problems in the order in which the API server would find them; none when it would take the object.

    Raises:
        TypeError: the object is not JSON.
        Unsupported: a rule or policy cannot be evaluated here.
        ValueError: a policy asks for what only a cluster knows.
    """
    definition = _definition(body)
    if definition is None:
        version, kind = body.get("apiVersion"), body.get("kind")
        return [Problem(Kind.INVALID, "kind", f'no matches for kind "{kind}" in version "{version}"')]
    found = decoded(dict(body))
    schema = _schema(definition)
    unknown = sorted(unknown_fields(found, schema), key=lambda each: each.field)
    _complete(found, schema)
    problems = [*unknown, *metadata_problems(found.get("metadata"), namespaced=definition["scope"] == "Namespaced")]
    _name(found)
    problems += [*schema_problems(found, schema), *list_problems(found, schema)]
    if not any(each.kind in BLOCKING for each in problems):
        problems += root_problems(found, schema)
    if not any(each.kind in BLOCKING for each in problems):
        problems += _policy_problems(found, definition, policies)
    return problems


def complete(body: Mapping[str, Any]) -> Object:
    """Fill in what the API server fills in when it stores an object: defaults; and drop what it drops.

    Raises:
        TypeError: the object is not JSON.
        ValueError: it is of another API.
    """
    definition = _definition(body)
    if definition is None:
        raise ValueError(f"not of this API: {body.get('apiVersion')} {body.get('kind')}")
    found: Object = decoded(dict(body))
    _complete(found, _schema(definition))
    return found


def _complete(body: Object, schema: Mapping[str, Any]) -> None:
    drop_nulls(body, schema)
    fill_defaults(body, schema)
    body.pop("status", None)  # only the status subresource writes it


def _name(body: Object) -> None:
    metadata = body.get("metadata")
    body["metadata"] = metadata if isinstance(metadata, dict) else {}
    name = body["metadata"].get("name") or body["metadata"].get("generateName")
    if isinstance(name, str | None):
        body["metadata"]["name"] = generated_name(body["metadata"])


def _policy_problems(body: Object, definition: Mapping[str, Any], policies: Sequence[Policy]) -> Iterator[Problem]:
    version = definition["versions"][0]["name"]
    request = Request(definition["group"], version, definition["names"]["kind"], definition["names"]["plural"])
    for policy in policies:
        params = [complete(each) if _definition(each) else each for each in policy.params]
        yield from policy_problems(body, request, Policy(policy.definition, policy.binding, params))


@cache
def _definitions() -> dict[tuple[str, str], Mapping[str, Any]]:
    specs = [crd(definition)["spec"] for definition in DEFINITIONS]
    return {
        (f"{spec['group']}/{each['name']}", spec["names"]["kind"]): spec for spec in specs for each in spec["versions"]
    }


def _definition(body: Mapping[str, Any]) -> Mapping[str, Any] | None:
    version, kind = body.get("apiVersion"), body.get("kind")
    return _definitions().get((version, kind)) if isinstance(version, str) and isinstance(kind, str) else None


def _schema(definition: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = definition["versions"][0]["schema"]["openAPIV3Schema"]
    return found
