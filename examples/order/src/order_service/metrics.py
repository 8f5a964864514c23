"""Metrics of the process, served for Prometheus on a port of their own."""

from typing import cast

from prometheus_client import Counter, Gauge, Histogram, start_http_server
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import QueuePool

SERVICE = "order_service"

requests = Counter("grpc_requests", "gRPC requests answered", ["service", "method", "code"])
latency = Histogram(
    "grpc_request_duration_seconds",
    "Time from a gRPC request to its answer",
    ["service", "method"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.08, 0.15, 0.3, 0.6, 1.2, 2.5, 5, 10),
)
ready = Gauge("order_ready", "1 while the database answers and the process is not draining")
_pool_open = Gauge("db_pool_connections_open", "Database connections, idle and in use")
_pool_used = Gauge("db_pool_connections_in_use", "Database connections in use")


def serve(port: int) -> None:
    """Answer GET /metrics from a thread of its own."""
    start_http_server(port)


def watch_pool(engine: AsyncEngine) -> None:
    """Read the pool's size at each scrape."""
    pool = cast("QueuePool", engine.pool)
    _pool_open.set_function(lambda: pool.checkedin() + pool.checkedout())
    _pool_used.set_function(pool.checkedout)
