"""Posts Events, beside the work and never in its way: what cannot be posted is lost, and counted.

They wait in a queue of their own, in the order of the writes they are about, so that a slow API server holds up no
reconcile. What happens again is counted in the Event that is there.

They are core/v1 Events: `kubectl describe` sorts by lastTimestamp, which those of events.k8s.io/v1 must not have.
"""

import asyncio
import contextlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

import structlog

from delivery_operator.cluster.api import Api
from delivery_operator.cluster.errors import AlreadyExists, ApiError
from delivery_operator.cluster.resources import EVENTS
from delivery_operator.engine import events
from delivery_operator.engine.conditions import timestamp
from delivery_operator.engine.events import Event
from delivery_operator.engine.plan import Write
from delivery_operator.render.names import MANAGER

log = structlog.get_logger(__name__)

WAITING: Final = 1000
"""Events that may wait; when a whole fleet has more to tell than the API server takes, the latest are lost."""
_LAST_SECONDS: Final = 2.0
"""How long the end of the operator waits for what has just been done to be told."""


class Recorder:
    """Tells of writes."""

    def __init__(
        self,
        api: Api,
        posted: Callable[[str], None],
        instance: str,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Use this client.

        Args:
            api: the client.
            posted: called with what became of each Event: posted, refused (by the API server) or dropped (too many
                wait).
            instance: names this replica of the operator.
            now: the clock.
        """
        self._api = api
        self._posted = posted
        self._instance = instance
        self._now = now
        self._waiting: asyncio.Queue[tuple[Event, datetime]] = asyncio.Queue(WAITING)

    def tell(self, write: Write) -> None:
        """Tell of a write that was made, as soon as that can be."""
        for event in events.of(write):
            try:
                self._waiting.put_nowait((event, self._now()))
            except asyncio.QueueFull:
                self._lost(event, "dropped")

    async def run(self) -> None:
        """Post what there is to tell, until cancelled; what waits then is posted within a moment or lost."""
        try:
            while True:
                await self._post(*await self._waiting.get())
        finally:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LAST_SECONDS):
                    while not self._waiting.empty():
                        await self._post(*self._waiting.get_nowait())

    async def _post(self, event: Event, at: datetime) -> None:
        try:
            try:
                await self._api.create(EVENTS, self._body(event, at))
            except AlreadyExists:
                await self._count(event, at)
        except ApiError as error:
            self._lost(event, "refused", str(error))
        else:
            self._posted("posted")

    def _lost(self, event: Event, result: str, error: str = "") -> None:
        log.warning("event not posted", result=result, told=event.reason, about=event.about["name"], error=error)
        self._posted(result)

    async def _count(self, event: Event, at: datetime) -> None:
        namespace = event.about["namespace"]
        found = await self._api.get(EVENTS, namespace, event.name)
        patch = {"count": found.get("count", 1) + 1, "lastTimestamp": timestamp(at)}
        await self._api.patch(EVENTS, namespace, event.name, patch)

    def _body(self, event: Event, at: datetime) -> dict[str, Any]:
        return {
            "apiVersion": EVENTS.api_version,
            "kind": EVENTS.kind,
            "metadata": {"name": event.name, "namespace": event.about["namespace"]},
            "involvedObject": dict(event.about),
            "type": event.type.value,
            "reason": event.reason,
            "message": event.message,
            "firstTimestamp": timestamp(at),
            "lastTimestamp": timestamp(at),
            "count": 1,
            "source": {"component": MANAGER},
            "reportingComponent": MANAGER,
            "reportingInstance": self._instance,
        }
