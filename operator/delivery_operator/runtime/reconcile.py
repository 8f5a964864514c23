"""One reconcile: observe, decide, act, until there is nothing left to write (invariant 1)."""

import asyncio
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

import structlog

from delivery_operator.api.environment import KIND as ENVIRONMENT_KIND
from delivery_operator.api.release import KIND as RELEASE_KIND
from delivery_operator.api.service import KIND as SERVICE_KIND
from delivery_operator.api.task import KIND as TASK_KIND
from delivery_operator.cluster.act import Actor, WriteRefused
from delivery_operator.cluster.environments import Environments
from delivery_operator.cluster.errors import ApiError, Terminating, Unavailable, WebhookFailed
from delivery_operator.cluster.observe import Observer
from delivery_operator.cluster.reach import Reach
from delivery_operator.cluster.store import ServiceKey, Store
from delivery_operator.engine import environment, locks, tasks
from delivery_operator.engine.decide import decide
from delivery_operator.engine.drift import Drift
from delivery_operator.engine.objects import Key
from delivery_operator.engine.plan import Apply, Create, Plan, SetStatus, Write
from delivery_operator.engine.snapshot import Refusal
from delivery_operator.runtime.metrics import Metrics
from delivery_operator.runtime.queue import MOST_SECONDS, Queue

log = structlog.get_logger(__name__)

MOST_PLANS: Final = 25
"""Plans in one reconcile; a service that wants more is not coming to rest, which is a bug."""


PATIENCE: Final = 2
"""Failures in a row, about two seconds, before it is told in the status that something of others does not answer."""


class NotConverging(Exception):
    """Plan after plan wants writes: something else keeps changing them back, or we render what cannot be kept."""


@dataclass(frozen=True)
class Reconciler:
    """Takes keys from the queue and brings their services in line."""

    store: Store
    observer: Observer
    environments: Environments
    actor: Actor
    queue: Queue
    metrics: Metrics
    reach: Reach

    async def work(self) -> None:
        """Be one worker: reconcile key after key until the queue is closed."""
        while (key := await self.queue.get()) is not None:
            started = time.monotonic()
            with structlog.contextvars.bound_contextvars(
                namespace=key[0], service=key[1], reconcile=uuid.uuid4().hex[:12]
            ):
                try:
                    await self._reconcile_or_retry(key)
                finally:
                    self.queue.done(key)
                    self.metrics.duration.observe(time.monotonic() - started)

    async def _reconcile_or_retry(self, key: ServiceKey) -> None:
        try:
            async with asyncio.timeout(MOST_SECONDS):
                again = await (self.reconcile(key) if key[0] else self.reconcile_environment(key[1]))
        except WriteRefused as error:
            delay = self.queue.add_failed(key)
            self.metrics.reconciles.labels("refused").inc()
            log.error(  # noqa: TRY400 the API server said why; a traceback of ours adds nothing
                "write refused", what=" ".join(error.target), error=str(error.error), retry_seconds=round(delay, 1)
            )
        except ApiError as error:
            wait = (error.retry_after or 0.0) if isinstance(error, Unavailable) else 0.0
            delay = self.queue.add_failed(key, wait)
            self.metrics.reconciles.labels("retry").inc()
            log.warning("api server did not serve a request", error=str(error), retry_seconds=round(delay, 1))
        except TimeoutError:
            # What is done is done; it goes on from there, after others have had their turn.
            delay = self.queue.add_failed(key)
            self.metrics.reconciles.labels("retry").inc()
            log.warning("reconcile took too long", seconds=MOST_SECONDS, retry_seconds=round(delay, 1))
        except Exception:
            # A bug in one service's reconcile must not end the operator for all others (invariant 10).
            delay = self.queue.add_failed(key)
            self.metrics.reconciles.labels("bug").inc()
            log.exception("reconcile failed", retry_seconds=round(delay, 1))
        else:
            self.queue.succeeded(key)
            self.metrics.reconciles.labels("done").inc()
            if again is not None:
                self.queue.add_after(key, again)

    async def reconcile(self, key: ServiceKey) -> float | None:
        """Bring one service in line as far as can be now.

        Returns:
            Seconds after which to look again, or None when events suffice.

        Raises:
            WriteRefused: the API server will not take a write; the status says so.
            ApiError: it could not be asked.
            NotConverging: a bug.
        """
        if not self.reach.covers(key[0]):
            return None  # what is known of it is old, or not all there is: the next LIST of it names the service again
        for _ in range(MOST_PLANS):
            self.queue.looking(key)
            snapshot = await self.observer.observe(key, patient=self.queue.failures(key) < PATIENCE)
            if snapshot is None:
                return await self._without_service(key)
            plan = decide(snapshot)
            if not plan.writes:
                self.store.lifetimes.told(key, snapshot.shutdowns)
                return plan.look_again_after
            try:
                made = await self.actor.act(key, plan)
            except WriteRefused as refused:
                self._tell(refused.made)
                if isinstance(refused.error, Terminating):
                    return None
                if isinstance(refused.error, WebhookFailed) and self.queue.failures(key) < PATIENCE:
                    raise  # one that is being restarted is back in a moment: no reason to tell anybody
                await self._beside(key, refused)
                raise
            self._tell(made)
            if _only_told(plan, made):
                self.store.lifetimes.told(key, snapshot.shutdowns)
                return plan.look_again_after
        raise NotConverging(f"{MOST_PLANS} plans in a row; the last wanted: {_summary(plan)}")

    async def _beside(self, key: ServiceKey, refused: WriteRefused) -> None:
        """Tell what the API server refused, and do what does not wait for it, of which it may refuse something, too."""
        refusals: dict[Key, Refusal] = {}
        while refused.target not in refusals:
            refusals[refused.target] = Refusal(refused.target, refused.error.message)
            snapshot = await self.observer.observe(key, patient=False)
            if snapshot is None:
                return
            try:
                self._tell(await self.actor.act(key, decide(replace(snapshot, refusals=[*refusals.values()]))))
            except WriteRefused as another:
                self._tell(another.made)
                refused = another
            else:
                return

    async def reconcile_environment(self, name: str) -> float | None:
        """Look at an environment: load its templates, have its services looked at if they changed, write its status.

        Services whose turn it is to take new templates are looked at too: they read it in that status.

        Returns:
            Seconds after which to look again, or None when events suffice.

        Raises:
            WriteRefused: the API server will not take the status.
            ApiError: it could not be asked.
        """
        body = self.store.get(ENVIRONMENT_KIND, "", name)
        if body is None:
            self.environments.forget(name)
            return None
        if not self.environments.speaks_for(name):
            return None
        spec = environment.read(body)
        if isinstance(spec, str):
            await self.actor.act(("", name), environment.decide(body, spec, None, datetime.now(UTC)))
            return None
        if await self.environments.refresh(name, spec):
            for service in self.store.in_environment(name):
                self.queue.add(service)
        templates, fleet = self.environments.templates(name), await self.environments.fleet(name, spec)
        plan = environment.decide(body, templates, fleet, datetime.now(UTC))
        if await self.actor.act(("", name), plan):
            for service in environment.named(plan):
                self.queue.add(service)
        return plan.look_again_after

    async def _without_service(self, key: ServiceKey) -> float | None:
        """Look at what a service has left behind that does not exist: tasks that name it, Leases it held."""
        for _ in range(MOST_PLANS):
            chores = tasks.without_service(self.observer.tasks_without_service(key), datetime.now(UTC))
            writes = (*chores.writes, *locks.without_service(self.observer.locks_without_service(key)))
            if not writes:
                return chores.look_again_after
            await self.actor.act(key, Plan(writes))
        raise NotConverging(f"{MOST_PLANS} plans in a row for what a service has left that does not exist")

    def _tell(self, made: Sequence[Write]) -> None:
        """Log and count what was done to releases."""
        for write in made:
            match write:
                case Create(manifest) if manifest["kind"] == RELEASE_KIND:
                    self.metrics.releases.labels("cut").inc()
                    log.info("release cut", release=manifest["metadata"]["name"], image=manifest["spec"]["image"])
                case SetStatus(target, status) if target["kind"] == RELEASE_KIND:
                    before = target.get("status") or {}
                    phase = status["phase"].lower()
                    if status["phase"] != before.get("phase"):
                        self.metrics.releases.labels(phase).inc()
                        log.info(
                            "release phase changed",
                            release=target["metadata"]["name"],
                            phase=phase,
                            reason=status.get("reason"),
                        )
                    result = (status.get("migration") or {}).get("result")
                    if result and result != (before.get("migration") or {}).get("result"):
                        self.metrics.migrations.labels(result.lower()).inc()
                case SetStatus(target, status) if target["kind"] == TASK_KIND:
                    self._tell_of_task(target["metadata"]["name"], target.get("status") or {}, status)
                case Apply(drift=Drift() as drift) | Create(drift=Drift() as drift):
                    self._tell_of_drift(drift)
                case _:
                    pass

    def _tell_of_drift(self, drift: Drift) -> None:
        kind, name = drift.key
        self.metrics.drift_repairs.labels(kind).inc()
        log.warning("drift repaired", kind=kind, name=name, changes=[vars(each) for each in drift.changes] or "deleted")

    def _tell_of_task(self, name: str, before: Mapping[str, Any], status: Mapping[str, Any]) -> None:
        phase = status["phase"].lower()
        if status["phase"] != before.get("phase"):
            self.metrics.tasks.labels(phase).inc()
            log.info("task phase changed", task=name, phase=phase, reason=status.get("reason"))


def _only_told(plan: Plan, made: Sequence[Write]) -> bool:
    """Whether the world was as it should be and the status says so now: another look would find nothing to write."""
    return len(made) == len(plan.writes) and all(
        isinstance(write, SetStatus) and write.target["kind"] == SERVICE_KIND for write in made
    )


def _summary(plan: Plan) -> str:
    return ", ".join(
        f"{type(write).__name__} {(write.manifest if hasattr(write, 'manifest') else write.target)['kind']}"
        for write in plan.writes
    )
