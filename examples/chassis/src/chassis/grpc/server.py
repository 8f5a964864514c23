"""Answering gRPC until told to stop, and leaving without the clients noticing.

gRPC's own shutdown cancels calls that arrive before the client has read the GOAWAY, and calls that wait in its queue.
The GOAWAY of a connection that reaches its maximum age does not: the server goes on answering until the client has
moved. So connections are short-lived, and a drain first lets them all reach that age (the platform sends new ones
elsewhere by then), and stops the server when none is left.
"""

import asyncio
import contextlib
from collections.abc import Callable

import grpc
import psutil
import structlog
from grpc_health.v1 import health_pb2_grpc

from chassis.errors import CommandError
from chassis.grpc.health import HealthServicer
from chassis.grpc.interceptor import CallInterceptor
from chassis.readiness import Readiness
from chassis.settings import ServiceSettings
from chassis.shutdown import Shutdown, linger_seconds, request_timeout_seconds

log = structlog.get_logger(__name__)

_POLL_SECONDS = 0.1


def max_connection_age_seconds(settings: ServiceSettings) -> float:
    """Short enough for every connection to have been renewed, elsewhere, well within the linger."""
    return linger_seconds(settings) * 0.6


class Server:
    """A gRPC server with health checks and the interceptor."""

    def __init__(self, settings: ServiceSettings, service: str, full_name: str, readiness: Readiness) -> None:
        """Make it; it does not listen yet.

        Args:
            settings: how long it may take, and how long the drain is.
            service: its name in the metrics, such as `order_service`.
            full_name: of the gRPC service, such as `shop.order.v1.OrderService`.
            readiness: what the health statuses follow.
        """
        timeout = request_timeout_seconds(settings)
        self._settings = settings
        self._readiness = readiness
        self._health = HealthServicer(full_name, readiness)
        self._server = grpc.aio.server(
            interceptors=[CallInterceptor(service, timeout, settings.slow_seconds)], options=_options(settings)
        )
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)

    def add(self, add_to_server: Callable[[grpc.aio.Server], None]) -> None:
        """Add a service, by the function that protoc makes for it."""
        add_to_server(self._server)

    async def serve(self, port: int, shutdown: Shutdown, **told: object) -> None:
        """Listen and answer until told to stop; then drain.

        Args:
            port: 0 takes a free one and logs it.
            shutdown: when to stop.
            told: what else the log line of the start says.

        Raises:
            CommandError: the port is taken.
        """
        try:
            taken = self._server.add_insecure_port(f"[::]:{port}")
        except RuntimeError:
            raise CommandError(f"cannot listen on port {port}: it is in use or not permitted") from None
        await self._server.start()
        log.info("serving", port=taken, **told)
        await shutdown.wait()

        log.info("draining", limit_seconds=self._settings.shutdown_drain_seconds)
        self._readiness.drain()
        self._health.drain()
        await _clients_left(taken, linger_seconds(self._settings))
        await self._server.stop(grace=request_timeout_seconds(self._settings))


async def _clients_left(port: int, limit_seconds: float) -> None:
    """Wait until nobody is connected to the port."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(limit_seconds):
            while _connected(port):  # noqa: ASYNC110 - gRPC has no event for it
                await asyncio.sleep(_POLL_SECONDS)


def _connected(port: int) -> bool:
    connections = psutil.Process().net_connections("tcp")
    return any(c.laddr.port == port and c.status == psutil.CONN_ESTABLISHED for c in connections)


def _options(settings: ServiceSettings) -> list[tuple[str, int]]:
    return [
        ("grpc.so_reuseport", 0),  # a second server on the port is an error, not a silent half of the traffic
        ("grpc.max_connection_age_ms", round(max_connection_age_seconds(settings) * 1000)),
        # After that age a connection only finishes its calls; every one of them has its own, shorter limit.
        ("grpc.max_connection_age_grace_ms", round(settings.shutdown_drain_seconds * 1000)),
        ("grpc.keepalive_time_ms", 60_000),  # notices clients that vanished
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.min_ping_interval_without_data_ms", 10_000),  # what clients may send us
    ]
