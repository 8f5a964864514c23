"""What a database is asked, seen from here: slow and failed statements in the log, spans, the pool's size (LG-3, PG-8).

Statements are logged, and put into spans, with placeholders and never with what users sent.
"""

from time import perf_counter
from typing import Any, cast

import psycopg
import structlog
from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from prometheus_client import Gauge
from sqlalchemy import event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import QueuePool

log = structlog.get_logger(__name__)

_pool_open = Gauge("db_pool_connections_open", "Database connections, idle and in use")
_pool_used = Gauge("db_pool_connections_in_use", "Database connections in use")


def watch(engine: AsyncEngine, slow_seconds: float) -> None:
    """Make a span of each statement, and log those that take longer than this and those that fail."""
    sync = engine.sync_engine
    tracer = trace.get_tracer("chassis")

    @event.listens_for(sync, "before_cursor_execute")
    def begin(*given: Any) -> None:
        context, query = given[4], _line(given[2])
        attributes = {"db.system": "postgresql", "db.statement": query}
        name = f"postgresql {query.partition(' ')[0]}"
        context.span = tracer.start_span(name, kind=SpanKind.CLIENT, attributes=attributes)
        context.begun_at = perf_counter()

    @event.listens_for(sync, "after_cursor_execute")
    def end(*given: Any) -> None:
        seconds = perf_counter() - given[4].begun_at
        given[4].span.end()
        if seconds > slow_seconds:
            log.warning("slow query", query=_line(given[2]), duration_ms=round(seconds * 1000, 2))

    @event.listens_for(sync, "handle_error")
    def fail(context: ExceptionContext) -> None:
        error = _told(context.original_exception)
        if context.statement:
            log.warning("query failed", query=_line(context.statement), error=error)
        span: Span | None = getattr(context.execution_context, "span", None)
        if span:
            span.set_status(Status(StatusCode.ERROR, error))
            span.end()


def watch_pool(engine: AsyncEngine) -> None:
    """Read the pool's size at each scrape."""
    pool = cast("QueuePool", engine.pool)
    _pool_open.set_function(lambda: pool.checkedin() + pool.checkedout())
    _pool_used.set_function(pool.checkedout)


def _told(error: BaseException) -> str:
    """What the database says, without its details, which quote values."""
    primary = error.diag.message_primary if isinstance(error, psycopg.Error) else None
    return _line(primary or str(error))


def _line(text: str) -> str:
    return " ".join(text.split())
