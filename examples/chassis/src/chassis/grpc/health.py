"""Health as the platform's gRPC probes ask for it (grpc.health.v1).

| service name              | SERVING while                                            | for                     |
|---------------------------|----------------------------------------------------------|-------------------------|
| `""`                      | the server runs and is not draining                      | any probe, by default   |
| `liveness`                | the process runs, also while it drains                   | livenessProbe           |
| `readiness`, the service's | as `""`, and what it needs answers                      | readinessProbe, clients |

Liveness does not look at a database: restarting every pod does not bring it back.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from chassis.readiness import Readiness

_Response = health_pb2.HealthCheckResponse


class HealthServicer(health_pb2_grpc.HealthServicer):  # type: ignore[misc]  # the package has no types
    """Implements `grpc.health.v1.Health`.

    The one in grpc_health never ends a Watch: each open stream would hold up the drain to its last second.
    """

    def __init__(self, service: str, readiness: Readiness) -> None:
        """Follow a readiness.

        Args:
            service: the full name of the gRPC service, such as `shop.order.v1.OrderService`.
            readiness: what the statuses follow.
        """
        self._statuses: dict[str, int] = {}
        self._changed = asyncio.Event()
        self._ended = False
        self._set({"": True, "liveness": True})
        readiness.tell(lambda ready: self._set({"readiness": ready, service: ready}))

    def drain(self) -> None:
        """Ask for no more traffic, and end every Watch after its last status; still alive."""
        self._ended = True
        self._set({"": False})

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

    def _set(self, serving: Mapping[str, bool]) -> None:
        self._statuses |= {name: _Response.SERVING if is_ else _Response.NOT_SERVING for name, is_ in serving.items()}
        self._changed.set()
        self._changed = asyncio.Event()
