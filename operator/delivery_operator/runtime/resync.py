"""The periodic authoritative look: LIST everything, take it into the store, and look at every service again.

It is what makes the operator level-triggered in truth: a lost event, a deletion in a watch's gap or a bug in a cache
costs at most one period.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Final

import structlog

from delivery_operator.cluster.api import Api
from delivery_operator.cluster.bindings import Bindings
from delivery_operator.cluster.discovery import Discovery
from delivery_operator.cluster.errors import ApiError
from delivery_operator.cluster.referenced import Referenced
from delivery_operator.cluster.resources import OPTIONAL, STORED, Resource
from delivery_operator.cluster.store import ObjectKey, ServiceKey, Store
from delivery_operator.render.names import SERVICE
from delivery_operator.runtime.metrics import Metrics
from delivery_operator.runtime.queue import Queue
from delivery_operator.runtime.settings import Settings
from delivery_operator.runtime.vitals import Vitals

FIRST_SECONDS: Final = 15.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Resync:
    """Lists everything now and then.

    Attributes:
        kinds_changed: set when the cluster serves other kinds than before: the watches must begin anew.
    """

    api: Api
    discovery: Discovery
    bindings: Bindings
    store: Store
    referenced: Referenced
    queue: Queue
    vitals: Vitals
    metrics: Metrics
    settings: Settings
    kinds_changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Resync every period until cancelled; a failed one is tried again at the next.

        The first comes early: what was deleted between the first LIST and the start of the watches is in no event.
        """
        pause = min(FIRST_SECONDS, self.settings.resync_seconds)
        while True:
            await asyncio.sleep(pause)
            pause = self.settings.resync_seconds
            try:
                await self.once()
                await self.referenced.relist()
            except ApiError as error:
                self.metrics.resyncs.labels("failed").inc()
                log.warning("resync failed", error=str(error))
            else:
                self.metrics.resyncs.labels("done").inc()
            if self.kinds_changed.is_set():
                # The watches begin anew, and what is deleted meanwhile is in no event.
                pause = min(FIRST_SECONDS, self.settings.resync_seconds)

    async def once(self) -> int:
        """Ask what is served, list every kind into the store, and queue every service and environment.

        Returns:
            How many services there are.

        Raises:
            ApiError: a LIST failed; what was listed before it is kept.
        """
        if await self.discovery.refresh() and self.vitals.synced:
            self.kinds_changed.set()
        for resource in OPTIONAL:
            if resource not in self.discovery.resources:
                self.store.forget(resource.kind)
        self.bindings.forget()
        changed: set[ServiceKey] = set()
        for resource in (*STORED, *self.discovery.resources):
            for namespace in self.settings.scopes if resource.namespaced else (None,):
                changed |= await self._list(resource, namespace)
        if self.vitals.synced:
            self.metrics.corrections.inc(len(changed))
        self.vitals.synced = True
        # Those that were deleted are looked at too, to forget what was kept for them.
        for key in {*self.store.keys(), *changed}:
            self.queue.add(key)
        return len(self.store.services())

    async def _list(self, resource: Resource, namespace: str | None) -> set[ServiceKey]:
        """Take a collection into the store; the services for which something changed."""
        changed: set[ServiceKey] = set()
        present: set[ObjectKey] = set()
        version = ""
        async for page in self.api.pages(resource, namespace, selector=SERVICE if resource.labelled else ""):
            # One page is in memory at a time: as they come, the Deployments of a large fleet are hundreds of megabytes.
            news, listed = self.store.put_all(page.items)
            changed |= news
            present |= listed
            version = page.version
            # Not of the first LIST: the watches begin after it, and owe nothing of what was deleted in between.
            for item in page.items if self.vitals.synced else ():
                self.vitals.expect(item)
        return changed | self.store.keep_only(resource.kind, namespace, present, version)
