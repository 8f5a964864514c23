"""Puts the parts together, runs them, and ends them in order on SIGTERM."""

import asyncio
import contextlib
import signal
import time
from collections.abc import AsyncIterator

import structlog
from aiohttp import web

from delivery_operator.api.environment import KIND as ENVIRONMENT_KIND
from delivery_operator.api.service import DEFAULT_ENVIRONMENT
from delivery_operator.api.service import KIND as SERVICE_KIND
from delivery_operator.cluster import connection, hashkey
from delivery_operator.cluster.act import Actor
from delivery_operator.cluster.api import Api
from delivery_operator.cluster.bindings import Bindings
from delivery_operator.cluster.connection import Connection
from delivery_operator.cluster.discovery import Discovery
from delivery_operator.cluster.environments import Environments
from delivery_operator.cluster.events import Recorder
from delivery_operator.cluster.leases import Lease
from delivery_operator.cluster.lifetimes import Lifetimes
from delivery_operator.cluster.locks import Locks
from delivery_operator.cluster.observe import Observer
from delivery_operator.cluster.reach import Reach
from delivery_operator.cluster.referenced import Referenced
from delivery_operator.cluster.resources import STORED
from delivery_operator.cluster.store import LEASE, Body, Store
from delivery_operator.render import bundle
from delivery_operator.runtime import parts, server
from delivery_operator.runtime.disposability import Tally
from delivery_operator.runtime.handlers import Heard
from delivery_operator.runtime.leadership import Leadership
from delivery_operator.runtime.metrics import Metrics
from delivery_operator.runtime.queue import Queue
from delivery_operator.runtime.reconcile import Reconciler
from delivery_operator.runtime.resync import Resync
from delivery_operator.runtime.settings import Settings
from delivery_operator.runtime.vitals import Vitals
from delivery_operator.runtime.watches import Watches

log = structlog.get_logger(__name__)

_ENVIRONMENT_SECONDS = 1.0
"""How long what happens to an environment's services is gathered before it looks at them all."""
_GAUGE_SECONDS = 5.0


async def run(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT; the reconciles in hand are finished first, and the lease is given back.

    Raises:
        LeaseLost: this process led and could not go on leading.
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
    reach = Reach(settings.scopes)
    metrics, vitals = Metrics(), Vitals(time.monotonic, reach)
    queue = Queue(limit=settings.workers, paused=True)
    vitals.hanging = queue.hanging
    tally = Tally(metrics)
    store = Store(Lifetimes(tally.began, tally.ended))

    def written(verb: str, body: Body) -> None:
        metrics.writes.labels(verb, body["kind"]).inc()
        if verb != "delete" and body["kind"] != LEASE:  # a deletion's version is not in its answer
            vitals.expect(body)
        _wake_environment(body, store, queue)

    def leads(leader: bool) -> None:  # noqa: FBT001 the one thing that is told
        metrics.leader.set(leader)
        tally.counting = leader
        if leader:
            queue.resume()

    async with Api(target) as free, _http(settings, vitals, metrics):
        key = await parts.patiently(lambda: hashkey.load(free, settings.namespace), stop)
        if key is None:
            return
        lease = Lease(free, settings.namespace, settings.lease_name)
        leadership = Leadership(lease, settings.identity, leads, vitals.fault)
        async with Api(target, leadership.fence) as api:
            discovery = Discovery(api)
            bindings = Bindings(api, discovery)
            referenced = Referenced(api, key, reach, settings.namespace, queue.add)
            environments = Environments(
                api,
                store,
                referenced,
                templates,
                settings.namespace,
                settings.templates_dir,
                reach=reach,
                named=queue.add,
            )
            locks = Locks(api, store, settings.namespace, reach, queue.add)
            observer = Observer(store, referenced, environments, bindings, locks, discovery)
            recorder = Recorder(api, lambda result: metrics.events.labels(result).inc(), settings.identity)
            actor = Actor(api, store, written, recorder.tell)
            reconciler = Reconciler(store, observer, environments, actor, queue, metrics, reach)
            resync = Resync(
                api, discovery, bindings, store, referenced, queue, vitals, metrics, reach, settings.resync_seconds
            )
            looked = asyncio.ensure_future(_first_look(leadership, resync))
            await parts.run(
                stop,
                queue,
                leadership,
                _watch(target, _heard(vitals, store, queue), resync, looked),
                referenced.watch(),
                locks.watch(),
                _gauges(metrics, queue, store),
                _resync(resync, looked),
                _work(referenced, locks, resync, reconciler, settings, leadership=leadership, looked=looked),
                last=recorder.run(),
            )
    log.info("stopped")


def _heard(vitals: Vitals, store: Store, queue: Queue) -> Heard:
    def heard(body: Body, deleted: bool) -> None:  # noqa: FBT001 the signature of Heard
        vitals.heard(body)
        changed = store.remove(body) if deleted else store.put(body)
        if changed is None:
            return
        queue.add(changed)
        if not changed[0]:  # an environment: its services are looked at too
            for service in store.in_environment(changed[1]):
                queue.add(service)
        _wake_environment(body, store, queue)

    return heard


def _wake_environment(body: Body, store: Store, queue: Queue) -> None:
    """Have a service's environment look who runs with its templates; once for all that happens meanwhile."""
    if body["kind"] == SERVICE_KIND:
        name = body["spec"].get("environment", DEFAULT_ENVIRONMENT)
        if store.get(ENVIRONMENT_KIND, "", name):
            queue.add_after(("", name), _ENVIRONMENT_SECONDS)


async def _first_look(leadership: Leadership, resync: Resync) -> bool:
    """List everything for the first time; whether it was as the leader, and so after the last one had ended."""
    await leadership.tried.wait()
    led = leadership.acquired.is_set()
    await parts.patiently(resync.once)
    return led


async def _watch(target: Connection, heard: Heard, resync: Resync, looked: asyncio.Future[bool]) -> None:
    """Watch the kinds that are served where the operator is let in; begin anew whenever these are others.

    Raises:
        Exception: whatever ended the watches.
    """
    await looked  # kopf looks once for the kinds there are: a CRD that came later would not be watched
    while True:
        resync.outdated.clear()
        optional = resync.discovery.resources
        scopes = resync.reach.open
        log.info("watching", optional_kinds=[each.kind for each in optional], namespaces=list(filter(None, scopes)))
        async with Watches(target, (*STORED, *optional), scopes, heard) as watches:
            changed = asyncio.create_task(resync.outdated.wait())
            ended = asyncio.create_task(watches.ended())
            try:
                await asyncio.wait([changed, ended], return_when=asyncio.FIRST_COMPLETED)
            finally:
                changed.cancel()
                ended.cancel()
            if not resync.outdated.is_set():
                return ended.result()
        resync.vitals.begin_anew()


async def _resync(resync: Resync, looked: asyncio.Future[bool]) -> None:
    """List everything now and then, in the leader and in those who stand by: what they know must be true on the day."""
    await looked
    await resync.run()


async def _work(  # noqa: PLR0913 all that has to come before the first decision
    referenced: Referenced,
    locks: Locks,
    resync: Resync,
    reconciler: Reconciler,
    settings: Settings,
    *,
    leadership: Leadership,
    looked: asyncio.Future[bool],
) -> None:
    """Let the workers begin once this process leads and has seen everything: half of it makes a wrong decision."""
    current = await looked
    await referenced.synced()
    await locks.synced()
    if not leadership.acquired.is_set():
        log.info("standing by", services=len(resync.store.services()))
        await leadership.acquired.wait()
    if not current:
        # What the last leader wrote at its end may still be on its way to the watches, and a watch may be deaf.
        await parts.patiently(resync.once)
        await parts.patiently(locks.relist)
    log.info("started", services=len(resync.store.services()), workers=settings.workers)
    async with asyncio.TaskGroup() as group:
        # Twice as many as work at once: the other half is for namespaces that would have to wait for another's work.
        for number in range(2 * settings.workers):
            group.create_task(reconciler.work(), name=f"worker {number}")


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
