"""The other end of a node's control socket (see init)."""

from __future__ import annotations

import json
import socket
import struct
from pathlib import Path
from typing import Any

TIMEOUT = 10.0
CREDENTIALS = struct.Struct("3i")  # struct ucred: pid, uid, gid


class Control:
    """Asks the first process of a node to do things."""

    def __init__(self, address: Path) -> None:
        """`address` is the path of its socket; nothing is opened yet."""
        self._address = str(address)

    def running(self) -> set[str]:
        """Names of the components that run; none if nobody answers."""
        try:
            return self._ask({"list": True})
        except OSError:
            return set()

    def start(self, name: str, argv: list[str], log: Path, fds: dict[int, int]) -> None:
        """Start a component.

        Raises:
            OSError: nobody answers.
        """
        self._ask({"start": name, "argv": argv, "log": str(log), "fds": fds})

    def stop(self, name: str) -> None:
        """End a component at once.

        Raises:
            OSError: nobody answers.
        """
        self._ask({"stop": name})

    def signal(self, name: str, number: int) -> None:
        """Send a signal to a component.

        Raises:
            OSError: nobody answers.
        """
        self._ask({"signal": name, "number": number})

    def pid(self) -> int | None:
        """The pid, in our PID namespace, of the process that listens; None if it does not yet."""
        with socket.socket(socket.AF_UNIX) as connection:
            try:
                connection.connect(self._address)
            except OSError:
                return None
            peer = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size)
            pid: int = CREDENTIALS.unpack(peer)[0]
            return pid

    def _ask(self, request: dict[str, Any]) -> set[str]:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(TIMEOUT)
            connection.connect(self._address)
            with connection.makefile("rw") as stream:
                json.dump(request, stream)
                stream.write("\n")
                stream.flush()
                answer = stream.readline()
        if not answer:
            message = f"no answer on {self._address}"
            raise ConnectionError(message)
        return set(json.loads(answer)["running"])
