"""X-4, X-13: calls of other services by HTTP, asked of a real server."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import structlog
from pydantic import TypeAdapter, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from chassis import tracing
from chassis.errors import UnavailableError
from chassis.http.client import RefusedError, Remote, calling
from chassis.http.settings import BaseURL
from chassis.operations import serving
from chassis_testing.network import free_port

SECRET = "s3cret-Pa55"  # noqa: S105


class Server:
    """Answers with the statuses that a test gives, then with 200; keeps what it was asked."""

    def __init__(self, *statuses: int, hangs: bool = False, **headers: str) -> None:
        self.asked: list[Request] = []
        self._statuses = list(statuses)
        self._hangs = hangs
        self._headers = {name.replace("_", "-"): value for name, value in headers.items()}

    async def answer(self, request: Request) -> Response:
        self.asked.append(request)
        if self._hangs:
            await asyncio.sleep(1)
        status = self._statuses.pop(0) if self._statuses else 200
        return JSONResponse({"status": status}, status_code=status, headers=self._headers)


@asynccontextmanager
async def called(server: Server, timeout_seconds: float = 5) -> AsyncIterator[Remote]:
    app = Starlette(routes=[Route("/v1/thing", server.answer, methods=["GET", "POST"])])
    async with (
        serving(app, 0, "tests") as port,
        calling("thing", f"http://127.0.0.1:{port}/v1", timeout_seconds, {"x-key": SECRET}) as remote,
    ):
        yield remote


@pytest.mark.usefixtures("own_provider")
async def test_a_request_goes_on_with_the_trace_and_is_made_again_where_that_may_help() -> None:
    tracing.configure("tests", "1", None)
    server = Server(503, 502)
    async with called(server) as remote:
        caller = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "x-request-id": "r"}
        with tracing.handling("Call", caller):
            answer = await remote.get("/thing", {"q": "a b"})
    assert answer.json() == {"status": 200}
    assert len(server.asked) == 3
    assert {each.headers["traceparent"].split("-")[1] for each in server.asked} == {"0af7651916cd43dd8448eb211c80319c"}
    assert {each.headers["x-request-id"] for each in server.asked} == {"r"}
    assert {each.headers["x-key"] for each in server.asked} == {SECRET}
    assert {each.query_params["q"] for each in server.asked} == {"a b"}


async def test_a_refusal_is_raised_with_its_answer_and_not_tried_again() -> None:
    server = Server(*[404] * 10)
    async with called(server) as remote:
        for _ in range(10):
            with pytest.raises(RefusedError, match=r"^thing: 404 Not Found$") as refused:
                await remote.get("/thing", {"key": SECRET})
            assert (refused.value.status, refused.value.response.json()) == (404, {"status": 404})
            assert SECRET not in str(refused.value)
    assert len(server.asked) == 10


@pytest.mark.parametrize(
    ("status", "repeatable", "asked"),
    [(503, False, 1), (503, True, 3), (429, False, 3), (409, True, 1), (301, True, 1)],
)
async def test_what_may_have_had_an_effect_is_repeated_only_if_that_is_safe(
    status: int, repeatable: bool, asked: int
) -> None:
    """W-11."""
    server = Server(*[status] * 3)
    async with called(server) as remote:
        with pytest.raises((RefusedError, UnavailableError)):
            await remote.request("POST", "/thing", json={"a": 1}, repeatable=repeatable)
    assert len(server.asked) == asked


async def test_who_is_limited_does_not_take_the_service_for_down() -> None:
    """X-13."""
    server = Server(*[429] * 7, 200, retry_after="60")
    async with called(server) as remote:
        for _ in range(7):
            with pytest.raises(UnavailableError, match="thing: 429 Too Many Requests"):
                await remote.get("/thing")
        assert (await remote.get("/thing")).status_code == 200


@pytest.mark.parametrize("later", ["60", "Fri, 27 Nov 2026 10:00:00 GMT"])
async def test_who_says_when_to_come_back_is_not_asked_before(later: str) -> None:
    server = Server(503, retry_after=later)
    async with called(server) as remote:
        with pytest.raises(UnavailableError, match=r"^thing: 503 Service Unavailable$"):
            await remote.get("/thing")
    assert len(server.asked) == 1


async def test_what_cannot_be_reached_is_tried_again_and_told_without_its_address() -> None:
    port = free_port()
    async with calling("thing", f"http://127.0.0.1:{port}", 5) as remote:
        with structlog.testing.capture_logs() as said, pytest.raises(UnavailableError) as gone:
            await remote.request("POST", "/thing", params={"key": SECRET})
    assert [line["event"] for line in said].count("trying again") == 2
    assert str(gone.value).startswith("thing: ConnectError ")
    assert SECRET not in f"{gone.value} {said}"


async def test_a_service_that_hangs_is_given_up_and_then_not_called() -> None:
    server = Server(hangs=True)
    async with called(server, timeout_seconds=0.2) as remote:
        for _ in range(5):
            with pytest.raises(UnavailableError, match="thing: "):
                await remote.get("/thing")
        for _ in range(2):
            with pytest.raises(UnavailableError, match="thing failed 5 times in a row"):
                await remote.get("/thing")
    assert 0 < len(server.asked) <= 5  # fewer if the time of a request was over before it was there


async def test_a_connection_that_is_cut_is_made_again_where_that_is_safe() -> None:
    cut = 0

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal cut
        cut += 1
        await reader.readline()
        writer.close()

    server: Any = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    async with server, calling("thing", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", 5) as remote:
        with pytest.raises(UnavailableError):
            await remote.get("/thing")
        assert cut == 3
        with pytest.raises(UnavailableError):
            await remote.request("POST", "/thing")
        assert cut == 4


def check(value: str) -> str:
    validate: Callable[[str], str] = TypeAdapter(BaseURL).validate_python
    return validate(value)


def test_an_address_is_a_url_without_credentials() -> None:
    assert check("https://maps.example.com/v1/") == "https://maps.example.com/v1"
    assert check("http://127.0.0.1:8080") == "http://127.0.0.1:8080"
    for wrong in ("maps.example.com", "ftp://maps", "https://maps/?key=1", f"https://user:{SECRET}@maps"):
        with pytest.raises(ValidationError):
            check(wrong)
