"""The process `web`: answers gRPC until it is told to stop, then leaves without its clients noticing.

gRPC's own shutdown cancels calls that arrive before the client has read the GOAWAY, and calls that wait in its queue.
The GOAWAY of a connection that reaches its maximum age does not: the server goes on answering until the client has
moved. So connections are short-lived, and a drain first lets them all reach that age (the platform sends new ones
elsewhere by then), and stops the server when none is left.
"""

import asyncio
import contextlib
import signal

import grpc
import psutil
import structlog
from grpc_health.v1 import health_pb2_grpc

from order_service import metrics
from order_service.errors import CommandError, StorageUnavailableError
from order_service.pb.order_service_pb2_grpc import add_OrderServiceServicer_to_server
from order_service.service import Orders
from order_service.settings import Settings
from order_service.storage.database import create_engine, ping
from order_service.storage.repository import PostgresOrderRepository
from order_service.transport.health import Health
from order_service.transport.interceptor import CallInterceptor
from order_service.transport.servicer import OrderServicer

log = structlog.get_logger(__name__)

_POLL_SECONDS = 0.1


async def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        CommandError: the database does not answer at the start, or a port is taken.
    """
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)

    engine = create_engine(settings, "order-web")
    try:
        try:
            await ping(engine)
        except StorageUnavailableError as error:
            raise CommandError(f"no database: {error}") from error
        _serve_metrics(settings.metrics_port)
        metrics.watch_pool(engine)
        await _serve(settings, Health(engine), Orders(PostgresOrderRepository(engine)), stop)
    finally:
        await engine.dispose()
    log.info("stopped")


async def _serve(settings: Settings, health: Health, orders: Orders, stop: asyncio.Event) -> None:
    server = grpc.aio.server(
        interceptors=[CallInterceptor(settings.request_timeout_seconds)], options=_options(settings)
    )
    add_OrderServiceServicer_to_server(OrderServicer(orders), server)
    health_pb2_grpc.add_HealthServicer_to_server(health.servicer, server)
    try:
        port = server.add_insecure_port(f"[::]:{settings.port}")
    except RuntimeError:
        raise CommandError(f"cannot listen on port {settings.port}: it is in use or not permitted") from None

    await server.start()
    log.info("serving", port=port, metrics_port=settings.metrics_port)
    watching = asyncio.create_task(health.watch_database())
    await stop.wait()

    log.info("draining", limit_seconds=settings.shutdown_drain_seconds)
    watching.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await watching
    health.drain()
    await _clients_left(port, settings.linger_seconds)
    await server.stop(grace=settings.request_timeout_seconds)


async def _clients_left(port: int, limit_seconds: float) -> None:
    """Wait until nobody is connected to the port."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(limit_seconds):
            while _connected(port):  # noqa: ASYNC110 - gRPC has no event for it
                await asyncio.sleep(_POLL_SECONDS)


def _connected(port: int) -> bool:
    connections = psutil.Process().net_connections("tcp")
    return any(c.laddr.port == port and c.status == psutil.CONN_ESTABLISHED for c in connections)


def _serve_metrics(port: int) -> None:
    try:
        metrics.serve(port)
    except OSError as error:
        raise CommandError(f"cannot serve metrics on port {port}: {error.strerror}") from error


def _options(settings: Settings) -> list[tuple[str, int]]:
    return [
        ("grpc.so_reuseport", 0),  # a second server on the port is an error, not a silent half of the traffic
        ("grpc.max_connection_age_ms", round(settings.max_connection_age_seconds * 1000)),
        # After that age a connection only finishes its calls; every one of them has its own, shorter limit.
        ("grpc.max_connection_age_grace_ms", round(settings.shutdown_drain_seconds * 1000)),
        ("grpc.keepalive_time_ms", 60_000),  # notices clients that vanished
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.min_ping_interval_without_data_ms", 10_000),  # what clients may send us
    ]
