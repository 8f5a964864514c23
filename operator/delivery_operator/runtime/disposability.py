"""Counts how pods start and end, and logs each that did not end well (factor IX)."""

from dataclasses import dataclass

import structlog

from delivery_operator.api.status import ShutdownResult
from delivery_operator.cluster.store import Body, service_key
from delivery_operator.engine.endings import Ending
from delivery_operator.runtime.metrics import Metrics

log = structlog.get_logger(__name__)


@dataclass
class Tally:
    """Counts each pod once in the life of this process.

    Attributes:
        counting: whether to: of several replicas the leader does, or a sum over them would be too high.
    """

    metrics: Metrics
    counting: bool = False

    def began(self, pod: Body, seconds: float) -> None:
        """Count a pod that has become ready."""
        if self.counting:
            self.metrics.pod_starts.labels(pod["metadata"]["namespace"]).observe(seconds)

    def ended(self, pod: Body, ending: Ending) -> None:
        """Count a pod that is gone, and name it in the log when it was killed or failed."""
        if not self.counting:
            return
        namespace = pod["metadata"]["namespace"]
        result = ending.result.lower() if ending.result else "unknown"
        self.metrics.pod_shutdowns.labels(namespace, result).inc()
        if ending.seconds is not None:
            self.metrics.pod_stops.labels(namespace).observe(ending.seconds)
        if ending.result in {ShutdownResult.KILLED, ShutdownResult.FAILED}:
            key = service_key(pod)
            log.warning(
                "pod did not end well",
                namespace=namespace,
                service=key[1] if key else None,
                process=ending.process,
                release_number=ending.release,
                pod=pod["metadata"]["name"],
                result=result,
                exit_code=ending.exit_code,
                seconds=ending.seconds,
                grace_seconds=ending.grace,
            )
