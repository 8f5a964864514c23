"""The parts of the operator that run side by side, and the order in which they end."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from typing import Final, TypeVar

import structlog

from delivery_operator.cluster.errors import ApiError
from delivery_operator.runtime.leadership import Leadership
from delivery_operator.runtime.queue import Queue

T = TypeVar("T")

log = structlog.get_logger(__name__)

LAST_RECONCILE_SECONDS: Final = 20.0
"""How long SIGTERM waits for the reconciles in hand; less than the pod's grace period."""
_RETRY_SECONDS: Final = 1.0


async def run(
    stop: asyncio.Event,
    queue: Queue,
    leadership: Leadership,
    *others: Coroutine[None, None, None],
    last: Coroutine[None, None, None],
) -> None:
    """Run until a signal, or until a part ends that must not end; then end all in order.

    The reconciles in hand are finished, under a lease that is still renewed; then it is given back, so that another
    replica goes on; then the rest ends. One that has lost its lease has nothing to finish and nothing to give back.

    Args:
        stop: set by a signal.
        queue: what is worked on.
        leadership: whether this process leads.
        others: parts that write nothing of themselves.
        last: a part that writes what is left to write when it is cancelled.

    Raises:
        Exception: what ended a part.
    """
    leading = asyncio.create_task(leadership.run(), name="leadership")
    writing = asyncio.create_task(last)
    tasks = [writing, *(asyncio.create_task(part) for part in others)]
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait([stopping, leading, *tasks], return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    log.info("stopping", reconciles_in_hand=queue.working)
    queue.close()
    finishing = asyncio.create_task(queue.idle())
    await asyncio.wait([finishing, leading], timeout=LAST_RECONCILE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    finishing.cancel()
    writing.cancel()
    await asyncio.wait([writing])
    leading.cancel()
    await asyncio.wait([leading])
    if not queue.working:  # else something is under way that the next leader must not meet
        await leadership.release()
    for task in tasks:
        task.cancel()
    for result in await asyncio.gather(leading, *tasks, return_exceptions=True):
        if isinstance(result, Exception):
            raise result


async def patiently(attempt: Callable[[], Awaitable[T]], stop: asyncio.Event | None = None) -> T | None:
    """Try until the API server serves it; None when told to stop."""
    stop = stop or asyncio.Event()
    while not stop.is_set():
        try:
            return await attempt()
        except ApiError as error:
            log.warning("waiting for the api server", error=str(error))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), _RETRY_SECONDS)
    return None
