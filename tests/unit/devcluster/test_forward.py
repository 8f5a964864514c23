import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from devcluster.node.forward import serve

LARGE = b"x" * 3_000_000


@pytest.fixture
async def echo_after_eof() -> AsyncIterator[int]:
    """A server that answers only when the client has said that it is done: half-closed connections must pass."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.read())
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


@pytest.fixture
async def forwarded(echo_after_eof: int) -> AsyncIterator[int]:
    listener = socket.create_server(("127.0.0.1", 0))
    task = asyncio.create_task(serve(listener, "127.0.0.1", echo_after_eof))
    yield listener.getsockname()[1]
    task.cancel()


async def exchange(port: int, data: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    writer.write_eof()
    answer = await reader.read()
    writer.close()
    return answer


async def test_a_half_closed_connection_still_gets_its_answer(forwarded: int) -> None:
    assert await exchange(forwarded, LARGE) == LARGE


async def test_many_connections_at_once(forwarded: int) -> None:
    messages = [f"message {number}".encode() for number in range(100)]
    assert await asyncio.gather(*(exchange(forwarded, message) for message in messages)) == messages


async def test_a_client_that_goes_away_does_not_end_the_others(forwarded: int) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", forwarded)
    writer.write(LARGE)
    writer.transport.abort()
    assert await exchange(forwarded, b"still here") == b"still here"


async def test_while_the_server_is_away_connections_end_and_later_ones_work() -> None:
    free = socket.create_server(("127.0.0.1", 0))
    port = free.getsockname()[1]
    free.close()
    listener = socket.create_server(("127.0.0.1", 0))
    task = asyncio.create_task(serve(listener, "127.0.0.1", port))

    assert await answer_or_end(listener.getsockname()[1]) == b""

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"back again")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", port):
        assert await answer_or_end(listener.getsockname()[1]) == b"back again"
    task.cancel()


async def answer_or_end(port: int) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()
