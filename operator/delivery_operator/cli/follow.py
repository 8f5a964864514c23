"""Reads the logs of several pods at once, merged in the order in which the lines arrive.

Of a pod it is the process's container that is read, and not what others have injected; each of its lives, when the log
is followed.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from delivery_operator.cli.session import Cluster
from delivery_operator.cluster.api import Body
from delivery_operator.cluster.errors import ApiError
from delivery_operator.cluster.resources import PODS
from delivery_operator.render.containers import process_container

_LOOK_SECONDS: Final = 2.0


@dataclass(frozen=True)
class Line:
    """One line of a pod's log; an error is a remark about the pod instead, or without one about all of them."""

    pod: str
    text: str
    error: bool = False


@dataclass
class Logs:
    """The logs of the pods of a selector.

    Attributes:
        cluster: where.
        selector: of the pods.
        params: what is asked for each log, such as follow and sinceSeconds.
    """

    cluster: Cluster
    selector: str
    params: Mapping[str, str]
    _queue: "asyncio.Queue[Line | None]" = field(default_factory=asyncio.Queue)
    _readers: dict[str, "asyncio.Task[None]"] = field(default_factory=dict)

    async def lines(self, *, follow: bool) -> AsyncGenerator[Line, None]:
        """Yield lines; with `follow` for ever, with pods that come later too, else until all logs have been read."""
        try:
            await self._read_new()
            if follow:
                self._readers[""] = asyncio.create_task(self._look_for_new())
            else:
                self._readers[""] = asyncio.create_task(self._close(list(self._readers.values())))
            while (line := await self._queue.get()) is not None:
                yield line
        finally:
            for reader in self._readers.values():
                reader.cancel()
            await asyncio.gather(*self._readers.values(), return_exceptions=True)

    async def _close(self, readers: "list[asyncio.Task[None]]") -> None:
        await asyncio.gather(*readers)
        await self._queue.put(None)

    async def _look_for_new(self) -> None:
        told = False
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            try:
                await self._read_new()
                told = False
            except ApiError as error:
                if not told:
                    await self._queue.put(
                        Line("", f"new pods cannot be looked for, tried again: {error.message}", error=True)
                    )
                told = True

    async def _read_new(self) -> None:
        pods = await self.cluster.api.list(PODS, self.cluster.namespace, selector=self.selector)
        for pod in pods.items:
            status = _status(pod)
            life = f"{pod['metadata']['uid']}/{status.get('restartCount', 0)}"
            if life not in self._readers and has_log(pod):
                self._readers[life] = asyncio.create_task(self._read(pod["metadata"]["name"], log_of(pod)))

    async def _read(self, pod: str, container: Mapping[str, str]) -> None:
        try:
            async for line in self.cluster.api.log(self.cluster.namespace, pod, {**self.params, **container}):
                await self._queue.put(Line(pod, line))
        except ApiError as error:
            await self._queue.put(Line(pod, f"{pod} has no log: {error.message}", error=True))


def log_of(pod: Body) -> dict[str, str]:
    """What says which container's log is meant: the process's, else the first; where there are several, one has to."""
    containers = pod["spec"].get("containers") or ()
    found = process_container(containers, pod) or next(iter(containers), None)
    return {"container": found["name"]} if found else {}


def has_log(pod: Body) -> bool:
    """Whether the container whose log is read has started once."""
    status = _status(pod)
    states = (*(status.get("state") or ()), *(status.get("lastState") or ()))
    return "running" in states or "terminated" in states


def _status(pod: Body) -> dict[str, Any]:
    """What is said of the container whose log is read; nothing before it is known."""
    known = (pod.get("status") or {}).get("containerStatuses") or ()
    name = log_of(pod).get("container")
    return next((each for each in known if each.get("name") == name), {})
