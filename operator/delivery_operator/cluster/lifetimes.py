"""Follows pods from their start to their end, beside the store, which forgets them when they are gone.

What is kept is little: of pods on their way out what they were asked, and of each process one entry of how its pods
ended until the status tells it. Every pod is told of once, when it is gone; one that came and went while nobody watched
is not told of at all.
"""

from collections.abc import Callable, Mapping
from typing import Any

from delivery_operator.engine import disposability, endings
from delivery_operator.engine.disposability import Record
from delivery_operator.engine.endings import Ending, Request

Body = dict[str, Any]

Began = Callable[[Body, float], None]
"""Called with a pod that has become ready, and the seconds it took."""
Ended = Callable[[Body, Ending], None]
"""Called with a pod that is gone after it was asked to end, and how it ended."""


class Lifetimes:
    """The pods' part of the store. Not thread-safe: one event loop uses it."""

    def __init__(self, began: Began = lambda *_: None, ended: Ended = lambda *_: None) -> None:
        """Start with nothing; report each start and each end."""
        self._began = began
        self._ended = ended
        self._asked: dict[str, Request] = {}
        self._seen: dict[tuple[str, str], dict[str, Record]] = {}

    def changed(self, before: Body | None, pod: Body) -> None:
        """Take note of a newer version of a pod.

        Args:
            before: the version held so far, if one was.
            pod: the whole pod, with its spec.
        """
        uid = pod["metadata"]["uid"]
        asked = endings.request(pod, self._asked.get(uid))
        if asked is not None:
            self._asked[uid] = asked
        seconds = endings.seconds_to_ready(before, pod)
        if seconds is not None:
            self._began(pod, seconds)

    def gone(self, key: tuple[str, str], service: Body | None, pod: Body) -> None:
        """Judge a pod that is gone.

        Args:
            key: namespace and name of its service.
            service: the service, if it is there.
            pod: the pod's last state.
        """
        ending = endings.ending(pod, self._asked.pop(pod["metadata"]["uid"], None))
        if ending is None:
            return
        self._ended(pod, ending)
        entry = disposability.record(ending)
        if service is None or entry is None or _created(pod) < _created(service):
            return  # an older one than the service is the pod of a namesake that was deleted
        seen = self._seen.setdefault(key, {})
        seen[ending.process] = disposability.merge(seen.get(ending.process), entry)

    def of(self, key: tuple[str, str]) -> Mapping[str, Record]:
        """Return, by process, how pods of a service ended that its status may not tell yet."""
        return dict(self._seen.get(key, {}))

    def told(self, key: tuple[str, str], shutdowns: Mapping[str, Record]) -> None:
        """Forget what the status of a service tells; what was seen since stays."""
        seen = self._seen.get(key, {})
        for process, entry in shutdowns.items():
            if seen.get(process) is entry:
                del seen[process]
        if not seen:
            self._seen.pop(key, None)


def _created(body: Body) -> str:
    """When an object was made, in a form that sorts by time."""
    return str(body["metadata"].get("creationTimestamp", ""))
