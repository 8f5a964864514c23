"""A process from its first breath to its last, the same for servers and workers."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog

from chassis.operations import operations
from chassis.readiness import Check, Readiness
from chassis.settings import ServiceSettings
from chassis.shutdown import Shutdown

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Running:
    """A process that has what it needs.

    Attributes:
        shutdown: when it is to end.
        readiness: whether it can work.
        metrics_port: where its metrics and health are.
    """

    shutdown: Shutdown
    readiness: Readiness
    metrics_port: int


@asynccontextmanager
async def running(settings: ServiceSettings, service: str, checks: Mapping[str, Check]) -> AsyncIterator[Running]:
    """Listen to signals, see that everything needed answers, and tell the platform so while this is open.

    Args:
        settings: of the service.
        service: its name in the metrics, such as `order_service`.
        checks: what it needs, by name.

    Raises:
        CommandError: something that is needed does not answer at the start, or a port is taken.
    """
    shutdown = Shutdown(settings.shutdown_drain_seconds)
    shutdown.listen()
    readiness = Readiness(service, checks)
    await readiness.begin()
    async with operations(settings.metrics_port, readiness) as port:
        watching = asyncio.create_task(readiness.watch())
        try:
            yield Running(shutdown, readiness, port)
        finally:
            watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watching
    log.info("stopped")
