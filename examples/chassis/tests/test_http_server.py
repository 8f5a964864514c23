"""What every HTTP request gets: a problem for an error, a line, a count; and how a server ends (LG-2, W-7)."""

import asyncio

import pytest
import structlog
from http_serving import DeclinedError, counted, one, serving
from prometheus_client import REGISTRY

from chassis import tracing
from chassis.errors import (
    ConflictError,
    DeniedError,
    InvalidError,
    NotFoundError,
    OutdatedError,
    TooManyError,
    UnavailableError,
)
from chassis_testing.program import eventually


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
    before = counted(method, "unmatched", "404")
    async with serving() as server:
        answer = await server.client.request(method, path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    if status == 404:
        assert counted(method, "unmatched", "404") > before
    assert not [s for m in REGISTRY.collect() for s in m.samples if s.labels.get("path") == path == "/nowhere/123"]


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


async def refused(port: int) -> bool:
    """Whether nobody is connected any more."""
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionError:
        return True
    writer.close()
    return False


async def test_a_request_in_progress_has_the_rest_of_the_drain() -> None:
    """One that began with the drain's last accepted connections is finished after the linger."""
    free = asyncio.Event()

    async def work() -> str:
        await free.wait()
        return "done"

    async with serving(work, drain=6) as server:
        server.shutdown.begin()
        waiting = asyncio.create_task(server.get())
        await eventually(lambda: refused(server.port), "the linger is never over")
        free.set()
        assert (await waiting).json() == "done"


async def test_an_idle_connection_is_closed_at_the_end_of_the_linger() -> None:
    async with serving(drain=0.9) as server:
        assert (await server.get()).status_code == 200
        server.shutdown.begin()
        async with asyncio.timeout(5):
            await server.serving
