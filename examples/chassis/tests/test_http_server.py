"""What every HTTP request gets: a limit, a problem for an error, a line, a count; and how a server ends (LG-2, W-7)."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Annotated, Any

import httpx
import pytest
import structlog
from fastapi import APIRouter, Body, Request
from fastapi.responses import StreamingResponse
from prometheus_client import REGISTRY
from pydantic import BaseModel
from structlog.typing import EventDict

from chassis import tracing
from chassis.admission import AT_FIRST
from chassis.errors import (
    ConflictError,
    DeniedError,
    InvalidError,
    NotFoundError,
    OutdatedError,
    TooManyError,
    UnavailableError,
)
from chassis.http.app import MAX_BODY_BYTES, application
from chassis.http.protocol import Protocol
from chassis.http.server import IDLE_SECONDS, READ_SECONDS, Server, request_timeout_seconds
from chassis.readiness import Readiness
from chassis.settings import ServiceSettings
from chassis.shutdown import Shutdown

TLS = ssl.create_default_context()  # a client makes one of its own otherwise, which takes longer than most tests
Work = Callable[[], Awaitable[Any]]


class DeclinedError(ConflictError):
    """One of a service's own."""


class Item(BaseModel):
    """What is sent."""

    sku: str
    quantity: int


class Running:
    """A server whose routes do what a test gives."""

    def __init__(self, port: int, shutdown: Shutdown, serving: "asyncio.Task[None]") -> None:
        self.port = port
        self.shutdown = shutdown
        self.serving = serving
        self.client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", verify=TLS)

    async def get(self, path: str = "/v1/things/1", **headers: str) -> httpx.Response:
        return await self.client.get(path, headers={key.replace("_", "-"): value for key, value in headers.items()})


async def nothing() -> None:
    """Do nothing."""


def routes(work: Work) -> APIRouter:
    router = APIRouter(prefix="/v1")

    @router.get("/things/{thing_id}")
    async def read(thing_id: str) -> Any:
        structlog.contextvars.bind_contextvars(user_id=f"user-{thing_id}")
        return await work()

    @router.post("/things")
    async def write(items: Annotated[list[Item], Body(embed=True)]) -> Any:
        return {"items": len(items)}

    @router.post("/raw")
    async def raw(request: Request) -> Any:
        return {"bytes": len(await request.body())}

    return router


@asynccontextmanager
async def serving(work: Work = nothing, drain: float = 3, **settings: Any) -> AsyncIterator[Running]:
    readiness, shutdown = Readiness("tests", {}), Shutdown(drain)
    given = ServiceSettings(shutdown_drain_seconds=drain, **settings)
    app = application("Tests", "1", "For tests", readiness, {DeclinedError: 402})
    app.include_router(routes(work))
    server = Server(given, "tests", app, readiness)
    with structlog.testing.capture_logs() as said:
        task = asyncio.create_task(server.serve(0, shutdown))
        async with asyncio.timeout(5):
            while not said:  # noqa: ASYNC110 - it says that it serves when it does
                await asyncio.sleep(0.01)
    running = Running(said[0]["port"], shutdown, task)
    try:
        async with running.client:
            yield running
    finally:
        shutdown.begin()
        await task


def counted(method: str, path: str, code: str) -> float:
    labels = {"service": "tests", "method": method, "path": path, "code": code}
    return REGISTRY.get_sample_value("http_requests_total", labels) or 0


def one(said: list[EventDict], event: str) -> EventDict:
    found = [line for line in said if line["event"] == event]
    assert len(found) == 1, said
    return found[0]


@pytest.mark.parametrize(
    ("error", "status", "title", "detail"),
    [
        (InvalidError("name", "must not be empty"), 422, "Unprocessable Entity", "name: must not be empty"),
        (DeniedError("no such session"), 401, "Unauthorized", "no such session"),
        (NotFoundError("no such thing"), 404, "Not Found", "no such thing"),
        (OutdatedError("read again"), 409, "Conflict", "read again"),
        (TooManyError("later"), 429, "Too Many Requests", "later"),
        (ConflictError("is there"), 409, "Conflict", "is there"),
        (DeclinedError("no money"), 402, "Payment Required", "no money"),
        (UnavailableError("host db refused"), 503, "Service Unavailable", "temporarily unavailable, try again"),
        (LookupError("key 123 of table t"), 500, "Internal Server Error", "internal error"),
        (TimeoutError("of something else"), 500, "Internal Server Error", "internal error"),
    ],
)
async def test_an_error_becomes_a_problem_and_tells_no_more_than_it_may(
    error: Exception, status: int, title: str, detail: str
) -> None:
    async def work() -> None:
        raise error

    before = counted("GET", "/v1/things/{thing_id}", str(status))
    async with serving(work) as server:
        with structlog.testing.capture_logs() as said:
            answer = await server.get()
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    problem = answer.json()
    assert (problem["type"], problem["title"], problem["status"]) == ("about:blank", title, status)
    assert problem["detail"] == detail
    assert problem.get("errors") == ([{"field": "name", "detail": "must not be empty"}] if status == 422 else None)
    assert answer.headers.get("retry-after") == ("1" if status == 503 else None)
    assert one(said, "request")["status"] == status
    assert counted("GET", "/v1/things/{thing_id}", str(status)) == before + 1
    if status == 500:
        failed = one(said, "request failed")
        assert (failed["error"], failed["exc_info"], failed["path"]) == (str(error), error, "/v1/things/1")


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        (b'{"items": [{"sku": "a", "quantity": 1}, {"quantity": "x"}]}', ["items[1].sku", "items[1].quantity"]),
        (b"{}", ["items"]),
        (b"{", ["body"]),
        (b"\xff", None),
    ],
)
async def test_a_body_of_another_form_is_a_problem_that_names_the_fields(body: bytes, errors: list[str] | None) -> None:
    async with serving() as server:
        answer = await server.client.post("/v1/things", content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.headers["content-type"]) == (422 if errors else 400, "application/problem+json")
    assert [each["field"] for each in answer.json().get("errors", [])] == (errors or [])


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nowhere/123", 404), ("DELETE", "/v1/things", 405)])
async def test_what_no_route_takes_is_a_problem_too_and_makes_no_series_of_its_own(
    method: str, path: str, status: int
) -> None:
    before = REGISTRY.get_sample_value("http_request_duration_seconds_count", _labels(method, "unmatched")) or 0
    async with serving() as server:
        answer = await server.client.request(method, path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    if status == 404:
        assert counted(method, "unmatched", "404") > before
    assert not [s for m in REGISTRY.collect() for s in m.samples if s.labels.get("path") == path == "/nowhere/123"]


def _labels(method: str, path: str) -> dict[str, str]:
    return {"service": "tests", "method": method, "path": path}


@pytest.mark.usefixtures("own_provider")
async def test_a_request_goes_on_with_the_callers_trace_and_is_one_line() -> None:
    """SP-10, LG-2, LG-4, F11-6."""
    outgoing: dict[str, str] = {}

    async def work() -> None:
        outgoing.update(tracing.outgoing())

    tracing.configure("tests", "1", None)
    trace = "0af7651916cd43dd8448eb211c80319c"
    async with serving(work) as server:
        with structlog.testing.capture_logs([structlog.contextvars.merge_contextvars]) as said:
            answer = await server.get(
                traceparent=f"00-{trace}-b7ad6b7169203331-01", x_request_id="req-1", user_agent="tests/1"
            )
            other = await server.get("/v1/things/2?secret=1", x_request_id="not one id")
    assert (answer.headers["x-request-id"], answer.headers["x-content-type-options"]) == ("req-1", "nosniff")
    assert "not one id" not in other.headers["x-request-id"]
    assert outgoing["x-request-id"] == other.headers["x-request-id"]
    first, second = (line for line in said if line["event"] == "request")
    assert first["duration_ms"] > 0
    assert first["remote_addr"].startswith(("127.0.0.1:", "::ffff:127.0.0.1:"))
    fields = ("method", "path", "status", "user_agent", "request_id", "user_id", "log_level")
    assert [first[each] for each in fields] == ["GET", "/v1/things/1", 200, "tests/1", "req-1", "user-1", "info"]
    assert (second["user_id"], second["path"]) == ("user-2", "/v1/things/2")


async def test_what_is_slow_is_a_warning() -> None:
    """LG-2."""

    async def work() -> None:
        await asyncio.sleep(0.05)

    async with serving(work, slow_seconds=0.01) as server:
        with structlog.testing.capture_logs() as said:
            await server.get()
    line = one(said, "request")
    assert line["log_level"] == "warning"
    assert line["duration_ms"] >= 50


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

    async with serving(busy_work, drain=1.5) as server, asyncio.timeout(20):
        answers = await asyncio.gather(*(insist(server, number) for number in range(200)))
    late = sum(said.count(504) for said in answers)
    assert late < 20, "who is let in is answered"


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


async def test_probes_are_neither_traffic_nor_news() -> None:
    async with serving() as server:
        with structlog.testing.capture_logs() as said:
            answers = [await server.get("/healthz"), await server.get("/readyz")]
    assert [(answer.status_code, answer.text) for answer in answers] == [(200, "OK")] * 2
    assert said == []


async def test_a_drain_answers_everything_and_sends_clients_away() -> None:
    """W-7: what has begun is finished, what still comes is answered, and the last client's leaving ends it."""
    begun, free = asyncio.Event(), asyncio.Event()

    async def work() -> str:
        begun.set()
        await free.wait()
        return "done"

    async with serving(work, drain=30) as server:
        waiting = asyncio.create_task(server.get())
        await begun.wait()
        server.shutdown.begin()
        async with asyncio.timeout(5):
            while (await server.get("/readyz")).status_code == 200:  # noqa: ASYNC110 - another's event
                await asyncio.sleep(0.01)
        late = await server.client.post("/v1/things", json={"items": []})
        assert (late.status_code, late.headers["connection"]) == (200, "close")
        alive = await server.get("/healthz")
        assert alive.status_code == 200
        assert not server.serving.done()
        free.set()
        answer = await waiting
        assert (answer.json(), answer.headers["connection"]) == ("done", "close")
        await server.client.aclose()
        async with asyncio.timeout(5):
            await server.serving


async def test_a_request_in_progress_has_the_rest_of_the_drain() -> None:
    """One that began with the drain's last accepted connections is finished after the linger."""
    free = asyncio.Event()

    async def work() -> str:
        await free.wait()
        return "done"

    async with serving(work, drain=3) as server:
        server.shutdown.begin()
        waiting = asyncio.create_task(server.get())
        await asyncio.sleep(1.3)  # the linger is over
        with pytest.raises(ConnectionError):
            await asyncio.open_connection("127.0.0.1", server.port)
        free.set()
        assert (await waiting).json() == "done"


async def test_an_idle_connection_is_closed_at_the_end_of_the_linger() -> None:
    async with serving(drain=0.9) as server:
        assert (await server.get()).status_code == 200
        server.shutdown.begin()
        async with asyncio.timeout(5):
            await server.serving
