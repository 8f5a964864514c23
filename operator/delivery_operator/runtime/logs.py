"""JSON logs on stdout, one event a line (factor XI); kopf's and everybody else's through the same door."""

import logging
import sys

import structlog

from delivery_operator.runtime.settings import LogLevel

_QUIET = ("kopf", "aiohttp.access", "asyncio", "kubernetes", "aiohttp_retry")


def configure(level: LogLevel) -> None:
    """Send every log event to stdout as JSON: level, event, logger, timestamp (RFC 3339) and what the caller adds."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.EventRenamer("message"),  # the name the services' logs have, too
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for name in _QUIET:
        # What they say at info is about themselves; the operator's own events tell what happens to services.
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    # It warns that it leaves the signals to others, which is what it is run in a thread for.
    logging.getLogger("kopf._core.reactor.running").setLevel(logging.ERROR)
