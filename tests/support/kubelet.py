"""A node without machines: plays the kubelet's part for a control plane that has none.

It registers a node, and moves the pods that the real scheduler binds there through the states a kubelet would report:
Deployments, Jobs, garbage collection and eviction then work as they do anywhere. What becomes of a pod is the test's to
say.
"""

import contextlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

from tests.support.kube import Kube, Object, RequestFailed, condition

NODE = "fake-0"
HEARTBEAT_SECONDS = 10
TICK_SECONDS = 0.1


@dataclass(frozen=True)
class Runs:
    """The pod's process starts and becomes ready."""


@dataclass(frozen=True)
class Exits:
    """The pod's process ends; of a Deployment's pod it is then restarted again and again."""

    code: int = 0
    message: str = ""


@dataclass(frozen=True)
class Waits:
    """The container does not start: reason and message of its waiting state."""

    reason: str
    message: str


@dataclass(frozen=True)
class Hangs:
    """The container starts and never becomes ready, or, in a Job, never ends."""


@dataclass(frozen=True)
class Evicted:
    """The node had to make room: the pod is killed and has failed, whatever it was at."""

    message: str


Fate = Runs | Exits | Waits | Hangs | Evicted


@dataclass(frozen=True)
class Vanishes:
    """The pod is gone as soon as its deletion is seen, with no word of its end: as of a node that is lost."""


@dataclass(frozen=True)
class Stops:
    """The process ends so many seconds after the request, and is killed when its grace is over before."""

    after: float = 0
    code: int = 0


End = Vanishes | Stops


def usual(pod: Object) -> Fate:
    """Jobs succeed and tell their schema, everything else runs."""
    return Exits(0, '{"schemaHead": "0001"}') if "job-name" in pod["metadata"]["labels"] else Runs()


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class FakeKubelet:
    """Runs the pods of one namespace until closed. `fate` and `end` may be replaced at any time."""

    def __init__(self, kube: Kube, namespace: str, fate: Callable[[Object], Fate] = usual) -> None:
        self.fate = fate
        self.end: Callable[[Object], End] = lambda _: Vanishes()
        self.started: dict[str, Object] = {}
        """UID to pod of every pod that was started: how often a migration ran is counted here."""
        self._kube = kube
        self._namespace = namespace
        self._reported: dict[str, Fate] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"kubelet {namespace}", daemon=True)

    def __enter__(self) -> Self:
        self._register()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def started_of(self, label: str, value: str) -> list[Object]:
        return [pod for pod in self.started.values() if pod["metadata"]["labels"].get(label) == value]

    def _register(self) -> None:
        capacity = {"cpu": "1000", "memory": "1Ti", "pods": "10000"}
        with contextlib.suppress(RequestFailed):  # another test was faster
            self._kube.create(
                {
                    "apiVersion": "v1",
                    "kind": "Node",
                    "metadata": {"name": NODE, "labels": {"kubernetes.io/hostname": NODE}},
                }
            )
        self._beat(capacity)

    def _beat(self, capacity: dict[str, str] | None = None) -> None:
        ready = {
            "type": "Ready",
            "status": "True",
            "reason": "KubeletReady",
            "message": "a node of tests",
            "lastHeartbeatTime": now(),
        }
        status: Object = {"conditions": [ready]}
        if capacity:
            status |= {"capacity": capacity, "allocatable": capacity}
        # Unlike a merge patch a strategic one keeps the time of the last transition.
        self._kube.request(
            "PATCH", f"/api/v1/nodes/{NODE}/status", {"status": status}, "application/strategic-merge-patch+json"
        )

    def _run(self) -> None:
        beat = time.monotonic()
        while not self._stop.wait(TICK_SECONDS):
            # The API server may be away: that is some tests' point.
            with contextlib.suppress(RequestFailed, OSError, Exception):
                # By the clock: a machine under load ticks slowly, and a node without a heartbeat loses its pods.
                if time.monotonic() - beat >= HEARTBEAT_SECONDS:
                    beat = time.monotonic()
                    self._beat()
                for pod in self._kube.list("Pod", self._namespace):
                    self._sync(pod)

    def _sync(self, pod: Object) -> None:
        metadata = pod["metadata"]
        if metadata.get("deletionTimestamp"):
            self._end(pod)
            return
        if not pod["spec"].get("nodeName") or pod.get("status", {}).get("phase") in {"Succeeded", "Failed"}:
            return
        fate = self.fate(pod)
        # A node that was late with its heartbeat has had its pods marked as not ready by the control plane.
        lost = isinstance(fate, Runs) and condition(pod, "Ready").get("status") != "True"
        if self._reported.get(metadata["uid"]) == fate and not lost:
            return
        self.started.setdefault(metadata["uid"], pod)
        self._kube.patch("Pod", self._namespace, metadata["name"], {"status": _status(pod, fate)}, "status")
        self._reported[metadata["uid"]] = fate

    def _end(self, pod: Object) -> None:
        """As a kubelet does: report the ends of the containers and the final phase, then remove the pod."""
        metadata, grace = pod["metadata"], pod["metadata"]["deletionGracePeriodSeconds"]
        containers = pod.get("status", {}).get("containerStatuses") or []
        match self.end(pod):
            case Stops(after, code) if grace and any("running" in each["state"] for each in containers):
                asked = datetime.fromisoformat(metadata["deletionTimestamp"]) - timedelta(seconds=grace)
                if datetime.now(UTC) < asked + timedelta(seconds=min(after, grace)):
                    return
                status = _ended(containers, 137 if after >= grace else code)
                self._kube.patch("Pod", self._namespace, metadata["name"], {"status": status}, "status")
                return  # it is removed at the next look: who lists instead of watching gets to see its end too
            case _:
                pass
        self._kube.delete("Pod", self._namespace, metadata["name"], grace=0)


def _ended(containers: list[Object], code: int) -> Object:
    reports = [
        {
            **each,
            "ready": False,
            "state": {
                "terminated": {
                    "exitCode": code,
                    "reason": "Error" if code else "Completed",
                    "startedAt": each["state"]["running"]["startedAt"],
                    "finishedAt": now(),
                }
            },
        }
        for each in containers
    ]
    return {"phase": "Failed" if code else "Succeeded", "containerStatuses": reports}


def _status(pod: Object, fate: Fate) -> Object:
    container = pod["spec"]["containers"][0]
    of_job = "job-name" in pod["metadata"]["labels"]
    report: Object = {
        "name": container["name"],
        "image": container["image"],
        "imageID": container["image"],
        "ready": False,
        "restartCount": 0,
        "state": {},
    }
    phase, ready = "Running", False
    of_pod: Object = {}
    match fate:
        case Runs():
            ready = True
            report |= {"ready": True, "state": {"running": {"startedAt": now()}}}
        case Hangs():
            report["state"] = {"running": {"startedAt": now()}}
        case Waits(reason, message):
            phase = "Pending"
            report["state"] = {"waiting": {"reason": reason, "message": message}}
        case Exits(code, message):
            end = {
                "exitCode": code,
                "reason": "Completed" if code == 0 else "Error",
                "message": message,
                "startedAt": now(),
                "finishedAt": now(),
            }
            if of_job:
                phase = "Succeeded" if code == 0 else "Failed"
                report["state"] = {"terminated": end}
            else:
                report |= {
                    "restartCount": 3,
                    "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s"}},
                    "lastState": {"terminated": end},
                }
        case Evicted(message):
            phase = "Failed"
            of_pod = {"reason": "Evicted", "message": message}
            killed = {"exitCode": 137, "reason": "Error", "startedAt": now(), "finishedAt": now()}
            report["state"] = {"terminated": killed}
    state = "True" if ready else "False"
    conditions = [{"type": kind, "status": state, "lastTransitionTime": now()} for kind in ("Ready", "ContainersReady")]
    conditions.append({"type": "PodScheduled", "status": "True", "lastTransitionTime": now()})
    reports = {"conditions": conditions, "containerStatuses": [report]}
    return {"phase": phase, "startTime": now(), **of_pod, **reports}
