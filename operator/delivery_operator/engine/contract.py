"""The contract step (PG-4): removes what only older releases need, once none of their pods is left.

It is run once per release, after the release serves, and nothing waits for it but the migration of the next release. A
failure takes nothing down: the service goes on serving, and a condition says so.
"""

from delivery_operator.api.release import MigrationResult
from delivery_operator.engine import jobs, locks, migration, overlay, pods
from delivery_operator.engine.history import Release
from delivery_operator.engine.objects import Object, name, uid
from delivery_operator.engine.outcome import Outcome, UnderWay
from delivery_operator.engine.plan import Create, Delete, Resume, SetStatus, Write
from delivery_operator.engine.scene import Scene
from delivery_operator.render import names

_LOST = "its Job was deleted before its result was recorded, so how far it came is unknown; check the schema"


def settled(release: Release) -> bool:
    """Whether nothing of the step is left to be done, or to be mended: there is none, or it has succeeded."""
    return not release.has_job(names.CONTRACT) or (release.contract or {}).get("result") == MigrationResult.SUCCEEDED


def finish(scene: Scene, release: Release) -> Write | UnderWay | None:
    """Bring the step of a release to its end, if it has begun; None when there is nothing to do.

    One that is on record goes on, since nobody can roll back behind it any more. One that is not, of a release that
    gives way to a newer one, is taken back: its Job is held, and nothing of it has run.
    """
    recorded, job = release.contract, scene.own_job(release, names.CONTRACT)
    if recorded and recorded.get("result"):
        return None
    if recorded and (job is None or uid(job) != recorded["uid"]):
        lost = {**recorded, "result": MigrationResult.FAILED.value, "output": _LOST}
        return scene.record(release, release.phase, contract=lost)
    if job is None:
        return None
    return _begin(scene, release, job) if jobs.held(job) else _watch(scene, release, job)


def _begin(scene: Scene, release: Release, job: Object) -> Write | UnderWay:
    if not release.contract:
        gives_way = release is not scene.history.newest
        return Delete(job) if gives_way else scene.record(release, release.phase, contract=_reference(job))
    if scene.missing:
        return UnderWay(None)  # its pod could not start; what comes back wakes the service
    taken = locks.claim(scene, release, names.CONTRACT)
    if isinstance(taken, Outcome):
        waits = locks.waits_for(scene.snapshot, release)
        give_up = f"kubectl delete job -n {job['metadata']['namespace']} {name(job)}"
        return UnderWay(locks.LOOK_AGAIN_SECONDS, f"{waits}; {give_up} gives the step up")
    return taken or Resume(job)


def _watch(scene: Scene, release: Release, job: Object) -> SetStatus | UnderWay:
    seen = migration.observe(job, scene.snapshot.pods, scene.snapshot.now, names.CONTRACT)
    if isinstance(seen, migration.Ended):
        cause = {} if seen.succeeded else {"output": seen.cause}
        return scene.record(release, release.phase, contract={**cause, **seen.record})
    if release.contract is None:
        return scene.record(release, release.phase, contract=_reference(job))
    return migration.under_way(scene, release, job, seen, names.CONTRACT)


def _reference(job: Object) -> dict[str, str]:
    return {"job": name(job), "uid": uid(job)}


def advance(scene: Scene, release: Release) -> Write | Outcome | UnderWay | None:
    """Take the step of the release that serves: the next write, what is in its way, or None when it is not its time."""
    job = overlay.job(release, names.CONTRACT)
    if job is None:
        return None
    found = finish(scene, release)
    if found is not None or release.contract:
        return found
    others = scene.pods_of_others(release)
    if others:
        return UnderWay(pods.overstay(others, scene.snapshot.now)[1])  # ContractSucceeded tells what for
    if scene.missing:
        return None
    taken = locks.claim(scene, release, names.CONTRACT)
    if isinstance(taken, Outcome):
        return UnderWay(locks.LOOK_AGAIN_SECONDS)  # the service serves all the same; ContractSucceeded tells whom for
    return taken or scene.taken([job]) or Create(job)
