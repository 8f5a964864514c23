"""How long the Jobs of releases, and their pods, stay after their end.

They stay for people to look at; the result is on record. A Job goes with its release at the latest. It goes before that
when its time is over, and never before its result is recorded (invariant 3). That of a task goes with the DeliveryTask.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from delivery_operator.api.release import MigrationResult
from delivery_operator.engine import jobs
from delivery_operator.engine.history import History, Release
from delivery_operator.engine.objects import uid
from delivery_operator.engine.plan import Delete
from delivery_operator.engine.snapshot import Snapshot
from delivery_operator.render import names

KEPT_SECONDS: Final = {MigrationResult.SUCCEEDED: 24 * 3600, MigrationResult.FAILED: 7 * 24 * 3600}
"""After their end: those that succeeded for a day, those that failed for a week."""


def let_go(snapshot: Snapshot, history: History) -> list[Delete]:
    """Delete the Jobs whose time is over."""
    return [write for release in history.releases for write in _of(release, snapshot)]


def _of(release: Release, snapshot: Snapshot) -> Iterator[Delete]:
    for role, recorded in ((names.MIGRATE, release.migration), (names.CONTRACT, release.contract)):
        job = release.own_job(role, snapshot.children)
        result = (recorded or {}).get("result")
        if job is None or recorded is None or result is None or uid(job) != recorded["uid"]:
            continue
        ended = jobs.ended_at(job)
        if ended and (snapshot.now - datetime.fromisoformat(ended)).total_seconds() > KEPT_SECONDS[result]:
            yield Delete(job)
