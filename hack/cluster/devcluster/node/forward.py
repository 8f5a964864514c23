"""From the machine's loopback to the API server inside the node's network namespace.

A socket belongs to the namespace it was made in, whoever holds it: the listening one is made outside and inherited, so
this process accepts there and connects here.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys

CHUNK = 256 * 1024


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy until the sender is done, then say so to the receiver, who may still have something to send."""
    with contextlib.suppress(OSError):
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()


async def serve(listener: socket.socket, host: str, port: int) -> None:
    """Forward every connection, for ever."""

    async def forward(client: asyncio.StreamReader, answer: asyncio.StreamWriter) -> None:
        try:
            server, request = await asyncio.open_connection(host, port, limit=CHUNK)
        except OSError:  # the API server is away: the client sees a connection that closes
            answer.transport.abort()
            return
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(pump(client, request))
                both.create_task(pump(server, answer))
        finally:
            for writer in (request, answer):
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()

    accepting = await asyncio.start_server(forward, sock=listener, limit=CHUNK)
    await accepting.serve_forever()


if __name__ == "__main__":
    inherited, target_host, target_port = sys.argv[1:]
    asyncio.run(serve(socket.socket(fileno=int(inherited)), target_host, int(target_port)))
