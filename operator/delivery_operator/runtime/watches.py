"""Runs kopf, in a thread and an event loop of its own.

When kopf ends it cancels every task of its loop that it did not find there at its start, and it takes SIGTERM for
itself: in the operator's own loop it would break off the reconciles in hand. Here it can do neither, and what it hears
is handed over.
"""

import asyncio
import threading
from types import TracebackType
from typing import Final, Self

import kopf

from delivery_operator.cluster.connection import Connection
from delivery_operator.cluster.resources import Resource
from delivery_operator.cluster.store import Body
from delivery_operator.runtime import handlers
from delivery_operator.runtime.handlers import Heard

_STOP_SECONDS: Final = 5.0


class Watches:
    """The watches of some kinds. Use it as an async context manager in the operator's loop.

    kopf looks once, at its start, for the kinds there are, and keeps its namespaces. When others are to be watched,
    these watches end and new ones begin: each begins with a LIST, so nothing that happened in between is lost but
    deletions, which a resync finds.
    """

    def __init__(
        self, connection: Connection, resources: tuple[Resource, ...], scopes: tuple[str | None, ...], heard: Heard
    ) -> None:
        """Watch these kinds in these namespaces, (None,) for all; `heard` is called in the operator's loop."""
        self._resources = resources
        self._connection = connection
        self._namespaces = [scope for scope in scopes if scope is not None]
        self._heard = heard
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="kopf", daemon=True)

    async def __aenter__(self) -> Self:
        """Start watching."""
        self._loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[None] = self._loop.create_future()
        self._thread.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop watching; a kopf that does not end in time is left to the end of the process."""
        self._stop.set()
        await asyncio.to_thread(self._thread.join, _STOP_SECONDS)

    async def ended(self) -> None:
        """Wait until the watches end of themselves, which they must not.

        Raises:
            Exception: whatever ended kopf.
        """
        await asyncio.shield(self._ended)

    def _run(self) -> None:
        try:
            asyncio.run(self._watch())
        except BaseException as error:  # noqa: BLE001 a thread's end must be told, whatever it was
            self._tell(error)
        else:
            self._tell(None)

    async def _watch(self) -> None:
        await kopf.operator(
            registry=handlers.registry(self._connection, self._resources, self._hand_over),
            settings=handlers.settings(self._resources),
            standalone=True,
            clusterwide=not self._namespaces,
            namespaces=self._namespaces,
            stop_flag=self._stop,
        )

    def _hand_over(self, body: Body, deleted: bool) -> None:  # noqa: FBT001 the signature of Heard
        self._loop.call_soon_threadsafe(self._heard, body, deleted)

    def _tell(self, error: BaseException | None) -> None:
        def tell() -> None:
            if self._ended.done():
                return
            if error is None:
                self._ended.set_result(None)
            else:
                self._ended.set_exception(error)

        if not self._stop.is_set():
            self._loop.call_soon_threadsafe(tell)
