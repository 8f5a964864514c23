"""A thread of ours inside a node's network, for as long as it takes to open a socket there."""

from __future__ import annotations

import ctypes
import os
import socket
from pathlib import Path

CLONE_NEWNET = 0x40000000


def listen_inside(pid: int) -> socket.socket:
    """Enter the network of a process, for good, and listen on a free port of its loopback address.

    A socket stays in the network that it was made in, whoever uses it. Call this in a thread of its own.

    Raises:
        OSError: the network cannot be entered.
    """
    libc = ctypes.CDLL(None, use_errno=True)  # os.setns came with Python 3.12
    with Path(f"/proc/{pid}/ns/net").open("rb") as network:
        if libc.setns(network.fileno(), CLONE_NEWNET):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), network.name)
    return socket.create_server(("127.0.0.1", 0))
