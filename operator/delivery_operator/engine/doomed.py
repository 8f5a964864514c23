"""When a rollout is given up: past its deadline, or before it where waiting cannot help.

Before the deadline only what is certain counts, since a release that fails does not come back by itself:

- The image's name is none. No registry will ever give it out.
- The program cannot be executed: it is not in the image, or not for this machine. Nothing in the image will change.
- All new pods of a process crash again and again, while those of the release that serves are ready. So it is not
  something that both need and that is away for a while, and not the node.

An image that cannot be pulled may be pushed a minute later, a Secret may come, a database may come back: these wait for
the deadline.
"""

import re
from collections.abc import Sequence
from typing import Any, Final

from delivery_operator.api.service import FailurePolicy
from delivery_operator.engine import pods, readiness
from delivery_operator.engine.health import Health
from delivery_operator.engine.history import Release
from delivery_operator.engine.objects import Object, condition_is
from delivery_operator.engine.scene import Scene
from delivery_operator.render import names

CRASHES: Final = 5
"""Restarts of each new pod: by the kubelet's back-off some five minutes after its start."""
_TRIES: Final = 2
"""Restarts after which a program that cannot be executed is believed: once may be the node."""
_NOT_EXECUTABLE: Final = re.compile(
    r"executable file not found|no such file or directory|permission denied|exec format error", re.IGNORECASE
)


def verdict(scene: Scene, release: Release, seen: Health) -> str | None:
    """Say why a rollout is given up; None while it goes on."""
    if seen.overdue:
        cause = seen.problem.message if seen.problem else _not_ready(scene, release, seen)
        return f"process {', '.join(seen.overdue)} made no progress within its deadline: {cause}"
    namespace = scene.snapshot.service["metadata"]["namespace"]
    for process in seen.waiting:
        runs = seen.programs[process]
        new = _of(scene, process, release)
        programs = [each for pod in new if (each := pods.container(pod, runs))]
        all_crash = len(programs) == len(new) and _all_crash(programs)
        if any(map(_hopeless, programs)) or (all_crash and _serves(scene, process)):
            logs = f"kubectl logs -n {namespace} deployment/{names.deployment(release.service, process)} --previous"
            problem = pods.problem(new, f"process {process}", logs, runs)
            return f"waiting does not help: {problem.message}" if problem else None
    return None


def _not_ready(scene: Scene, release: Release, seen: Health) -> str:
    """Say how far the pods have come; one is named only where it stays to be looked at."""
    stay = scene.spec.release.on_failure is FailurePolicy.HOLD or scene.history.active is None
    for process in seen.overdue:
        found = readiness.furthest(_of(scene, process, release), seen.programs[process])
        if found:
            look = f"; {found.look}" if stay else ""
            return f"no pod of process {process} became ready in time: {found.lacks}{look}"
    return "no pod became ready in time"


def _of(scene: Scene, process: str, release: Release) -> list[Object]:
    found = pods.of_process(scene.snapshot.pods, process, release.number)
    return [pod for pod in pods.living(found) if not pod["metadata"].get("deletionTimestamp")]


def _hopeless(container: Object) -> bool:
    return _misnamed(container) or _not_executable(container)


def _misnamed(container: Object) -> bool:
    return bool(((container.get("state") or {}).get("waiting") or {}).get("reason") == "InvalidImageName")


def _not_executable(container: Object) -> bool:
    last = _last(container)
    refused = last.get("reason") in {"StartError", "ContainerCannotRun"}
    return refused and _crashes(container, _TRIES) and bool(_NOT_EXECUTABLE.search(last.get("message") or ""))


def _all_crash(programs: Sequence[Object]) -> bool:
    return bool(programs) and all(_crashes(each, CRASHES) for each in programs)


def _crashes(container: Object, times: int) -> bool:
    return not container.get("ready") and bool(container.get("restartCount", 0) >= times)


def _serves(scene: Scene, process: str) -> bool:
    """Whether the process has pods in the release that serves, and all of them are ready."""
    active = scene.history.active
    old = _of(scene, process, active) if active else []
    return bool(old) and all(condition_is(pod, "Ready") for pod in old)


def _last(container: Object) -> dict[str, Any]:
    for state in ("lastState", "state"):
        found: dict[str, Any] = (container.get(state) or {}).get("terminated") or {}
        if found:
            return found
    return {}
