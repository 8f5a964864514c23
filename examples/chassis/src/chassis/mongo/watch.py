"""What MongoDB is asked, seen from here: spans, slow and failed commands in the log, times and the pool (LG-3, OB-6).

Commands are logged by their shape, with `?` for each value: what users sent is in neither the log nor the spans. So is
the text of MongoDB's errors left out, which quotes values; the name of the error is there.
"""

import json
from collections.abc import Mapping
from typing import Any

import structlog
from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from prometheus_client import Gauge, Histogram
from pymongo import monitoring

from chassis.metrics import LATENCY_SECONDS

log = structlog.get_logger(__name__)

_latency = Histogram("mongo_command_duration_seconds", "Time that MongoDB took", ["command"], buckets=LATENCY_SECONDS)
_pool_open = Gauge("mongo_pool_connections_open", "Connections to MongoDB, idle and in use")
_pool_used = Gauge("mongo_pool_connections_in_use", "Connections to MongoDB in use")

# What the driver adds to each command.
_ENVELOPE = frozenset({"$db", "$clusterTime", "$readPreference", "lsid", "maxTimeMS", "ordered", "txnNumber"})


class Commands(monitoring.CommandListener):
    """Follows each command from its sending to its answer."""

    def __init__(self, slow_seconds: float) -> None:
        """Log what takes longer as slow."""
        self._slow = slow_seconds
        self._running: dict[int, tuple[Mapping[str, Any], Span]] = {}
        self._tracer = trace.get_tracer("chassis")

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        """Begin its span."""
        attributes = {"db.system": "mongodb", "db.name": event.database_name, "db.operation": event.command_name}
        name = f"mongo {event.command_name}"
        if isinstance(collection := event.command.get(event.command_name), str):
            name = f"{name} {collection}"
        span = self._tracer.start_span(name, kind=SpanKind.CLIENT, attributes=attributes)
        self._running[event.request_id] = event.command, span

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        """End it."""
        command, span = self._end(event)
        milliseconds = event.duration_micros / 1000
        if milliseconds > self._slow * 1000:
            log.warning("slow command", query=shape(event.command_name, command), duration_ms=round(milliseconds, 2))
        span.end()

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        """End it with what went wrong."""
        command, span = self._end(event)
        error = _name(event.failure)
        log.warning("command failed", query=shape(event.command_name, command), error=error)
        span.set_status(Status(StatusCode.ERROR, error))
        span.end()

    def _end(
        self, event: monitoring.CommandSucceededEvent | monitoring.CommandFailedEvent
    ) -> tuple[Mapping[str, Any], Span]:
        _latency.labels(event.command_name).observe(event.duration_micros / 1_000_000)
        return self._running.pop(event.request_id, ({}, trace.INVALID_SPAN))


class Pool(monitoring.ConnectionPoolListener):
    """Counts connections."""

    def connection_created(self, _event: monitoring.ConnectionCreatedEvent) -> None:
        """Count it, also while it is being made."""
        _pool_open.inc()

    def connection_closed(self, _event: monitoring.ConnectionClosedEvent) -> None:
        """Count it no more."""
        _pool_open.dec()

    def connection_checked_out(self, _event: monitoring.ConnectionCheckedOutEvent) -> None:
        """Count it as in use."""
        _pool_used.inc()

    def connection_checked_in(self, _event: monitoring.ConnectionCheckedInEvent) -> None:
        """Count it as idle."""
        _pool_used.dec()

    def connection_ready(self, event: monitoring.ConnectionReadyEvent) -> None:
        """Say nothing."""

    def connection_check_out_started(self, event: monitoring.ConnectionCheckOutStartedEvent) -> None:
        """Say nothing."""

    def connection_check_out_failed(self, event: monitoring.ConnectionCheckOutFailedEvent) -> None:
        """Say nothing: whoever asked says it."""

    def pool_created(self, event: monitoring.PoolCreatedEvent) -> None:
        """Say nothing."""

    def pool_ready(self, event: monitoring.PoolReadyEvent) -> None:
        """Say nothing."""

    def pool_cleared(self, event: monitoring.PoolClearedEvent) -> None:
        """Say nothing."""

    def pool_closed(self, event: monitoring.PoolClosedEvent) -> None:
        """Say nothing."""


def shape(name: str, command: Mapping[str, Any]) -> str:
    """A command without its values, such as `{"find": "users", "filter": {"email": "?"}}`."""
    told: dict[str, Any] = {name: command.get(name, "?")}
    told |= {key: _masked(value) for key, value in command.items() if key != name and key not in _ENVELOPE}
    return json.dumps(told, default=str)


def _masked(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _masked(each) for key, each in value.items()}
    if isinstance(value, list | tuple):  # of many alike, one shows what they are
        return [_masked(each) for each in value[:1]]
    return "?"


def _name(failure: Mapping[str, Any]) -> str:
    if "code" in failure:  # MongoDB's own word
        return f"{failure.get('codeName', 'error')} ({failure['code']})"
    return f"{failure.get('errtype', 'error')}: {failure.get('errmsg', '')}"  # the driver's: no answer came
