"""The periodic authoritative look: LIST everything, take it into the store, and look at every service again.

It is what makes the operator level-triggered in truth: a lost event, a deletion in a watch's gap or a bug in a cache
costs at most one period.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import structlog

from delivery_operator.cluster.api import Api
from delivery_operator.cluster.bindings import Bindings
from delivery_operator.cluster.discovery import Discovery
from delivery_operator.cluster.errors import ApiError, Forbidden
from delivery_operator.cluster.reach import Reach
from delivery_operator.cluster.referenced import Referenced
from delivery_operator.cluster.resources import OPTIONAL, STORED, Resource
from delivery_operator.cluster.store import ObjectKey, ServiceKey, Store
from delivery_operator.render.names import SERVICE
from delivery_operator.runtime.metrics import Metrics
from delivery_operator.runtime.queue import Queue
from delivery_operator.runtime.vitals import Vitals

FIRST_SECONDS: Final = 15.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Resync:
    """Lists everything now and then.

    Attributes:
        reach: where to look; here it is found out.
        period: seconds between two looks.
        outdated: set when other kinds are served than before, or other namespaces let the operator in: the watches must
            begin anew.
    """

    api: Api
    discovery: Discovery
    bindings: Bindings
    store: Store
    referenced: Referenced
    queue: Queue
    vitals: Vitals
    metrics: Metrics
    reach: Reach
    period: float
    outdated: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Resync every period until cancelled; a failed one is tried again at the next.

        The first comes early, and so does the next one after the watches begin anew: what was deleted between a LIST
        and the start of the watches is in no event.
        """
        early = True
        while True:
            await asyncio.sleep(min(FIRST_SECONDS, self.period) if early else self.period)
            before = self._watched()
            try:
                await self.once()
                await self.referenced.relist()
            except ApiError as error:
                self.metrics.resyncs.labels("failed").inc()
                log.warning("resync failed", error=str(error))
            else:
                self.metrics.resyncs.labels("done").inc()
            early = before != self._watched()

    async def once(self) -> int:
        """Ask what is served, list every kind into the store, and queue every service and environment.

        Returns:
            How many services there are.

        Raises:
            ApiError: a LIST failed, or no namespace lets the operator in; what was listed before it is kept.
        """
        before = self._watched()
        try:
            await self.discovery.refresh()
            for resource in OPTIONAL:
                if resource not in self.discovery.resources:
                    self.store.forget(resource.kind)
            changed = await self._list_all()
        finally:
            if before != self._watched() and self.vitals.synced:
                self.outdated.set()
        if self.vitals.synced:
            self.metrics.corrections.inc(len(changed))
        self.vitals.synced = True
        self.bindings.forget()  # whoever is queued here asks for them
        # Those that were deleted are looked at too, to forget what was kept for them.
        for key in {*self.store.keys(), *changed}:
            self.queue.add(key)
        return len(self.store.services())

    def _watched(self) -> tuple[object, ...]:
        """What the watches are of, if they begin now."""
        return self.discovery.resources, self.reach.open

    async def _list_all(self) -> set[ServiceKey]:
        """List what belongs to no namespace, and then each namespace; the services for which something changed."""
        changed: set[ServiceKey] = set()
        kinds = (*STORED, *self.discovery.resources)
        for resource in kinds:
            if not resource.namespaced:
                changed |= await self._list(resource, None)
        refused: dict[str | None, Forbidden] = {}
        listed = False
        try:
            for scope in self.reach.scopes:
                try:
                    changed |= await self._enter(scope, [each for each in kinds if each.namespaced])
                except Forbidden as error:
                    refused[scope] = error
                else:
                    listed = True
        finally:
            # Where all of them refuse, the fault is the operator's, and it is waited for.
            for scope, why in refused.items() if listed else ():
                self.reach.set(scope, is_open=False)
                log.warning("namespace does not let the operator in", namespace=scope, error=str(why))
        self.metrics.closed.set(len(refused))
        if not listed:
            raise next(iter(refused.values()))
        return changed

    async def _enter(self, scope: str | None, kinds: Iterable[Resource]) -> set[ServiceKey]:
        """List all of a namespace, which is open when that could be done.

        Raises:
            Forbidden: it is not.
            ApiError: a LIST failed.
        """
        changed: set[ServiceKey] = set()
        for resource in kinds:
            changed |= await self._list(resource, scope)
        if scope is not None:
            await self.referenced.relist(scope)
        self.reach.set(scope, is_open=True)
        return changed

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
