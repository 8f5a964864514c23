"""NetworkPolicies while pods of several releases live (invariant 4).

A policy selects all pods of the service, so the new release's would cut off what only the old one calls while its pods
still serve, and the old one's the migration of the new. Its lists are allowances, each for itself, so both together are
one list after the other.
"""

from collections.abc import Iterable
from copy import deepcopy

from delivery_operator.engine.history import Release
from delivery_operator.engine.objects import key
from delivery_operator.render import names
from delivery_operator.render.canonical import digest
from delivery_operator.render.manifests import Manifest

_KIND = "NetworkPolicy"


def joined(wanted: list[Manifest], beside: Iterable[Release]) -> list[Manifest]:
    """Add to each policy among the wanted manifests what those of the same name in other releases allow."""
    others = [each for release in beside for each in release.manifests if each["kind"] == _KIND]
    return [_joined(each, others) if others and each["kind"] == _KIND else each for each in wanted]


def _joined(policy: Manifest, others: list[Manifest]) -> Manifest:
    result = deepcopy(policy)
    for other in others:
        if key(other) != key(policy):
            continue
        for way in ("ingress", "egress"):
            allowed = result["spec"].get(way) or []
            more = [rule for rule in other["spec"].get(way) or [] if rule not in allowed]
            if more:
                result["spec"][way] = [*allowed, *more]
    if result["spec"] != policy["spec"]:
        result["metadata"]["annotations"][names.MANIFEST] = digest(
            [result["metadata"]["annotations"][names.MANIFEST], result["spec"]]
        )[:16]
    return result
