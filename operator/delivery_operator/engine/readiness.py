"""How far pods have come that are not ready, where nothing in their statuses is an error.

A rollout that is undone takes the pods away that would say it, so what is seen of them is told with the verdict. While
pods are on their way it is nobody's concern: each step would be a write (design, section 5). So of a release that
serves it is told once a pod has been without success for a while.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from delivery_operator.engine import pods
from delivery_operator.engine.objects import Object, condition, condition_is, name

SLOW_SECONDS: Final = 60
"""So long a pod of a release that serves may be on its way to readiness without a word."""


@dataclass(frozen=True)
class Unready:
    """How far the pod of a process has come that has come the furthest.

    Attributes:
        lacks: what it waits for, in words that stay while it does.
        pod: its name.
        namespace: where it is.
    """

    lacks: str
    pod: str
    namespace: str

    @property
    def look(self) -> str:
        """The command that shows more, as long as the pod is there."""
        return f"see `kubectl describe pod {self.pod} -n {self.namespace}`"


def furthest(own: Iterable[Object], runs: str) -> Unready | None:
    """Pick the pod that lacks least among those of one process that are not ready.

    Args:
        own: the pods.
        runs: name of the container that runs their program.
    """
    found = sorted((-step, name(pod), lacks, pod) for pod in _coming(own) for step, lacks in [_lacks(pod, runs)])
    if not found:
        return None
    _, named, lacks, pod = found[0]
    return Unready(lacks, named, pod["metadata"]["namespace"])


def slow(own: Iterable[Object], now: datetime) -> list[Object]:
    """Pick the pods that have not been ready for a while."""
    return [pod for pod in _coming(own) if _left(pod, now) <= 0]


def slow_in(own: Iterable[Object], now: datetime) -> float | None:
    """Seconds until another pod has not been ready for a while; None when none is on its way."""
    return min((left for pod in _coming(own) if (left := _left(pod, now)) > 0), default=None)


def _coming(own: Iterable[Object]) -> list[Object]:
    return [
        pod
        for pod in pods.living(own)
        if not pod["metadata"].get("deletionTimestamp") and not condition_is(pod, "Ready")
    ]


def _left(pod: Object, now: datetime) -> float:
    said, made = (condition(pod, "Ready") or {}).get("lastTransitionTime"), pod["metadata"].get("creationTimestamp")
    # Until something of it has started its time is one: the kubelet says not ready some time after the pod was made.
    began = any(each.get("started") for each in pods.containers(pod))
    since = (said or made) if began else (made or said)
    return SLOW_SECONDS - (now - datetime.fromisoformat(since)).total_seconds() if since else 0


def _lacks(pod: Object, runs: str) -> tuple[int, str]:
    """How many steps a pod has made, and what it waits for."""
    program = pods.container(pod, runs)
    if program is None:
        return 0, "its node has not begun with its pod" if pod["spec"].get("nodeName") else "its pod has no node yet"
    waiting = (program.get("state") or {}).get("waiting")
    if waiting:
        before = [each["name"] for each in pods.init_containers(pod) if not each.get("ready")]
        if waiting.get("reason") == pods.INITIALIZING and before:
            return 1, f"it waits for container {before[0]} (init), which has not come to its end, or is not ready"
        return 2, f"its container has not started ({waiting.get('reason', 'no reason is given')})"
    for container in (program, *pods.init_containers(pod), *pods.containers(pod)):
        if not container.get("ready"):
            whose = "its" if container is program else f"container {container['name']}'s"
            if container.get("started") is False:
                return 3, f"{whose} startup probe has not succeeded"
            return 4, f"it runs, and {whose} readiness probe fails"
    gates = (condition(pod, "Ready") or {}).get("reason") == "ReadinessGatesNotReady"
    return 5, "it runs, and a readiness gate of its pod is not true" if gates else "it is about to be ready"
