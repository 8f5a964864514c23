"""The phases of a run, in order. Each answers with its figures; none judges them.

One namespace is the floor's, one the operator's. The controller manager and the scheduler are stopped: what the API
server does is then for the operator, the floor or the bench alone, and what the bench does falls outside what is timed.
Times of requests are the API server's own (its audit log), CPU time is the process's.
"""

import asyncio
import datetime as dt
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from bench import fleet, floor
from bench.audited import Requests, percentiles, waited
from bench.process import Operator, api_server_cpu
from delivery_operator.render import bundle
from devcluster.cluster import Cluster
from tests.support.kube import Kube, Object, condition, wait_for
from tests.support.operator import make_identity, user

Figures = dict[str, Any]
Watched = Callable[[int], AbstractContextManager[object]]
"""What to enter with a process ID while that process works."""

OPERATORS, FLOORS = "bench", "floor"
"""Namespaces."""
WORKERS: Final = 8
"""Of the operator, its default; as many connections has the floor."""
RESYNCS: Final = 3
"""That an idle operator is watched for."""
MOST_SINGLE: Final = 100
"""Secrets that are changed one at a time."""


@dataclass
class Bench:
    """One run.

    Attributes:
        cluster: a control plane of its own.
        services: how many.
        resync_seconds: between two resyncs of the idle operator.
        folder: for logs.
    """

    cluster: Cluster
    kube: Kube
    services: int
    resync_seconds: int
    folder: Path

    def __post_init__(self) -> None:
        """Make the namespaces and identities."""
        self._identities: dict[str, Object] = {}
        for namespace in (OPERATORS, FLOORS):
            self.kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
            self._identities[namespace] = make_identity(self.kube, namespace)
        self._shared = fleet.sharers(self.services)
        self._patience = 60 + self.services

    def floor(self, numbers: range) -> Figures:
        """Send what the operator would write for these services."""
        made = fleet.fill(self.kube, FLOORS, numbers, self._shared)
        templates = bundle.load()
        scripts = [
            floor.script(each, [fleet.name(number)] + [fleet.SHARED] * (number < self._shared), templates)
            for number, each in zip(numbers, made, strict=True)
        ]
        identity = self._identities[FLOORS]
        began, server, own = _now(), api_server_cpu(self.cluster), time.process_time()
        asyncio.run(floor.send(identity, [each.create for each in scripts], WORKERS))
        created, server_create, own_create = _now(), api_server_cpu(self.cluster), time.process_time()
        asyncio.run(floor.send(identity, [each.rollout for each in scripts], WORKERS))
        ended, server_end, own_end = _now(), api_server_cpu(self.cluster), time.process_time()
        create = Requests.of(self.cluster, user(FLOORS), began, created)
        rollout = Requests.of(self.cluster, user(FLOORS), created, ended)
        return {
            "services": len(numbers),
            "create": _stretch(create, server_create - server, own_create - own),
            "rollout": _stretch(rollout, server_end - server_create, own_end - own_create),
        }

    def start(self) -> Figures:
        """What an operator uses that has nothing to do."""
        with self._operator() as operator:
            operator.rest(self._patience)
            return {"cpu_seconds": operator.cpu_seconds(), "peak_mib": operator.peak_bytes() / 2**20}

    def create(self, watched: Watched | None = None) -> Figures:
        """Have new services released and rolled out: first until pods are waited for, then, once they are there, Ready.

        Args:
            watched: to profile it.
        """
        fleet.fill(self.kube, OPERATORS, range(self.services), self._shared)
        began, server = _now(), api_server_cpu(self.cluster)
        with self._operator() as operator, watched(operator.pid) if watched else nullcontext():
            operator.wait(self._all("RollingOut"), "all services roll out", self._patience)
            operator.rest(self._patience)
            created, cpu, server_create = _now(), operator.cpu_seconds(), api_server_cpu(self.cluster)
            create = Requests.of(self.cluster, user(OPERATORS), began, created)
            fleet.roll_out(self.kube, OPERATORS)
            operator.wait(self._all("Serving"), "all services are Ready", self._patience)
            operator.rest(self._patience)
            cpu_end, peak = operator.cpu_seconds(), operator.peak_bytes()
        rollout = Requests.of(self.cluster, user(OPERATORS), created)
        return {
            "services": self.services,
            "create": _stretch(create, server_create - server, cpu),
            "rollout": _stretch(rollout, 0.0, cpu_end - cpu),
            "cpu_seconds": cpu_end,
            "peak_mib": peak / 2**20,
        }

    def restart(self) -> tuple[Figures, Figures]:
        """Start an operator over healthy services, and leave it alone for some resyncs; figures of both."""
        began = _now()
        with self._operator(resync_seconds=str(self.resync_seconds)) as operator:
            looks = partial(operator.metric, "delivery_operator_reconciles_total")
            operator.wait(lambda: looks() >= self.services, "every service looked at", self._patience)
            operator.rest(self._patience)
            restarted, cpu = _now(), operator.cpu_seconds()
            resyncs = partial(operator.metric, "delivery_operator_resyncs_total")
            done = resyncs()
            self._wait_resyncs(operator, resyncs, done + 1)
            idled, cpu_idle = _now(), operator.cpu_seconds()
            self._wait_resyncs(operator, resyncs, done + 1 + RESYNCS)
            ended, cpu_end, peak = _now(), operator.cpu_seconds(), operator.peak_bytes()
        restart = Requests.of(self.cluster, user(OPERATORS), began, restarted)
        idle = Requests.of(self.cluster, user(OPERATORS), idled, ended)
        seconds = (ended - idled).total_seconds()
        standing = len(idle.of_verb("list")) + len(idle.of_verb("watch"))
        return (
            {**_told(restart), "cpu_seconds": cpu, "peak_mib": peak / 2**20},
            {
                **_told(idle),
                "seconds": seconds,
                "resyncs": RESYNCS,
                "lists_of_one_collection": idle.lists_of_one_collection(),
                "other_reads": len(idle.reads) - standing,
                "cpu_seconds_per_resync": (cpu_end - cpu_idle) / RESYNCS,
            },
        )

    def rotate(self) -> Figures:
        """Change Secrets, one at a time and then the shared one: how long until each release is cut."""
        alone = range(max(self._shared, self.services - MOST_SINGLE), self.services)
        with self._operator() as operator:
            operator.rest(self._patience)
            single = [each for number in alone for each in self._changed(fleet.name(number), [number])]
            operator.rest(self._patience)
            shared = self._changed(fleet.SHARED, range(self._shared))
        return {
            "single": {"changes": len(single), **percentiles(single)},
            "shared": {"services": len(shared), **percentiles(shared)},
        }

    def _changed(self, secret: str, users: Iterable[int]) -> list[float]:
        """Seconds from the change of a Secret to the release of each service that uses it."""
        began = _now()
        fleet.change_secret(self.kube, OPERATORS, secret, "second")
        releases = [f"{fleet.name(number)}-r2" for number in users]
        for release in releases:
            found = partial(self.kube.find, "DeliveryRelease", OPERATORS, release)
            wait_for(found, f"release {release}", self._patience)
        told = partial(waited, self.cluster, began, secret, releases)
        return wait_for(told, "the audit log to tell of the releases", self._patience)

    def _operator(self, **settings: str) -> Operator:
        return Operator(self._identities[OPERATORS], OPERATORS, self.folder, workers=str(WORKERS), **settings)

    def _wait_resyncs(self, operator: Operator, resyncs: Callable[[], float], number: float) -> None:
        operator.wait(
            lambda: resyncs() >= number, f"resync {number:.0f}", self._patience + self.resync_seconds * RESYNCS
        )

    def _all(self, reason: str) -> Callable[[], bool]:
        """A look at whether every service's condition Ready has a reason.

        It reads one service after the other, each until it has it. To list them all at each look would take a processor
        of its own, and be measured as the operator's slowness.
        """
        left = [fleet.name(number) for number in range(self.services)]

        def look() -> bool:
            while left and self._reason(left[-1]) == reason:
                left.pop()
            return not left

        return look

    def _reason(self, name: str) -> str | None:
        ready = condition(self.kube.find("DeliveryService", OPERATORS, name), "Ready")
        return ready.get("reason")


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def _told(requests: Requests) -> Figures:
    """Requests by verb and resource."""
    writes, reads = requests.writes, requests.reads
    return {
        "writes": len(writes),
        "writes_by_verb": writes.counts(),
        "events_and_leases": requests.apart.counts(),
        "reads": len(reads),
        "reads_by_verb": reads.counts(),
        "failed": len(requests.failed),
    }


def _stretch(requests: Requests, server_cpu: float, own_cpu: float) -> Figures:
    """Figures of a stretch of work: the time is that of its writes."""
    seconds = requests.writes.seconds()
    return {
        **_told(requests),
        "seconds": seconds,
        "writes_per_second": len(requests.writes) / seconds if seconds else 0.0,
        "cpu_seconds": own_cpu,
        "api_server_cpu_seconds": server_cpu,
    }
