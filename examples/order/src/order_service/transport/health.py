"""Health as the platform's gRPC probes ask for it (grpc.health.v1).

| service name                | SERVING while                                            | for                     |
|-----------------------------|----------------------------------------------------------|-------------------------|
| `""`                        | the server runs and is not draining                      | any probe, by default   |
| `liveness`                  | the process runs, also while it drains                   | livenessProbe           |
| `readiness`, `OrderService` | as `""`, and the database answers                        | readinessProbe, clients |

Liveness does not look at the database: restarting every pod does not bring a database back.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

import grpc
import structlog
from grpc_health.v1 import health_pb2, health_pb2_grpc
from sqlalchemy.ext.asyncio import AsyncEngine

from order_service import metrics
from order_service.errors import StorageUnavailableError
from order_service.pb.order_service_pb2 import DESCRIPTOR
from order_service.storage.database import ping

log = structlog.get_logger(__name__)

SERVICE_NAME = DESCRIPTOR.services_by_name["OrderService"].full_name
CHECK_INTERVAL_SECONDS = 2.0
_Response = health_pb2.HealthCheckResponse


class Health:
    """Keeps the statuses true."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.servicer = HealthServicer()
        self._engine = engine
        self._ready = True
        self.servicer.set(serving={"": True, "liveness": True})
        self._set_ready(True)

    async def watch_database(self) -> None:
        """Follow the database until cancelled."""
        while True:
            await asyncio.sleep(CHECK_INTERVAL_SECONDS)
            try:
                await ping(self._engine)
            except StorageUnavailableError as error:
                if self._ready:
                    log.error("not ready", error=str(error))  # noqa: TRY400 - the trace says no more
                self._set_ready(False)
            else:
                if not self._ready:
                    log.info("ready again")
                self._set_ready(True)

    def drain(self) -> None:
        """Ask for no more traffic; still alive. The database is not to be watched any more."""
        self.servicer.set(serving={"": False})
        self._set_ready(False)
        self.servicer.end_watches()

    def _set_ready(self, ready: bool) -> None:
        self._ready = ready
        metrics.ready.set(ready)
        self.servicer.set(serving={"readiness": ready, SERVICE_NAME: ready})


class HealthServicer(health_pb2_grpc.HealthServicer):  # type: ignore[misc]  # the package has no types
    """Implements `grpc.health.v1.Health`.

    The one in grpc_health never ends a Watch: each open stream would hold up the drain to its last second.
    """

    def __init__(self) -> None:
        self._statuses: dict[str, int] = {}
        self._changed = asyncio.Event()
        self._ended = False

    def set(self, serving: Mapping[str, bool]) -> None:
        """Change statuses and tell the watchers."""
        self._statuses |= {name: _Response.SERVING if is_ else _Response.NOT_SERVING for name, is_ in serving.items()}
        self._tell()

    def end_watches(self) -> None:
        """End every stream, after its last status."""
        self._ended = True
        self._tell()

    async def Check(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Answer with the status now."""
        status = self._statuses.get(request.service)
        if status is None:
            await context.abort(grpc.StatusCode.NOT_FOUND, f"unknown service {request.service!r}")
        return _Response(status=status)

    async def Watch(self, request: Any, context: Any) -> None:  # noqa: N802
        """Send the status now and at each change."""
        sent = None
        while True:
            changed = self._changed
            status = self._statuses.get(request.service, _Response.SERVICE_UNKNOWN)
            if status != sent:
                await context.write(_Response(status=status))
                sent = status
            elif self._ended:
                return
            else:
                await changed.wait()

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
