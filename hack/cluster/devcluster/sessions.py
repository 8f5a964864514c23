"""Test sessions that share a cluster: the last one to leave ends it.

A session is named by the process that runs it, so one that was killed is recognized as gone.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from devcluster.home import Home
from devcluster.processes import Identity, alive, identify


def session_name() -> str:
    """The name of the session this process runs."""
    own = identify(os.getpid())
    assert own is not None, "this process runs"
    return f"{own.pid}-{own.start}"


class Sessions:
    """Who uses one cluster now."""

    def __init__(self, home: Home, cluster: str) -> None:
        """Nobody is registered yet."""
        self._home, self._cluster = home, cluster
        self._directory = home.root / "sessions" / cluster

    def join(self, session: str) -> None:
        """Register a session before it looks whether the cluster is up: from here on nobody else ends it."""
        with self._locked():
            self._directory.mkdir(parents=True, exist_ok=True)
            (self._directory / session).touch()

    @contextlib.contextmanager
    def leave(self, session: str) -> Iterator[bool]:
        """Take a session out; yields whether nobody is left. None can join before the context ends."""
        with self._locked():
            (self._directory / session).unlink(missing_ok=True)
            yield not any(self._lives(path.name) for path in self._directory.glob("*"))

    def _lives(self, session: str) -> bool:
        pid, _, start = session.partition("-")
        if alive(Identity(int(pid), int(start))):
            return True
        (self._directory / session).unlink(missing_ok=True)
        return False

    def _locked(self) -> contextlib.AbstractContextManager[None]:
        return self._home.lock(f"sessions-{self._cluster}")
