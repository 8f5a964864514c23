"""Reads the logs of several pods at once, merged in the order in which the lines arrive."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Final

from delivery_operator.cli.session import Cluster
from delivery_operator.cluster.api import Body
from delivery_operator.cluster.errors import ApiError
from delivery_operator.cluster.resources import PODS

_LOOK_SECONDS: Final = 2.0


@dataclass(frozen=True)
class Line:
    """One line of a pod's log; an error says why there are no more."""

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
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            await self._read_new()

    async def _read_new(self) -> None:
        pods = await self.cluster.api.list(PODS, self.cluster.namespace, selector=self.selector)
        for pod in pods.items:
            if pod["metadata"]["uid"] not in self._readers and has_log(pod):
                self._readers[pod["metadata"]["uid"]] = asyncio.create_task(self._read(pod["metadata"]["name"]))

    async def _read(self, pod: str) -> None:
        try:
            async for line in self.cluster.api.log(self.cluster.namespace, pod, self.params):
                await self._queue.put(Line(pod, line))
        except ApiError as error:
            await self._queue.put(Line(pod, error.message, error=True))


def has_log(pod: Body) -> bool:
    """Whether a container of a pod has started once."""
    states = [
        state
        for each in (pod.get("status") or {}).get("containerStatuses") or ()
        for state in (*each["state"], *(each.get("lastState") or ()))
    ]
    return "running" in states or "terminated" in states
