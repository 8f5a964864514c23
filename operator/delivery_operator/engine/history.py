"""A service's releases in order, and which of them matters now (factor V)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from pydantic import ValidationError

from delivery_operator.api.release import Phase, ReferenceKind
from delivery_operator.api.service import DeliveryServiceSpec
from delivery_operator.engine import adoption, jobs
from delivery_operator.engine.memo import KEPT, Content
from delivery_operator.engine.objects import Key, Object, labels, name, owned_by, uid
from delivery_operator.engine.scaled import SCALING, Scaled
from delivery_operator.engine.snapshot import Reference, Snapshot
from delivery_operator.render import names
from delivery_operator.render.manifests import Manifest, unpack


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
    def copy_of(self) -> int | None:
        """Number of the release it is a copy of; None when it was made from a spec."""
        found: int | None = self.body["spec"].get("copyOf")
        return found

    @property
    def renewal_of(self) -> int | None:
        """Number of the release whose content it has, with newer templates; None when its content was new."""
        found: int | None = self.body["spec"].get("renewalOf")
        return found

    @property
    def templates(self) -> str:
        """Digest of the templates that its manifests were rendered with."""
        return str(self.body["spec"]["templates"])

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
    def served(self) -> bool:
        """Whether it was healthy once, or is."""
        return "activeAt" in self.status or self.phase is Phase.ACTIVE

    @property
    def migration(self) -> Mapping[str, Any] | None:
        """What is recorded of its migration."""
        return self.status.get("migration")

    @property
    def contract(self) -> Mapping[str, Any] | None:
        """What is recorded of its contract step."""
        return self.status.get("contract")

    @property
    def failure(self) -> tuple[str, str]:
        """Reason and message of its failure."""
        return self.status.get("reason", "Failed"), self.status.get("message", "no cause is recorded")

    @property
    def content(self) -> Mapping[str, Any]:
        """What of a spec it was made from."""
        found: Mapping[str, Any] = self.body["spec"]["content"]
        return found

    @property
    def references(self) -> frozenset[Reference]:
        """The Secrets and ConfigMaps that it refers to, those included that provisioned services named then."""
        recorded = self.body["spec"].get("references") or ()
        return frozenset((ReferenceKind(each["kind"]), each["name"]) for each in recorded)

    @property
    def spec(self) -> DeliveryServiceSpec | None:
        """Its content as a spec; None when another version of the operator made it and this one cannot read it.

        Its manifests can be run all the same: they were rendered when it was cut (invariant 5).
        """
        return self._read.spec

    @property
    def manifests(self) -> tuple[Manifest, ...]:
        """Its manifests, as rendered when it was cut; shared, not to be changed."""
        return self._read.manifests

    @cached_property
    def scaled(self) -> Scaled | None:
        """What scales it; None when a version of the operator made it that did not keep it."""
        recorded, cut = self.status.get("scaling"), self.body["spec"].get("scaling")
        if recorded is not None:
            return Scaled(recorded["asked"], unpack(recorded["manifests"]))
        return None if cut is None else Scaled(cut, [each for each in self.manifests if each["kind"] in SCALING])

    @property
    def scaled_for(self) -> Mapping[str, Any] | None:
        """What each process was asked to have, as `scaled` has it."""
        recorded: Mapping[str, Any] = self.status.get("scaling") or {}
        found: Mapping[str, Any] | None = recorded.get("asked", self.body["spec"].get("scaling"))
        return found

    def own_job(self, role: str, live: Mapping[Key, Object]) -> Object | None:
        """Find its Job of a role among the live objects."""
        job = live.get(("Job", names.job(self.service, self.number, role)))
        return job if job is not None and owned_by(job, uid(self.body)) else None

    def contracted(self, live: Mapping[Key, Object]) -> bool:
        """Whether its contract step has begun, on record or not; one whose Job is still held has not."""
        job = self.own_job(names.CONTRACT, live)
        return bool(self.contract) or (job is not None and not jobs.held(job))

    def has_job(self, role: str) -> bool:
        """Whether it runs a Job of this role; a copy of a release, or its renewal, runs none again (F12-6)."""
        return self.copy_of is None and self.renewal_of is None and role in self._read.jobs

    @cached_property
    def stored(self) -> Content:
        """What never changes of it, as a key for what is worked out of it."""
        return Content(uid(self.body), self.body["spec"])

    @cached_property
    def _read(self) -> "_Read":
        return _read(self.stored)


@dataclass(frozen=True)
class _Read:
    """What is stored in a release, read when it is asked for."""

    stored: Mapping[str, Any]

    @cached_property
    def spec(self) -> DeliveryServiceSpec | None:
        try:
            return DeliveryServiceSpec.model_validate(self.stored["content"])
        except ValidationError:
            return None

    @cached_property
    def manifests(self) -> tuple[Manifest, ...]:
        return unpack(self.stored["manifests"])

    @cached_property
    def jobs(self) -> frozenset[str | None]:
        """Roles of its Jobs."""
        return frozenset(labels(each).get(names.ROLE) for each in self.manifests if each["kind"] == "Job")


@lru_cache(maxsize=KEPT)
def _read(stored: Content) -> _Read:
    return _Read(stored.value)


@dataclass(frozen=True)
class History:
    """The releases of one service, oldest first."""

    releases: tuple[Release, ...]

    @classmethod
    def of(cls, service: Object, releases: Sequence[Object]) -> "History":
        """Take the releases that are this very service's own."""
        own = (Release(adoption.owned(body, service)) for body in releases if adoption.belongs(body, service))
        return cls(tuple(sorted(own, key=lambda release: release.number)))

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

    def of_pods(self, pods: Iterable[Object]) -> tuple[Release, ...]:
        """Pick the releases that made these pods."""
        numbers = {labels(pod).get(names.RELEASE) for pod in pods}
        return tuple(release for release in self.releases if str(release.number) in numbers)

    def numbered(self, number: int) -> Release | None:
        """Find the release of a number, or a copy of it."""
        copies = (release for release in reversed(self.releases) if release.copy_of == number)
        return next((release for release in self.releases if release.number == number), next(copies, None))

    def ended(self, keep: int, named: int | None) -> Sequence[Release]:
        """Releases to let go: the oldest of those that ended, beyond the number kept.

        The one that rollbackTo names stays, and so do the last whose contract step ran, which is what refuses to go
        back behind it, and the last that served before the active one: any number of failures must leave a way back.

        Args:
            keep: how many stay.
            named: number of a release that stays in any case.
        """
        contracted = next((release for release in reversed(self.releases) if release.contract), None)
        done = [release for release in self.older if release.phase in {Phase.SUPERSEDED, Phase.FAILED}]
        dropped = done[: max(0, len(done) - keep)]
        served = next((release for release in reversed(done) if release.status.get("activeAt")), None)
        return [each for each in dropped if each.number != named and each is not contracted and each is not served]


def last_number(snapshot: Snapshot, newest: Release | None) -> int:
    """Find the last number that was given, 0 when none was.

    The service's status remembers it, so that none is used twice even when releases were deleted.
    """
    recorded = (snapshot.service.get("status") or {}).get("number") or 0
    return max(newest.number if newest else 0, recorded)
