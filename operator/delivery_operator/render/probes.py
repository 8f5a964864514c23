"""How the kubelet asks a process whether it started, serves and lives (F7-2, F7-6, F9-1); never by exec (F2-5)."""

from dataclasses import dataclass
from typing import Any, Final

from delivery_operator.api.process import Probe, Probes, Process, Protocol


@dataclass(frozen=True)
class Defaults:
    """What a probe has where the service says nothing; seconds, but for the threshold."""

    path: str
    period: int
    timeout: int
    threshold: int


DEFAULTS: Final = {
    "startup": Defaults("/healthz", period=1, timeout=1, threshold=120),
    "readiness": Defaults("/readyz", period=5, timeout=2, threshold=2),
    "liveness": Defaults("/healthz", period=10, timeout=2, threshold=3),
}


def probes(process: Process) -> dict[str, dict[str, Any] | None]:
    """Build the probes by name; None for one that is off, and all None for a worker that names no port."""
    wanted = process.probes or Probes()
    port = wanted.port or (process.port.number if process.port else None)
    if port is None:
        return dict.fromkeys(DEFAULTS)
    protocol = wanted.protocol or (process.port.protocol if process.port and not wanted.port else Protocol.HTTP)
    return {name: _probe(getattr(wanted, name), defaults, port, protocol) for name, defaults in DEFAULTS.items()}


def _probe(probe: Probe, defaults: Defaults, port: int, protocol: Protocol) -> dict[str, Any] | None:
    if not probe.enabled:
        return None
    if protocol is Protocol.HTTP:
        action: dict[str, Any] = {"httpGet": {"path": probe.path or defaults.path, "port": port}}
    elif protocol is Protocol.GRPC:
        action = {"grpc": {"port": port, **({"service": probe.service} if probe.service else {})}}
    else:
        action = {"tcpSocket": {"port": port}}
    return {
        **action,
        "periodSeconds": probe.period_seconds or defaults.period,
        "timeoutSeconds": probe.timeout_seconds or defaults.timeout,
        "failureThreshold": probe.failure_threshold or defaults.threshold,
    }
