"""One Lease per database: two services that share one do not migrate it at the same time (invariant 3).

A release takes the Leases of all databases that it is bound to before a Job of its migration or contract step is
resumed, and lets them go when the result is recorded. A Lease exists as long as it is held. Its holder is the release,
not the operator: it outlives restarts and changes of the leader. All or none are taken, in the order of their names, so
that no two services wait for each other; and nobody waits in earnest: whoever does not get them is looked at again.

A Lease is stale, and anybody's to take, when nothing of its holder runs and the time in which it should have begun is
over: its service is gone, paused or failed, or the operator was killed. So none is left behind for ever.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from delivery_operator.api.binding import DATABASES
from delivery_operator.api.release import Phase
from delivery_operator.engine import jobs
from delivery_operator.engine.history import History, Release
from delivery_operator.engine.objects import Object, labels, name, owned_by, uid
from delivery_operator.engine.outcome import Outcome
from delivery_operator.engine.plan import Create, Delete
from delivery_operator.engine.pods import living
from delivery_operator.engine.scene import Scene
from delivery_operator.engine.snapshot import Database, Lock, Snapshot
from delivery_operator.render import names
from delivery_operator.render.manifests import Manifest

LOOK_AGAIN_SECONDS: Final = 15.0
"""How often a service that waits looks for itself; the end of a Lease wakes it at once."""
FRESH_SECONDS: Final = 60.0
"""How long a Lease may be held before its Job is resumed; later it is taken anew."""
GRACE_SECONDS: Final = 120.0
"""How long others leave a Lease alone of whose holder nothing runs: longer than a resume may be on its way."""
ENDING_SECONDS: Final = 120
"""What is added to a Job's deadline for its pods to end, where the holder cannot be seen."""
_UNBOUNDED_SECONDS: Final = 86400
"""Stands in for the deadline that templates of somebody's own leave out."""
ROLES: Final = frozenset({names.MIGRATE, names.CONTRACT})
"""Of the Jobs that change a schema."""


def unfinished(release: Release) -> bool:
    """Whether a Job of its schema may still begin or be running."""
    if release.phase in {Phase.PENDING, Phase.MIGRATING}:
        return release.has_job(names.MIGRATE)
    contract = release.contract or {}
    # The manifests last: most releases are old ones, and theirs are still packed.
    may_begin = release.phase is Phase.ACTIVE or bool(contract)
    return may_begin and not contract.get("result") and release.has_job(names.CONTRACT)


def databases(release: Release, bindings: Mapping[str, str]) -> dict[str, Database]:
    """Find the databases that a release is bound to, by name of the backing service.

    Args:
        release: the release.
        bindings: backing service to the Secret that its provisioned service names.
    """
    bound: Iterable[Mapping[str, Any]] = release.content.get("backingServices") or ()
    found = {each["name"]: (each.get("secret") or bindings.get(each["name"]), each["type"]) for each in bound}
    return {binding: (secret, kind) for binding, (secret, kind) in found.items() if secret and kind in DATABASES}


def places(history: History, bindings: Mapping[str, str]) -> set[Database]:
    """The databases that releases with work to do are bound to."""
    found = (databases(release, bindings).values() for release in history.releases if unfinished(release))
    return {place for each in found for place in each}


def claim(scene: Scene, release: Release, role: str) -> Create | Delete | Outcome | None:
    """Take what a release needs before a Job of it is resumed.

    Returns:
        The next write towards that, whom it waits for, or None when it holds all.
    """
    snapshot = scene.snapshot
    wanted = _wanted(snapshot, release)
    held = [lock for each in wanted if (lock := snapshot.locks.get(each)) and _holds(lock, release)]
    waits = waits_for(snapshot, release)
    if waits:
        return Delete(held[0].lease) if held else scene.working(release, "WaitingForDatabase", waits)
    for each in sorted(wanted):
        lock = snapshot.locks.get(each)
        if lock is None:
            return Create(_lease(snapshot, release, role, each))
        if not _holds(lock, release) or abs(_age(lock, snapshot.now)) > FRESH_SECONDS:
            return Delete(lock.lease)
    return None


def waits_for(snapshot: Snapshot, release: Release) -> str | None:
    """Tell what keeps a release from its databases: a Secret that is away, or who has one; None when nothing does."""
    unknown = _unknown(snapshot, release)
    if unknown:  # nobody could tell whether another one changes it
        return f"release {release.name} waits for the Secret of {', '.join(unknown)}, which says where its database is"
    for each, bindings in sorted(_wanted(snapshot, release).items()):
        lock = snapshot.locks.get(each)
        if lock and not _holds(lock, release) and not _stale(lock, snapshot.now):
            found = labels(lock.lease)
            holder = f"service {found.get(names.SERVICE)} of namespace {found.get(names.HOLDER_NAMESPACE)}"
            return (
                f"release {release.name} waits for the database of {', '.join(bindings)}: release "
                f"{found.get(names.RELEASE)} of {holder} changes its schema"
            )
    return None


def _unknown(snapshot: Snapshot, release: Release) -> list[str]:
    """The backing services of which nobody can tell where their databases are, by name."""
    known = databases(release, snapshot.platform.bindings)
    bound: Iterable[Mapping[str, Any]] = release.content.get("backingServices") or ()
    needed = (each["name"] for each in bound if each["type"] in DATABASES)
    return sorted(each for each in needed if known.get(each) not in snapshot.databases)


def let_go(snapshot: Snapshot, history: History) -> list[Delete]:
    """Let go of what releases of this service hold and do not need."""
    return [
        Delete(lock.lease)
        for _, lock in sorted(snapshot.locks.items())
        if _home(lock) == (snapshot.service["metadata"]["namespace"], name(snapshot.service))
        and not _kept(lock, history, snapshot.now)
    ]


def without_service(locks: Sequence[Lock]) -> list[Delete]:
    """Let go of what releases of a service held that is gone, once nothing of them runs; where that can be seen."""
    return [Delete(lock.lease) for lock in locks if lock.visible and not _runs(lock) and lock.release is None]


def _kept(lock: Lock, history: History, now: datetime) -> bool:
    if _runs(lock):
        return True
    holder = next((each for each in history.releases if _holds(lock, each)), None)
    if holder is None or not unfinished(holder):
        return False
    begun = any(not jobs.held(job) for job in _jobs(lock))  # it has ended, and that is not recorded yet
    return begun or abs(_age(lock, now)) <= FRESH_SECONDS


def _wanted(snapshot: Snapshot, release: Release) -> dict[str, list[str]]:
    """Name of each Lease that a release needs, to the backing services it is for."""
    wanted: dict[str, list[str]] = {}
    for binding, database in sorted(databases(release, snapshot.platform.bindings).items()):
        for each in snapshot.databases.get(database, ()):
            wanted.setdefault(each, []).append(binding)
    return wanted


def _holds(lock: Lock, release: Release) -> bool:
    return labels(lock.lease).get(names.HOLDER_UID) == uid(release.body)


def _home(lock: Lock) -> tuple[str | None, str | None]:
    found = labels(lock.lease)
    return found.get(names.HOLDER_NAMESPACE), found.get(names.SERVICE)


def _jobs(lock: Lock) -> list[Object]:
    holder = labels(lock.lease).get(names.HOLDER_UID, "")
    return [job for job in lock.jobs if owned_by(job, holder)]


def _runs(lock: Lock) -> bool:
    """Whether a Job of the holder has begun and not ended, or a pod of one is still there."""
    number = labels(lock.lease).get(names.RELEASE)
    return any(not jobs.held(job) and not jobs.ended(job) for job in _jobs(lock)) or any(
        labels(pod).get(names.RELEASE) == number and labels(pod).get(names.ROLE) in ROLES for pod in living(lock.pods)
    )


def _stale(lock: Lock, now: datetime) -> bool:
    if lock.visible:
        return not _runs(lock) and abs(_age(lock, now)) > GRACE_SECONDS
    return abs(_age(lock, now)) > float(lock.lease["spec"].get("leaseDurationSeconds") or GRACE_SECONDS)


def _age(lock: Lock, now: datetime) -> float:
    """Seconds since it was taken; negative when a clock was set back meanwhile."""
    taken = lock.lease["spec"].get("acquireTime") or lock.lease["metadata"]["creationTimestamp"]
    return (now - datetime.fromisoformat(taken)).total_seconds()


def _lease(snapshot: Snapshot, release: Release, role: str, lease: str) -> Manifest:
    namespace = snapshot.service["metadata"]["namespace"]
    job = next(each for each in release.manifests if each["kind"] == "Job" and labels(each)[names.ROLE] == role)
    seconds = job["spec"].get("activeDeadlineSeconds", _UNBOUNDED_SECONDS) + GRACE_SECONDS + ENDING_SECONDS
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {
            "name": lease,
            "namespace": snapshot.lock_namespace,
            "labels": {
                "app.kubernetes.io/managed-by": names.MANAGER,
                names.SERVICE: release.service,
                names.RELEASE: str(release.number),
                names.HOLDER_NAMESPACE: namespace,
                names.HOLDER_UID: uid(release.body),
            },
        },
        "spec": {
            "holderIdentity": f"{namespace}/{release.name}",
            "leaseDurationSeconds": int(seconds),
            "acquireTime": snapshot.now.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        },
    }
