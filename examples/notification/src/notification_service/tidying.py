"""Forgets what became of notifications when nobody can ask any more, beside the work."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

import structlog

from chassis.errors import UnavailableError

log = structlog.get_logger(__name__)

TIDY_SECONDS = 3600.0


class Forgets(Protocol):
    """What became of notifications."""

    async def forget(self) -> int:
        """Forget what is old; gives how many. UnavailableError: not now."""


@asynccontextmanager
async def tidying(notifications: Forgets) -> AsyncIterator[None]:
    """Forget at once, and every hour while this is open. Any number of processes may do so."""
    task = asyncio.create_task(_tidy(notifications))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


async def _tidy(notifications: Forgets) -> None:
    while True:
        try:
            count = await notifications.forget()
        except UnavailableError as error:
            log.warning("nothing forgotten", error=str(error))
        else:
            if count:
                log.info("forgotten", notifications=count)
        await asyncio.sleep(TIDY_SECONDS)
