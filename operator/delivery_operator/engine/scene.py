"""What every state of a decision works with: the snapshot, what was read from it, and words for how it stands."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from delivery_operator.api.release import Phase
from delivery_operator.api.service import DeliveryServiceSpec
from delivery_operator.engine import children, connections, health, jobs, overlay, pods, readiness
from delivery_operator.engine.drift import Rules
from delivery_operator.engine.health import Health
from delivery_operator.engine.history import History, Release
from delivery_operator.engine.objects import Key, Object, key, labels, name, owned_by, uid
from delivery_operator.engine.outcome import Outcome, Standing, Step
from delivery_operator.engine.plan import SetStatus, Write
from delivery_operator.engine.pods import living
from delivery_operator.engine.references import Missing
from delivery_operator.engine.scaled import SCALING
from delivery_operator.engine.snapshot import Snapshot
from delivery_operator.engine.wish import Wish
from delivery_operator.render import names
from delivery_operator.render.manifests import Manifest
from delivery_operator.render.platform import OPTIONAL

_NEEDED_BY_A_JOB: Final = frozenset({"ServiceAccount", "ConfigMap"})


@dataclass(frozen=True)
class Scene:
    """One service at one moment.

    Attributes:
        spec: the service's spec of today.
        wish: what its newest release should be.
        missing: what that refers to and is not there.
    """

    snapshot: Snapshot
    spec: DeliveryServiceSpec
    history: History
    wish: Wish
    missing: Sequence[Missing]

    # What should be there.

    def children(self, release: Release) -> list[Manifest]:
        """Build what a release's running part should be today, with the connections that pods of others still need."""
        wanted = overlay.children(release, self.snapshot, self.spec)
        beside = [each for each in self.history.releases if each is not release and self._needs_network(each)]
        return connections.joined(wanted, beside)

    def active_children(self) -> list[Manifest]:
        """Build those of the release that serves; none when none does."""
        return self.children(self.history.active) if self.history.active else []

    def migrating_children(self, release: Release) -> list[Manifest]:
        """Build what is there while a release migrates: all of the active one, and what the Job needs of its own."""
        kept = self.active_children()
        keys = {key(manifest) for manifest in kept}
        needed = _NEEDED_BY_A_JOB if self.history.active else _NEEDED_BY_A_JOB | {"NetworkPolicy"}
        own = [each for each in self.children(release) if each["kind"] in needed]
        return kept + [each for each in own if key(each) not in keys]

    def kept(
        self, wanted: list[Manifest], outcome: Outcome, again: float | None = None, *, rolling: bool = False
    ) -> Step:
        """Keep live objects in line with manifests; the outcome holds when there is nothing to write.

        Args:
            wanted: the manifests.
            outcome: how the service stands.
            again: seconds after which to look again.
            rolling: whether the manifests are being rolled out: what somebody changed is set back in any case.
        """
        blocked = self.taken(wanted)
        if blocked:
            return Step((), blocked, again)
        policy = None if self.snapshot.obstacle else self.snapshot.platform.environment.drift
        rules = Rules(policy, self.snapshot.repairs, rolling)
        settled = frozenset() if rolling else self._settled()
        line = children.line(wanted, self.snapshot.children, rules, settled)
        return Step(line.writes, outcome, min(filter(None, (again, line.again)), default=None), line.left)

    def _settled(self) -> frozenset[Key]:
        """What has been there since the release that serves became Active; what scales comes and goes with the spec."""
        stored = self.history.active.manifests if self.history.active else ()
        passing = SCALING | {"Job"}
        return frozenset(
            key(each) for each in stored if each["kind"] not in passing and each["apiVersion"] not in OPTIONAL
        )

    def cleared(self, wanted: list[Manifest], release: Release) -> list[Write]:
        """Remove what no manifest asks for."""
        return children.prune(
            wanted,
            self.snapshot.children,
            self.snapshot.service,
            lambda live: overlay.left_alone(release, self.snapshot, self.spec, live) or self._awaited(live),
        )

    def _awaited(self, live: Object) -> bool:
        """Whether a Job that has not ended, of an older release or of a task in it, has pods yet to start with this."""
        return live["kind"] == "ConfigMap" and any(
            name(live) in jobs.config_maps(job)
            for (kind, _), job in self.snapshot.children.items()
            if kind == "Job" and not jobs.ended(job)
        )

    # What is there.

    def own_job(self, release: Release, role: str) -> Object | None:
        """Find the Job of a release by its role."""
        return release.own_job(role, self.snapshot.children)

    def begun(self, release: Release) -> bool:
        """Whether a Deployment has its pods made for a release."""
        return any(
            labels(live["spec"]["template"]).get(names.RELEASE) == str(release.number)
            for (kind, _), live in self.snapshot.children.items()
            if kind == "Deployment" and owned_by(live, uid(self.snapshot.service))
        )

    def pods_of_others(self, release: Release, roles: frozenset[str] | None = None) -> list[Object]:
        """Pick the pods of other releases that have not ended; all of them, or those of their Jobs with these roles."""
        return pods.of_others(self.snapshot.pods, release.number, roles)

    def health(self, wanted: list[Manifest], release: Release) -> Health:
        """Hold the Deployments among the wanted manifests against what lives."""
        snapshot, settled = self.snapshot, release.phase is Phase.ACTIVE
        return health.observe(wanted, snapshot.children, snapshot.pods, release.number, settled=settled)

    def taken(self, wanted: list[Manifest]) -> Outcome | None:
        """Tell of a name that this service needs and something else has."""
        found = children.taken(wanted, self.snapshot.children)
        if found is None:
            return None
        kind, object_name = found.key
        if found.leaving:
            message = f"{kind} {object_name} of a deleted service of this name is still being removed"
            return Outcome(Standing.WORKING, "WaitingForRemoval", message)
        namespace = self.snapshot.service["metadata"]["namespace"]
        message = (
            f"{kind} {object_name} exists and belongs to something else; it is left alone. Rename this service, or "
            f"remove it: kubectl delete {kind.lower()} {object_name} -n {namespace}"
        )
        return Outcome(Standing.STUCK, "NameTaken", message)

    def _needs_network(self, release: Release) -> bool:
        """Whether pods of a release are there, or its migration is about to make one."""
        starting = release is self.history.newest and release.phase in {Phase.PENDING, Phase.MIGRATING}
        return starting or any(
            labels(pod).get(names.RELEASE) == str(release.number) for pod in living(self.snapshot.pods)
        )

    # What to record and to tell.

    def scaling_recorded(self, release: Release) -> SetStatus | None:
        """Keep what scales a release before it is applied, once the spec asks for something else than before."""
        held, today = release.scaled_for, overlay.scaling_today(release, self.snapshot, self.spec)
        if held is None or today is None or today.asked == held:
            return None
        return self.record(release, release.phase, scaling=today.record())

    def record(self, release: Release, phase: Phase, **fields: Any) -> SetStatus:
        """Write how far a release has come; what is recorded of its Jobs stays."""
        kept = {
            "migration": release.migration,
            "contract": release.contract,
            "scaling": release.status.get("scaling"),
            "activeAt": release.status.get("activeAt"),
            **fields,
        }
        return SetStatus(release.body, {"phase": phase.value, **{k: v for k, v in kept.items() if v is not None}})

    def serving(self, release: Release) -> Outcome:
        """The newest release serves."""
        return Outcome(Standing.SERVING, "Serving", f"release {release.name} serves")

    def progress(self, release: Release, seen: Health) -> Outcome:
        """Pods are waited for."""
        if seen.problem:
            return self.working(release, seen.problem.reason, seen.problem.message)
        if release.phase is not Phase.ACTIVE:
            # Told once: each process that has come would be another write (design, section 5).
            return self.working(release, "RollingOut", f"release {release.name} waits for its pods")
        message = f"release {release.name} waits for pods of {', '.join(seen.waiting)}"
        return self.working(release, "PodsUnavailable", message + self._slow(release, seen))

    def _slow(self, release: Release, seen: Health) -> str:
        """Say how far the pods of the release that serves have come that should be ready by now."""
        for process in seen.waiting:
            own = pods.of_process(self.snapshot.pods, process, release.number)
            found = readiness.furthest(readiness.slow(own, self.snapshot.now), seen.programs[process])
            if found:
                chosen = f"{names.SERVICE}={release.service},{names.PROCESS}={process}"
                look = f"see `kubectl describe pods -n {found.namespace} -l {chosen}`"
                return f"; of process {process}: {found.lacks}; {look}"
        return ""

    def working(self, release: Release, reason: str, message: str) -> Outcome:
        """Something is under way."""
        return Outcome(Standing.WORKING, reason, message + self._meanwhile(release))

    def held_up(self, release: Release, reason: str, message: str) -> Outcome:
        """Somebody has to act before it goes on."""
        return Outcome(Standing.STUCK, reason, message + self._meanwhile(release))

    def stuck(self, release: Release, reason: str, message: str) -> Outcome:
        """A release failed."""
        return Outcome(Standing.STUCK, reason, f"release {release.name} failed: {message}{self._meanwhile(release)}")

    def _meanwhile(self, release: Release) -> str:
        active = self.history.active
        return f"; release {active.name} serves" if active and active is not release else ""
