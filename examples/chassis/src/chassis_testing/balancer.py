"""Does what a Kubernetes Service does to connections, for tests of servers that are replaced under load."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from itertools import count

from chassis_testing.network import HOST


class Balancer:
    """Hands new connections to today's endpoints in turn; old ones stay where they are.

    Attributes:
        endpoints: the servers, as `host:port`; a test changes them as the platform would.
    """

    def __init__(self) -> None:
        """Know no endpoint yet."""
        self.endpoints: list[str] = []
        self._turns = count()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        """Take connections while this is open; gives the address, as `host:port`."""
        server = await asyncio.start_server(self._connect, HOST, 0)
        async with server:
            yield "{}:{}".format(*server.sockets[0].getsockname())

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, _, port = self.endpoints[next(self._turns) % len(self.endpoints)].rpartition(":")
        upstream_reader, upstream_writer = await asyncio.open_connection(host, int(port))
        await asyncio.gather(self._copy(reader, upstream_writer), self._copy(upstream_reader, writer))

    @staticmethod
    async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()
