"""Puts the parts together, runs them, and ends them in order on SIGTERM."""

import asyncio
import contextlib
import signal
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import TypeVar

import structlog
from aiohttp import web

from delivery_operator.cluster import connection, hashkey
from delivery_operator.cluster.act import Actor
from delivery_operator.cluster.api import Api
from delivery_operator.cluster.bindings import Bindings
from delivery_operator.cluster.connection import Connection
from delivery_operator.cluster.discovery import Discovery
from delivery_operator.cluster.environments import Environments
from delivery_operator.cluster.errors import ApiError
from delivery_operator.cluster.events import Recorder
from delivery_operator.cluster.observe import Observer
from delivery_operator.cluster.referenced import Referenced
from delivery_operator.cluster.repairs import Repairs
from delivery_operator.cluster.resources import STORED
from delivery_operator.cluster.store import Body, Store
from delivery_operator.render import bundle
from delivery_operator.runtime import server
from delivery_operator.runtime.handlers import Heard
from delivery_operator.runtime.metrics import Metrics
from delivery_operator.runtime.queue import Queue
from delivery_operator.runtime.reconcile import Reconciler
from delivery_operator.runtime.resync import Resync
from delivery_operator.runtime.settings import Settings
from delivery_operator.runtime.vitals import Vitals
from delivery_operator.runtime.watches import Watches

T = TypeVar("T")

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
        if changed is None:
            return
        queue.add(changed)
        if not changed[0]:  # an environment: its services are looked at too
            for service in store.in_environment(changed[1]):
                queue.add(service)

    def written(verb: str, body: Body) -> None:
        metrics.writes.labels(verb, body["kind"]).inc()
        if verb != "delete":  # a deletion's version is not in its answer
            vitals.expect(body)

    async with Api(target) as api, _http(settings, vitals, metrics):
        key = await _patiently(lambda: hashkey.load(api, settings.namespace), stop)
        if key is None:
            return
        discovery = Discovery(api)
        bindings = Bindings(api, discovery)
        referenced = Referenced(api, key, settings.scopes, settings.namespace, queue.add)
        environments = Environments(
            api,
            store,
            referenced,
            templates,
            settings.namespace,
            settings.templates_dir,
            everywhere=not settings.namespaces,
            named=queue.add,
        )
        repairs = Repairs()
        observer = Observer(store, referenced, environments, bindings, discovery, repairs)
        recorder = Recorder(api, lambda result: metrics.events.labels(result).inc(), socket.gethostname())
        actor = Actor(api, store, written, recorder.tell, repairs)
        reconciler = Reconciler(store, observer, environments, actor, queue, metrics)
        resync = Resync(api, discovery, bindings, store, referenced, queue, vitals, metrics, settings)
        # Before the watches: kopf looks once for the kinds there are, and a CRD that came later would not be watched.
        if await _patiently(resync.once, stop) is None:
            return
        await _run_parts(
            stop,
            queue,
            _watch(target, settings, heard, resync),
            referenced.watch(),
            recorder.run(),
            _gauges(metrics, queue, store),
            _work(referenced, resync, reconciler, settings),
        )
    log.info("stopped")


async def _watch(target: Connection, settings: Settings, heard: Heard, resync: Resync) -> None:
    """Watch the kinds that are served; begin anew whenever they are others.

    Raises:
        Exception: whatever ended the watches.
    """
    while True:
        resync.kinds_changed.clear()
        optional = resync.discovery.resources
        log.info("watching", optional_kinds=[each.kind for each in optional])
        async with Watches(target, (*STORED, *optional), settings, heard) as watches:
            changed = asyncio.create_task(resync.kinds_changed.wait())
            ended = asyncio.create_task(watches.ended())
            try:
                await asyncio.wait([changed, ended], return_when=asyncio.FIRST_COMPLETED)
            finally:
                changed.cancel()
                ended.cancel()
            if not resync.kinds_changed.is_set():
                return ended.result()
        resync.vitals.begin_anew()


async def _run_parts(stop: asyncio.Event, queue: Queue, *parts: Coroutine[None, None, None]) -> None:
    """Run the parts until a signal, or until one ends that must not end; then let the reconciles in hand finish."""
    tasks = [asyncio.create_task(part) for part in parts]
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait([stopping, *tasks], return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    log.info("stopping", reconciles_in_hand=queue.working)
    queue.close()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_LAST_RECONCILE_SECONDS):
            await queue.idle()
    for task in tasks:
        task.cancel()
    for result in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(result, Exception):
            raise result


async def _work(referenced: Referenced, resync: Resync, reconciler: Reconciler, settings: Settings) -> None:
    """Let the workers begin once everything has been seen: a decision on half of it would be a wrong one."""
    await referenced.synced()
    log.info("started", services=len(resync.store.services()), workers=settings.workers)
    async with asyncio.TaskGroup() as group:
        for number in range(settings.workers):
            group.create_task(reconciler.work(), name=f"worker {number}")
        group.create_task(resync.run(), name="resync")


async def _patiently(attempt: Callable[[], Awaitable[T]], stop: asyncio.Event) -> T | None:
    """Try until the API server serves it; None when told to stop."""
    while not stop.is_set():
        try:
            return await attempt()
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
