"""Which releases are a service's own, and how one gets back the label and the owner that somebody took from it.

A release says in its spec, which never changes, whose it is. Without its label it would fall out of `kubectl get -l`,
and without its owner it would outlive the service (invariant 6): both are given back, and no release is made for it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from delivery_operator.api.base import API_VERSION
from delivery_operator.api.drift import DriftPolicy
from delivery_operator.api.release import KIND
from delivery_operator.api.service import KIND as SERVICE
from delivery_operator.engine import drift
from delivery_operator.engine.drift import Repaired, Rules
from delivery_operator.engine.objects import Key, Object, name, owned_by, owner, owner_reference, uid
from delivery_operator.engine.plan import Apply
from delivery_operator.render import names


def belongs(release: Object, service: Object) -> bool:
    """Whether a release is this very service's: it owns it, or nobody does and the release names it.

    Those of a deleted namesake have an owner, and are not. Those that outlived one on purpose (kubectl delete
    --cascade=orphan) have none: the history goes on with them, as what runs does.
    """
    if owned_by(release, uid(service)):
        return True
    return owner(release) is None and bool(release["spec"]["service"] == name(service))


def identity(service: Object, release: str) -> dict[str, Any]:
    """The metadata of a service's release of this name."""
    return {
        "name": release,
        "namespace": service["metadata"]["namespace"],
        "labels": {names.SERVICE: name(service), "app.kubernetes.io/managed-by": names.MANAGER},
        "ownerReferences": [owner_reference(SERVICE, service)],
    }


def owned(release: Object, service: Object) -> Object:
    """The release as it is with its owner, to be read by what tells of it."""
    if owner(release) is not None:
        return release
    return {**release, "metadata": {**release["metadata"], "ownerReferences": [owner_reference(SERVICE, service)]}}


def give_back(service: Object, releases: Sequence[Object], repairs: Mapping[Key, Repaired]) -> list[Apply]:
    """Plan to set back what was taken from releases of the service; ever more rarely from one that is taken again."""
    rules, writes = Rules(DriftPolicy(), repairs), []
    for release in releases:
        if belongs(release, service):
            wanted = {"apiVersion": API_VERSION, "kind": KIND, "metadata": identity(service, name(release))}
            taken = drift.of(wanted, release)
            if taken and rules.judge(taken).repair:
                writes.append(Apply(wanted, uid=uid(release), drift=taken))
    return writes
