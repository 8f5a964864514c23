"""Ports of the loopback address, and the first words of a conversation on one of them."""

import contextlib
import random
import socket
from pathlib import Path

from chassis_testing.errors import StartError

HOST = "127.0.0.1"
ATTEMPTS = 100
GREETING_TIMEOUT = 1.0  # seconds; a server that is not up yet may accept a connection and stay silent


def free_port() -> int:
    """A port that nobody listens on.

    It lies below the range that the kernel takes ports for outgoing connections from, so that it is still free when a
    server starts again after a while.

    Raises:
        StartError: none was found.
    """
    try:
        lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    except OSError:
        lowest = 32768
    for port in random.sample(range(10000, max(lowest, 20000)), ATTEMPTS):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((HOST, port))
            return port
    raise StartError(f"no free port on {HOST}")


def greeting(port: int, length: int, request: bytes = b"") -> bytes:
    """What a server says first, or to a first request: `length` bytes, fewer if it is not there or falls silent."""
    answer = b""
    with contextlib.suppress(OSError), socket.create_connection((HOST, port), GREETING_TIMEOUT) as connection:
        connection.sendall(request)
        while len(answer) < length and (part := connection.recv(length - len(answer))):
            answer += part
    return answer


def listens(port: int) -> bool:
    """Whether somebody accepts connections on this port."""
    with contextlib.suppress(OSError), socket.create_connection((HOST, port), GREETING_TIMEOUT):
        return True
    return False
