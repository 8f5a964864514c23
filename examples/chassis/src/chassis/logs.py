"""Logs: one JSON object per line on stdout, from our code and from libraries (F11, LG); the platform takes them there.

Every line that is written while a request or a message is handled has its `trace_id`, and whatever else has been bound
with `structlog.contextvars`, such as `request_id` and `user_id`.
"""

import logging
import sys
from collections.abc import Iterable

import structlog
from opentelemetry import trace
from structlog.typing import EventDict, Processor, WrappedLogger

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
_FIRST = ("timestamp", "level", "message")
_MASK = "***"
_SHORTEST_MASKED = 6  # anything shorter would garble ordinary words
# What these libraries say at info is said by the services themselves, or by nobody.
_TALKATIVE = ("alembic", "httpx", "opentelemetry", "uvicorn")


def configure(level: str, secrets: Iterable[str] = ()) -> None:
    """Send structlog's and the standard library's records to stdout.

    Args:
        level: debug, info, warning or error; anything else is a warning, and info (F11-5).
        secrets: values that are masked wherever they appear in a line.
    """
    known = _LEVELS.get(level.lower())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        structlog.processors.EventRenamer("message"),
        _with_trace,
        _name_stack_trace,
    ]
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(), *shared],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _masked(tuple(secrets)),
                _in_order,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=known or logging.INFO, force=True)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.NOTSET if known == logging.DEBUG else logging.WARNING)
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    if known is None:
        structlog.get_logger(__name__).warning(
            "unknown LOG_LEVEL, using info", log_level=level, known=", ".join(_LEVELS)
        )


def mask(text: str, secrets: Iterable[str]) -> str:
    """Hide secrets in a text: the last guard, for a driver or a library that quotes what it was given."""
    for secret in secrets:
        if len(secret) >= _SHORTEST_MASKED:
            text = text.replace(secret, _MASK)
    return text


def _with_trace(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        event["trace_id"] = trace.format_trace_id(context.trace_id)
    return event


def _name_stack_trace(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    if "exception" in event:
        event["stack_trace"] = event.pop("exception")
    return event


def _in_order(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """What every line has comes first: people read logs too."""
    return {key: event[key] for key in _FIRST if key in event} | dict(event)


def _masked(secrets: tuple[str, ...]) -> Processor:
    def process(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        return {key: mask(value, secrets) if isinstance(value, str) else value for key, value in event.items()}

    return process
