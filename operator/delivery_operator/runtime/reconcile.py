"""One reconcile: observe, decide, act, until there is nothing left to write (invariant 1)."""

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import structlog

from delivery_operator.api.release import KIND as RELEASE_KIND
from delivery_operator.cluster.act import Actor, WriteRefused
from delivery_operator.cluster.errors import ApiError, Terminating, Unavailable
from delivery_operator.cluster.observe import observe
from delivery_operator.cluster.referenced import Referenced
from delivery_operator.cluster.store import ServiceKey, Store
from delivery_operator.engine.decide import decide
from delivery_operator.engine.plan import Create, Plan, SetStatus, Write
from delivery_operator.engine.snapshot import Refusal
from delivery_operator.render.bundle import Bundle
from delivery_operator.runtime.metrics import Metrics
from delivery_operator.runtime.queue import Queue

log = structlog.get_logger(__name__)

MOST_PLANS: Final = 25
"""Plans in one reconcile; a service that wants more is not coming to rest, which is a bug."""


class NotConverging(Exception):
    """Plan after plan wants writes: something else keeps changing them back, or we render what cannot be kept."""


@dataclass(frozen=True)
class Reconciler:
    """Takes keys from the queue and brings their services in line."""

    store: Store
    referenced: Referenced
    actor: Actor
    bundle: Bundle
    queue: Queue
    metrics: Metrics

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
            again = await self.reconcile(key)
        except WriteRefused as error:
            delay = self.queue.add_failed(key)
            self.metrics.reconciles.labels("refused").inc()
            log.error(  # noqa: TRY400 the API server said why; a traceback of ours adds nothing
                "write refused", what=error.what, error=str(error.error), retry_seconds=round(delay, 1)
            )
        except ApiError as error:
            wait = (error.retry_after or 0.0) if isinstance(error, Unavailable) else 0.0
            delay = self.queue.add_failed(key, wait)
            self.metrics.reconciles.labels("retry").inc()
            log.warning("api server did not serve a request", error=str(error), retry_seconds=round(delay, 1))
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
        for _ in range(MOST_PLANS):
            snapshot = await observe(key, self.store, self.referenced, self.bundle)
            if snapshot is None:
                return None
            plan = decide(snapshot)
            if not plan.writes:
                return plan.look_again_after
            try:
                made = await self.actor.act(key, plan)
            except WriteRefused as refused:
                if isinstance(refused.error, Terminating):
                    return None
                refusal = Refusal(refused.what, refused.error.message)
                await self.actor.act(key, decide(replace(snapshot, refusal=refusal)))
                raise
            self._tell(made)
        raise NotConverging(f"{MOST_PLANS} plans in a row; the last wanted: {_summary(plan)}")

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
                case _:
                    pass


def _summary(plan: Plan) -> str:
    return ", ".join(
        f"{type(write).__name__} {(write.manifest if hasattr(write, 'manifest') else write.target)['kind']}"
        for write in plan.writes
    )
