"""What every gRPC call gets: a limit, a status for an error, a line, a count; and how a server ends."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
import structlog
from grpc_health.v1 import health_pb2, health_pb2_grpc
from prometheus_client import REGISTRY
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
from chassis.grpc.client import Remote
from chassis.grpc.server import Server
from chassis.readiness import Readiness
from chassis.settings import ServiceSettings
from chassis.shutdown import Shutdown

Say = Callable[[bytes, Any], Any]


class Running:
    """A server with one service, whose methods a test gives."""

    def __init__(self, channel: grpc.aio.Channel, shutdown: Shutdown, serving: "asyncio.Task[None]") -> None:
        self.channel = channel
        self.shutdown = shutdown
        self.serving = serving

    async def say(self, text: bytes = b"") -> bytes:
        method: Any = self.channel.unary_unary("/tests.Echo/Say")
        answer: bytes = await method(text)
        return answer

    def tell(self, text: bytes = b"") -> Any:
        method: Any = self.channel.unary_stream("/tests.Echo/Tell")
        return method(text)

    async def health(self, service: str) -> str:
        answer = await health_pb2_grpc.HealthStub(self.channel).Check(health_pb2.HealthCheckRequest(service=service))
        return str(health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status))


@asynccontextmanager
async def serving(say: Say | None = None, tell: Say | None = None, **settings: Any) -> AsyncIterator[Running]:
    readiness, shutdown = Readiness("tests", {}), Shutdown(3)
    given = ServiceSettings(shutdown_drain_seconds=settings.pop("drain", 3), **settings)
    server = Server(given, "tests", "tests.Echo", readiness)
    methods: dict[str, Any] = {}
    if say:
        methods["Say"] = grpc.unary_unary_rpc_method_handler(say)
    if tell:
        methods["Tell"] = grpc.unary_stream_rpc_method_handler(tell)
    handlers = (grpc.method_handlers_generic_handler("tests.Echo", methods),)
    server.add(lambda into: into.add_generic_rpc_handlers(handlers))
    with structlog.testing.capture_logs() as said:
        task = asyncio.create_task(server.serve(0, shutdown))
        async with asyncio.timeout(5):
            while not said:  # noqa: ASYNC110 - it says that it serves when it does
                await asyncio.sleep(0.01)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{said[0]['port']}") as channel:
        yield Running(channel, shutdown, task)
    shutdown.begin()
    await task


def counted(method: str, code: str) -> float:
    labels = {"service": "tests", "method": method, "code": code}
    return REGISTRY.get_sample_value("grpc_requests_total", labels) or 0


def one(said: list[EventDict], event: str) -> EventDict:
    found = [line for line in said if line["event"] == event]
    assert len(found) == 1, said
    return found[0]


@pytest.mark.parametrize(
    ("error", "code", "detail"),
    [
        (InvalidError("name", "must not be empty"), grpc.StatusCode.INVALID_ARGUMENT, "name: must not be empty"),
        (DeniedError("wrong password"), grpc.StatusCode.UNAUTHENTICATED, "wrong password"),
        (NotFoundError("no such thing"), grpc.StatusCode.NOT_FOUND, "no such thing"),
        (OutdatedError("is of version 2"), grpc.StatusCode.ABORTED, "is of version 2"),
        (TooManyError("10 in 1 s"), grpc.StatusCode.RESOURCE_EXHAUSTED, "10 in 1 s"),
        (ConflictError("is there"), grpc.StatusCode.ALREADY_EXISTS, "is there"),
        (
            UnavailableError("host db refused"),
            grpc.StatusCode.UNAVAILABLE,
            "temporarily unavailable, try again",
        ),
        (LookupError("key 123 of table t"), grpc.StatusCode.INTERNAL, "internal error"),
    ],
)
async def test_an_error_becomes_a_status_and_tells_no_more_than_it_may(
    error: Exception, code: grpc.StatusCode, detail: str
) -> None:
    async def say(_request: bytes, _context: Any) -> bytes:
        raise error

    before = counted("Say", code.name)
    async with serving(say) as server:
        with structlog.testing.capture_logs() as said, pytest.raises(grpc.aio.AioRpcError) as refused:
            await server.say()
    assert (refused.value.code(), refused.value.details()) == (code, detail)
    assert one(said, "request")["code"] == code.name
    assert counted("Say", code.name) == before + 1
    if code is grpc.StatusCode.INTERNAL:
        failed = one(said, "request failed")
        assert (failed["error"], failed["exc_info"]) == ("key 123 of table t", True)


async def test_an_answer_takes_no_longer_than_the_drain_leaves() -> None:
    """W-7."""

    async def say(_request: bytes, _context: Any) -> bytes:
        await asyncio.Event().wait()
        return b""

    async def tell(_request: bytes, _context: Any) -> AsyncIterator[bytes]:
        await asyncio.Event().wait()
        yield b""

    async with serving(say, tell, drain=3) as server:
        for call in (server.say(), server.tell().read()):
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await call
            assert refused.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
            assert refused.value.details() == "no answer within 2 s"


async def test_what_is_asked_above_what_can_be_answered_is_refused_and_the_rest_answered() -> None:
    """X-15."""
    outcomes: Counter[str] = Counter()
    free = asyncio.Event()

    async def say(_request: bytes, _context: Any) -> bytes:
        await free.wait()
        return b"said"

    async def ask(server: Running) -> None:
        try:
            await server.say()
        except grpc.aio.AioRpcError as error:
            outcomes[error.code().name] += 1
        else:
            outcomes["OK"] += 1
        if outcomes["RESOURCE_EXHAUSTED"] == 10:
            free.set()

    async with serving(say, drain=6) as server, asyncio.timeout(20):
        await asyncio.gather(*(ask(server) for _ in range(AT_FIRST + 10)))
    assert outcomes == {"OK": AT_FIRST, "RESOURCE_EXHAUSTED": 10}


async def test_what_is_slow_is_a_warning() -> None:
    async def say(_request: bytes, _context: Any) -> bytes:
        await asyncio.sleep(0.05)
        return b"done"

    async with serving(say, slow_seconds=0.01) as server:
        with structlog.testing.capture_logs() as said:
            assert await server.say() == b"done"
    line = one(said, "request")
    assert (line["log_level"], line["method"], line["code"]) == ("warning", "Say", "OK")
    assert line["duration_ms"] >= 50


async def test_a_stream_may_take_longer_than_an_answer() -> None:
    async def tell(_request: bytes, _context: Any) -> AsyncIterator[bytes]:
        for part in (b"a", b"b", b"c"):
            yield part
            await asyncio.sleep(0.4)

    async with serving(tell=tell, drain=1.5) as server:
        with structlog.testing.capture_logs() as said:
            parts = [part async for part in server.tell()]
    assert parts == [b"a", b"b", b"c"]
    assert one(said, "request")["log_level"] == "info"


async def test_an_error_in_a_stream_comes_after_what_was_sent() -> None:
    async def tell(_request: bytes, _context: Any) -> AsyncIterator[bytes]:
        yield b"a"
        raise NotFoundError("no more")

    async with serving(tell=tell) as server:
        stream = server.tell()
        assert await stream.read() == b"a"
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stream.read()
    assert (refused.value.code(), refused.value.details()) == (grpc.StatusCode.NOT_FOUND, "no more")


async def test_an_empty_stream_ends_well() -> None:
    async def tell(_request: bytes, _context: Any) -> AsyncIterator[bytes]:
        for part in tuple[bytes, ...]():
            yield part

    async with serving(tell=tell) as server:
        assert [part async for part in server.tell()] == []


async def test_a_call_in_progress_is_finished_and_health_says_no() -> None:
    """F9-3."""
    begun, free = asyncio.Event(), asyncio.Event()

    async def say(_request: bytes, _context: Any) -> bytes:
        begun.set()
        await free.wait()
        return b"done"

    async with serving(say) as server:
        assert [await server.health(name) for name in ("", "readiness", "tests.Echo")] == ["SERVING"] * 3
        call = asyncio.create_task(server.say())
        await begun.wait()
        server.shutdown.begin()
        async with asyncio.timeout(5):
            while await server.health("") == "SERVING":  # noqa: ASYNC110 - it is another's event
                await asyncio.sleep(0.01)
        assert await server.health("liveness") == "SERVING"
        free.set()
        assert await call == b"done"


@pytest.mark.usefixtures("own_provider")
async def test_a_call_goes_on_with_the_trace_and_is_tried_again_where_that_may_help() -> None:
    """X-4, LG-4."""
    codes = [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.UNAVAILABLE, None]
    seen: list[dict[str, Any]] = []

    async def say(request: bytes, context: Any) -> bytes:
        seen.append(dict(context.invocation_metadata()))
        code = codes.pop(0)
        if code:
            await context.abort(code, "not now")
        return request

    tracing.configure("tests", "1", None)
    async with serving(say) as server:
        remote = Remote("echo", server.channel, 5)
        caller = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "x-request-id": "r"}
        with tracing.handling("Call", caller):
            assert await remote.call(server.channel.unary_unary("/tests.Echo/Say"), b"hello") == b"hello"
    assert len(seen) == 3
    assert {each["traceparent"].split("-")[1] for each in seen} == {"0af7651916cd43dd8448eb211c80319c"}
    assert {each["x-request-id"] for each in seen} == {"r"}


async def test_a_refusal_is_raised_as_it_is_and_not_tried_again() -> None:
    calls = 0

    async def say(_request: bytes, context: Any) -> bytes:
        nonlocal calls
        calls += 1
        await context.abort(grpc.StatusCode.NOT_FOUND, "no such thing")
        return b""

    async with serving(say) as server:
        remote = Remote("echo", server.channel, 5)
        for _ in range(10):
            with pytest.raises(grpc.aio.AioRpcError, match="no such thing"):
                await remote.call(server.channel.unary_unary("/tests.Echo/Say"), b"")
    assert calls == 10


async def test_a_service_that_hangs_is_given_up_and_then_not_called() -> None:
    """X-13."""
    calls = 0

    async def say(_request: bytes, _context: Any) -> bytes:
        nonlocal calls
        calls += 1
        await asyncio.Event().wait()
        return b""

    async with serving(say) as server:
        remote = Remote("echo", server.channel, 0.6)
        for _ in range(5):
            with pytest.raises(UnavailableError, match="echo: "):
                await remote.call(server.channel.unary_unary("/tests.Echo/Say"), b"")
        for _ in range(2):
            with pytest.raises(UnavailableError, match="echo failed 5 times in a row"):
                await remote.call(server.channel.unary_unary("/tests.Echo/Say"), b"")
    assert calls > 0  # not five: the time of one may be over before it is there, and one may come again


async def test_who_is_limited_comes_back_later_and_the_service_is_not_taken_for_down() -> None:
    """X-4, X-13: neither tried again as after an outage nor a reason to leave the service alone."""
    limited, calls = True, 0

    async def say(request: bytes, context: Any) -> bytes:
        nonlocal calls
        calls += 1
        if limited:
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "10 in 1 s")
        return request

    async with serving(say) as server:
        remote = Remote("echo", server.channel, 5)
        for _ in range(7):
            with pytest.raises(UnavailableError, match="echo: RESOURCE_EXHAUSTED 10 in 1 s"):
                await remote.call(server.channel.unary_unary("/tests.Echo/Say"), b"")
        assert calls == 7
        limited = False
        assert await remote.call(server.channel.unary_unary("/tests.Echo/Say"), b"hello") == b"hello"
