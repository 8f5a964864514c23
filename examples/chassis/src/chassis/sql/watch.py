"""What a database is asked, seen from here: slow and failed statements in the log, spans, the pool's size (LG-3, PG-8).

Statements are logged with placeholders and never with what users sent.
"""

from time import perf_counter
from typing import Any, cast

import structlog
from prometheus_client import Gauge
from sqlalchemy import event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import QueuePool

log = structlog.get_logger(__name__)

_pool_open = Gauge("db_pool_connections_open", "Database connections, idle and in use")
_pool_used = Gauge("db_pool_connections_in_use", "Database connections in use")


def watch(engine: AsyncEngine, slow_seconds: float, *, traced: bool) -> None:
    """Log, and make spans if they go anywhere."""
    sync = engine.sync_engine

    @event.listens_for(sync, "before_cursor_execute")
    def begin(*given: Any) -> None:
        given[4].begun_at = perf_counter()

    @event.listens_for(sync, "after_cursor_execute")
    def end(*given: Any) -> None:
        seconds = perf_counter() - given[4].begun_at
        if seconds > slow_seconds:
            log.warning("slow query", query=_line(given[2]), duration_ms=round(seconds * 1000, 2))

    @event.listens_for(sync, "handle_error")
    def fail(context: ExceptionContext) -> None:
        if context.statement:
            log.warning("query failed", query=_line(context.statement), error=_line(str(context.original_exception)))

    if traced:
        # Takes time to import: only where it is used.
        from opentelemetry.instrumentation.sqlalchemy import SQLAlchemyInstrumentor  # noqa: PLC0415

        SQLAlchemyInstrumentor().instrument(engine=sync)


def watch_pool(engine: AsyncEngine) -> None:
    """Read the pool's size at each scrape."""
    pool = cast("QueuePool", engine.pool)
    _pool_open.set_function(lambda: pool.checkedin() + pool.checkedout())
    _pool_used.set_function(pool.checkedout)


def _line(text: str) -> str:
    return " ".join(text.split())
