"""Where the operator may look: the namespaces it is to serve, without those that do not let it in.

A namespace that is deleted takes the Role in it along, and from then on the API server refuses what is asked about it.
The other namespaces must not be without the operator for that (invariant 10).
"""

import asyncio
from collections.abc import Iterable


class Reach:
    """The namespaces, each open or closed. All are open at first; who lists them finds out."""

    def __init__(self, scopes: Iterable[str | None]) -> None:
        """Take the namespaces to look into; (None,) for all of the cluster, as one."""
        self._open = {scope: asyncio.Event() for scope in scopes}
        self._closed = {scope: asyncio.Event() for scope in self._open}
        for scope in self._open:
            self.set(scope, is_open=True)

    @property
    def everywhere(self) -> bool:
        """Whether all of the cluster is looked into."""
        return None in self._open

    @property
    def scopes(self) -> tuple[str | None, ...]:
        """All that are to be looked into."""
        return tuple(self._open)

    @property
    def open(self) -> tuple[str | None, ...]:
        """Those that let the operator in."""
        return tuple(scope for scope, event in self._open.items() if event.is_set())

    def covers(self, namespace: str) -> bool:
        """Whether a namespace is to be looked into, and lets the operator in."""
        return any(scope in {None, namespace} for scope in self.open)

    def closed(self, scope: str | None) -> bool:
        """Whether it is to be looked into, and does not let the operator in."""
        return scope in self._closed and self._closed[scope].is_set()

    def set(self, scope: str | None, *, is_open: bool) -> None:
        """Note what came of a look into it."""
        now, before = (self._open, self._closed) if is_open else (self._closed, self._open)
        now[scope].set()
        before[scope].clear()

    async def entered(self, scope: str | None) -> None:
        """Wait until it lets the operator in; at once for what is no matter of this class."""
        if scope in self._open:
            await self._open[scope].wait()

    async def left(self, scope: str | None) -> None:
        """Wait until it does not let the operator in; for ever for what is no matter of this class."""
        await self._closed.get(scope, asyncio.Event()).wait()
