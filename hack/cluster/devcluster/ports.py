"""A port for the API server: found free, and recognized as taken when somebody else was faster."""

from __future__ import annotations

import contextlib
import errno
import random
import socket
from pathlib import Path

from devcluster.components import API_SERVER
from devcluster.errors import StartError, UsageError


def free_port() -> int:
    """A port of the loopback address that nobody listens on.

    It lies below the range the kernel takes ports for outgoing connections from, so that it stays free while the API
    server is away for a moment.
    """
    try:
        lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    except OSError:
        lowest = 32768
    candidates = random.sample(range(10000, max(lowest, 20000)), 100)
    for port in candidates:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    message = "no free port on 127.0.0.1"
    raise UsageError(message)


def port_was_taken(error: BaseException) -> bool:
    """Whether a start failed only because somebody took the port between the look and the start."""
    if isinstance(error, OSError):
        return error.errno == errno.EADDRINUSE
    return (
        isinstance(error, StartError)
        and error.component == API_SERVER
        and "address already in use" in error.log.read_text(errors="replace")
    )
