"""Puts the parts together, runs them, and ends them in order on SIGTERM."""

import asyncio
import contextlib
import signal
import time
from collections.abc import AsyncIterator, Sequence

import structlog
from aiohttp import web

from delivery_operator.cluster import connection, hashkey
from delivery_operator.cluster.act import Actor
from delivery_operator.cluster.api import Api
from delivery_operator.cluster.errors import ApiError
from delivery_operator.cluster.referenced import Referenced
from delivery_operator.cluster.store import Body, Store
from delivery_operator.render import bundle
from delivery_operator.runtime import server
from delivery_operator.runtime.metrics import Metrics
from delivery_operator.runtime.queue import Queue
from delivery_operator.runtime.reconcile import Reconciler
from delivery_operator.runtime.resync import Resync
from delivery_operator.runtime.settings import Settings
from delivery_operator.runtime.vitals import Vitals
from delivery_operator.runtime.watches import Watches

log = structlog.get_logger(__name__)

_RETRY_SECONDS = 1.0
_GAUGE_SECONDS = 5.0
_LAST_RECONCILE_SECONDS = 20.0
"""How long SIGTERM waits for the reconciles in hand; less than the pod's grace period."""


async def run(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT; the reconciles in hand are finished first.

    Raises:
        NoConfiguration: no cluster to connect to.
        HashKeyUnusable: the operator's Secret cannot be used.
        RenderError: the templates are not whole.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    templates = bundle.load()
    target = await connection.connect()
    metrics, store, queue, vitals = Metrics(), Store(), Queue(), Vitals(time.monotonic)

    def heard(body: Body, deleted: bool) -> None:  # noqa: FBT001 the signature of Heard
        vitals.heard(body)
        changed = store.remove(body) if deleted else store.put(body)
        if changed is not None:
            queue.add(changed)

    def written(verb: str, body: Body) -> None:
        metrics.writes.labels(verb, body["kind"]).inc()
        if verb != "delete":  # a deletion's version is not in its answer
            vitals.expect(body)

    async with Api(target) as api, _http(settings, vitals, metrics):
        key = await _until_reachable(api, settings, stop)
        if key is None:
            return
        referenced = Referenced(api, key, settings.scopes, queue.add)
        reconciler = Reconciler(store, referenced, Actor(api, store, written), templates, queue, metrics)
        resync = Resync(api, store, referenced, queue, vitals, metrics, settings)
        async with Watches(target, settings, heard) as watches:
            parts = [
                asyncio.create_task(watches.ended(), name="watches"),
                asyncio.create_task(referenced.watch(), name="watch references"),
                asyncio.create_task(_gauges(metrics, queue, store), name="gauges"),
                asyncio.create_task(_work(referenced, resync, reconciler, settings), name="work"),
            ]
            await _until_one_ends(parts, stop)
            log.info("stopping", reconciles_in_hand=queue.working)
            queue.close()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LAST_RECONCILE_SECONDS):
                    await queue.idle()
            for part in parts:
                part.cancel()
            results = await asyncio.gather(*parts, return_exceptions=True)
    for result in results:
        if isinstance(result, Exception):
            raise result
    log.info("stopped")


async def _until_one_ends(parts: Sequence[asyncio.Task[None]], stop: asyncio.Event) -> None:
    """Wait for a signal, or for the end of a part that must not end."""
    stopping = asyncio.create_task(stop.wait(), name="stop")
    await asyncio.wait([stopping, *parts], return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()


async def _work(referenced: Referenced, resync: Resync, reconciler: Reconciler, settings: Settings) -> None:
    """Fill the store, then let the workers begin: a decision on half a store would be a wrong one."""
    await referenced.synced()
    while True:
        try:
            await resync.once()
            break
        except ApiError as error:
            log.warning("waiting for the api server", error=str(error))
            await asyncio.sleep(_RETRY_SECONDS)
    log.info("started", services=len(resync.store.services()), workers=settings.workers)
    async with asyncio.TaskGroup() as group:
        for number in range(settings.workers):
            group.create_task(reconciler.work(), name=f"worker {number}")
        group.create_task(resync.run(), name="resync")


async def _until_reachable(api: Api, settings: Settings, stop: asyncio.Event) -> bytes | None:
    """Read the hash key, waiting for the API server if need be; None when told to stop."""
    while not stop.is_set():
        try:
            return await hashkey.load(api, settings.namespace)
        except ApiError as error:
            log.warning("waiting for the api server", error=str(error))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), _RETRY_SECONDS)
    return None


@contextlib.asynccontextmanager
async def _http(settings: Settings, vitals: Vitals, metrics: Metrics) -> AsyncIterator[None]:
    runner = web.AppRunner(server.application(vitals, metrics), access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, port=settings.http_port)
        await site.start()
        yield
    finally:
        await runner.cleanup()


async def _gauges(metrics: Metrics, queue: Queue, store: Store) -> None:
    while True:
        metrics.queued.set(len(queue))
        metrics.working.set(queue.working)
        metrics.objects.set(store.count())
        await asyncio.sleep(_GAUGE_SECONDS)
