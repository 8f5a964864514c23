"""A service's releases in order, and which of them matters now (factor V)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from delivery_operator.api.base import API_VERSION
from delivery_operator.api.release import KIND, Phase
from delivery_operator.api.service import DeliveryServiceSpec
from delivery_operator.engine import references
from delivery_operator.engine.objects import Object, name, owned_by, uid
from delivery_operator.engine.snapshot import Snapshot
from delivery_operator.render import names
from delivery_operator.render.canonical import digest
from delivery_operator.render.manifests import Manifest, content, pack, render, unpack

RETAINED = 10
"""How many ended releases are kept beside the newest and the active one."""


@dataclass(frozen=True)
class Release:
    """One DeliveryRelease, read."""

    body: Object

    @property
    def name(self) -> str:
        """metadata.name, e.g. order-r7."""
        return name(self.body)

    @property
    def service(self) -> str:
        """Name of the service it belongs to."""
        return str(self.body["spec"]["service"])

    @property
    def number(self) -> int:
        """Its place in the journal, from 1."""
        return int(self.body["spec"]["number"])

    @property
    def digest(self) -> str:
        """Digest of what made it a release of its own."""
        return str(self.body["spec"]["digest"])

    @property
    def status(self) -> Mapping[str, Any]:
        """Its status; empty when nothing is recorded."""
        found: Mapping[str, Any] = self.body.get("status") or {}
        return found

    @property
    def phase(self) -> Phase:
        """Where it is in its life."""
        return Phase(self.status.get("phase", Phase.PENDING))

    @property
    def migration(self) -> Mapping[str, Any] | None:
        """What is recorded of its migration."""
        return self.status.get("migration")

    @property
    def failure(self) -> tuple[str, str]:
        """Reason and message of its failure."""
        return self.status.get("reason", "Failed"), self.status.get("message", "no cause is recorded")

    @cached_property
    def manifests(self) -> tuple[Manifest, ...]:
        """Its manifests, as rendered when it was cut; shared, not to be changed."""
        return unpack(self.body["spec"]["manifests"])


@dataclass(frozen=True)
class History:
    """The releases of one service, oldest first."""

    releases: tuple[Release, ...]

    @classmethod
    def of(cls, snapshot: Snapshot) -> "History":
        """Take the releases that this very service owns; those of a deleted namesake are not its own."""
        owned = (Release(body) for body in snapshot.releases if owned_by(body, uid(snapshot.service)))
        return cls(tuple(sorted(owned, key=lambda release: release.number)))

    @property
    def newest(self) -> Release | None:
        """The release that answers to the spec."""
        return self.releases[-1] if self.releases else None

    @property
    def active(self) -> Release | None:
        """The last release that became healthy: the one that serves until a newer one does."""
        return next((release for release in reversed(self.releases) if release.phase is Phase.ACTIVE), None)

    @property
    def older(self) -> tuple[Release, ...]:
        """All but the newest."""
        return self.releases[:-1]

    def ended(self) -> Iterable[Release]:
        """Releases to let go: the oldest of those that ended, beyond the number kept."""
        done = [release for release in self.older if release.phase in {Phase.SUPERSEDED, Phase.FAILED}]
        return done[: max(0, len(done) - RETAINED)]


def wanted_digest(spec: DeliveryServiceSpec, snapshot: Snapshot) -> str:
    """Digest of what a release would be cut from: content and the keyed hashes of its references.

    The templates are not part of it: new templates do not roll the fleet (invariant 2).
    """
    return digest({"content": content(spec), "references": references.hashes(spec, snapshot.referenced)})


def last_number(snapshot: Snapshot, newest: Release | None) -> int:
    """Find the last number that was given, 0 when none was.

    The service's status remembers it, so that none is used twice even when releases were deleted.
    """
    recorded = (snapshot.service.get("status") or {}).get("number") or 0
    return max(newest.number if newest else 0, recorded)


def cut(spec: DeliveryServiceSpec, snapshot: Snapshot, newest: Release | None) -> Manifest:
    """Make the next release.

    Raises:
        TemplateError: the templates are wrong.
    """
    service = snapshot.service
    number = last_number(snapshot, newest) + 1
    namespace = service["metadata"]["namespace"]
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {
            "name": names.release(name(service), number),
            "namespace": namespace,
            "labels": {names.SERVICE: name(service), "app.kubernetes.io/managed-by": names.MANAGER},
            "ownerReferences": [
                {
                    "apiVersion": service["apiVersion"],
                    "kind": service["kind"],
                    "name": name(service),
                    "uid": uid(service),
                    "controller": True,
                }
            ],
        },
        "spec": {
            "service": name(service),
            "number": number,
            "image": spec.image,
            **({"revision": spec.codebase.revision} if spec.codebase else {}),
            "digest": wanted_digest(spec, snapshot),
            "content": content(spec),
            "references": references.hashes(spec, snapshot.referenced),
            "templates": snapshot.bundle.digest,
            "manifests": pack(render(name(service), namespace, spec, snapshot.bundle)),
        },
    }
