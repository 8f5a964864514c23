"""Forgets what nobody will ask for any more, beside the work."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

import structlog

from chassis import reports
from chassis.errors import UnavailableError

log = structlog.get_logger(__name__)

Forget = Callable[[], Awaitable[Mapping[str, int]]]
"""Forgets what is old; gives how many of what. UnavailableError: not now."""


@asynccontextmanager
async def tidying(forget: Forget, every_seconds: float) -> AsyncIterator[None]:
    """Forget at once, and again and again while this is open.

    Nothing that goes wrong with it ends the process, or keeps it from its work. Any number of processes may do so.
    """
    task = asyncio.create_task(_tidy(forget, every_seconds))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


async def _tidy(forget: Forget, every_seconds: float) -> None:
    while True:
        try:
            counts = await forget()
        except UnavailableError as error:
            log.warning("nothing forgotten", error=str(error))
        except Exception as error:
            log.exception("nothing forgotten", error=str(error))
            reports.report(error)
        else:
            if any(counts.values()):
                log.info("forgotten", **counts)
        await asyncio.sleep(every_seconds)
