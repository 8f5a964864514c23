"""What a request may take of a REST server, and that no client keeps it from the others (SP-7, W-7, X-15)."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import httpx
import pytest
import structlog
from fastapi.responses import StreamingResponse
from http_serving import Running, counted, one, serving

from chassis.admission import AT_FIRST
from chassis.http.app import MAX_BODY_BYTES
from chassis.http.protocol import Protocol
from chassis.http.server import IDLE_SECONDS, READ_SECONDS, request_timeout_seconds
from chassis.settings import ServiceSettings


def test_the_limits_are_those_of_the_documents() -> None:
    """SP-7, F7-3."""
    assert (Protocol.read_seconds, READ_SECONDS, IDLE_SECONDS) == (5, 5, 120)


def test_no_answer_takes_longer_than_the_drain_leaves() -> None:
    """F7-3, W-7."""
    assert request_timeout_seconds(ServiceSettings()) == 10
    assert request_timeout_seconds(ServiceSettings(shutdown_drain_seconds=60)) == 10
    assert request_timeout_seconds(ServiceSettings(shutdown_drain_seconds=3)) == 2


async def test_an_answer_that_takes_too_long_is_given_up() -> None:
    async def work() -> None:
        await asyncio.Event().wait()

    async with serving(work, drain=0.3) as server:
        answer = await server.get()
    assert (answer.status_code, answer.json()["detail"]) == (504, "no answer within 0.2 s")


async def test_an_answer_that_breaks_off_is_no_whole_answer() -> None:
    async def parts() -> AsyncIterator[bytes]:
        yield b"a"
        raise LookupError("the rest")

    async def work() -> StreamingResponse:
        return StreamingResponse(parts())

    async with serving(work) as server:
        with structlog.testing.capture_logs() as said, pytest.raises(httpx.RemoteProtocolError):
            await server.get()
    assert one(said, "request failed")["error"] == "the rest"


async def test_a_body_that_is_too_large_is_refused_announced_or_not() -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"x" * (MAX_BODY_BYTES // 10)

    async with serving() as server:
        fits = await server.client.post("/v1/raw", content=b"x" * MAX_BODY_BYTES)
        announced = await server.client.post("/v1/raw", content=b"x" * (MAX_BODY_BYTES + 1))
        chunked = await server.client.post("/v1/raw", content=endless())
    assert fits.json() == {"bytes": MAX_BODY_BYTES}
    assert [answer.status_code for answer in (announced, chunked)] == [413, 413]
    assert announced.headers["content-type"] == chunked.headers["content-type"] == "application/problem+json"


async def busy_work() -> None:
    """Take a hundredth of a second of the processor, in small steps between which others take theirs."""
    for _ in range(10):
        time.sleep(0.001)  # noqa: ASYNC251 - it is this loop's time that is to be short
        await asyncio.sleep(0)


async def test_when_all_come_at_once_they_are_answered_and_do_not_keep_the_server_from_it() -> None:
    """X-15: all of it at once would take two seconds, and each no more than one: so nothing would ever be answered."""

    async def insist(server: Running, number: int) -> list[int]:
        said = []
        while 200 not in said:
            answer = await server.get(f"/v1/things/{number}")
            said.append(answer.status_code)
            if answer.status_code == 503:
                await asyncio.sleep(float(answer.headers["retry-after"]))
        return said

    async with serving(busy_work, drain=1.5) as server, asyncio.timeout(60):
        answers = await asyncio.gather(*(insist(server, number) for number in range(200)))
    assert counted("GET", "not-begun", "503") >= sum(said.count(503) for said in answers) > 0


async def raw(port: int, sent: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    try:
        async with asyncio.timeout(5):
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


@pytest.mark.parametrize("sent", [b"", b"GET /healthz HTTP/1.1\r\nHost:"])
async def test_a_client_that_does_not_ask_is_not_waited_for(sent: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Protocol, "read_seconds", 0.2)
    async with serving() as server:
        assert await raw(server.port, sent) == b""
        assert (await server.get()).status_code == 200


async def test_who_sends_slowly_takes_no_place_of_those_who_are_worked_for() -> None:
    head = b"POST /v1/raw HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc"
    async with serving() as server, AsyncExitStack() as stack:
        for _ in range(2 * AT_FIRST):
            _, writer = await asyncio.open_connection("127.0.0.1", server.port)
            stack.callback(writer.close)
            writer.write(head)
        async with asyncio.timeout(1):
            assert (await server.get()).status_code == 200


async def test_who_leaves_before_all_is_sent_is_no_error_of_the_service() -> None:
    async with serving() as server:
        with structlog.testing.capture_logs() as said:
            _, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(b"POST /v1/raw HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc")
            await writer.drain()
            writer.close()
            async with asyncio.timeout(2):
                while not said:  # noqa: ASYNC110 - the line is what is waited for
                    await asyncio.sleep(0.01)
    assert [(line["event"], line["log_level"], line["status"]) for line in said] == [("request", "info", None)]


async def test_a_body_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chassis.http.server.READ_SECONDS", 0.2)
    async with serving() as server:
        head = b"POST /v1/raw HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 10\r\n\r\n"
        assert (await raw(server.port, head + b"abc")).startswith(b"HTTP/1.1 408 ")
        assert (await raw(server.port, head + b"x" * 10)).startswith(b"HTTP/1.1 200 ")
