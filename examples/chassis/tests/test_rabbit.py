"""SN-6, MQ-6, MQ-7, F9-5, F9-6, W-8: work that is handed over by RabbitMQ is done, and not lost whatever ends when."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from time import monotonic
from typing import Any
from urllib.parse import quote

import aio_pika
import pamqp.encode
import pytest
import structlog
from aio_pika.abc import AbstractIncomingMessage
from opentelemetry import trace
from prometheus_client import REGISTRY
from pydantic import SecretStr

from chassis import tracing
from chassis.errors import CommandError, PostponedError, RejectedError, UnavailableError
from chassis.rabbit import consumer
from chassis.rabbit.connection import RabbitUnavailableError
from chassis.rabbit.consumer import Consumer, Received, consuming
from chassis.rabbit.headers import sendable
from chassis.rabbit.publisher import UnroutableError, publishing
from chassis.rabbit.queues import WorkQueue
from chassis.rabbit.settings import RabbitSettings
from chassis.retries import Patience
from chassis.shutdown import Shutdown
from chassis_testing.network import free_port
from chassis_testing.program import eventually
from chassis_testing.rabbitmq import RabbitMQ

QUEUE = WorkQueue("tasks")


@pytest.fixture
def settings(rabbitmq: RabbitMQ) -> RabbitSettings:
    return RabbitSettings(amqp_url=SecretStr(rabbitmq.vhost()), amqp_later_seconds=0.2, metrics_port=0)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is unavailable is put aside after two tries."""
    monkeypatch.setattr(consumer, "PATIENCE", Patience(most=2, first_pause_seconds=0.01, longest_pause_seconds=0.02))


async def send(settings: RabbitSettings, *bodies: bytes) -> None:
    async with publishing(settings, "tests", QUEUE) as publisher:
        for body in bodies:
            await publisher.send(QUEUE, body)


@asynccontextmanager
async def looking(settings: RabbitSettings) -> AsyncIterator[aio_pika.abc.AbstractChannel]:
    async with await aio_pika.connect(settings.amqp_url.get_secret_value()) as connection:
        yield await connection.channel()


async def get(settings: RabbitSettings, queue: str) -> AbstractIncomingMessage | None:
    async with looking(settings) as channel:
        message = await (await channel.get_queue(queue)).get(fail=False)
        if message is not None:
            await message.ack()
        return message


async def waiting(settings: RabbitSettings, queue: str = QUEUE.name) -> int:
    """How many messages are in a queue that nobody works on: once everybody is gone, all of them."""
    async with looking(settings) as channel:
        count = (await channel.get_queue(queue)).declaration_result.message_count
    assert count is not None
    return count


@dataclass
class Work:
    """Handles messages as it is told to."""

    does: Callable[[int], Exception | None] = lambda _: None
    """The error of the n-th message, counted from 1."""
    begun: list[Received] = field(default_factory=list)
    ended: list[bytes] = field(default_factory=list)
    stop: bool = False
    go: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, message: Received) -> None:
        self.begun.append(message)
        number = len(self.begun)
        if self.stop:
            await self.go.wait()
        if (error := self.does(number)) is not None:
            raise error
        self.ended.append(message.body)


@asynccontextmanager
async def working(settings: RabbitSettings, work: Work, drain_seconds: float = 10) -> AsyncIterator[Shutdown]:
    shutdown = Shutdown(drain_seconds)
    async with consuming(settings, "tests", QUEUE) as taking:
        running = asyncio.create_task(taking.run(work, shutdown))
        try:
            yield shutdown
        finally:
            shutdown.begin()
            await running


def first(error: Exception) -> Callable[[int], Exception | None]:
    return lambda number: error if number == 1 else None


def consumed(outcome: str) -> float:
    return REGISTRY.get_sample_value("rabbit_consumed_total", {"queue": QUEUE.name, "outcome": outcome}) or 0


async def test_a_message_is_kept_with_its_trace(settings: RabbitSettings) -> None:
    with tracing.handling("Call", {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}):
        await send(settings, b"one")
    message = await get(settings, QUEUE.name)
    assert message is not None
    assert (message.body, message.delivery_mode) == (b"one", aio_pika.DeliveryMode.PERSISTENT)
    assert str(message.headers["traceparent"]).split("-")[1] == "0af7651916cd43dd8448eb211c80319c"
    assert message.headers["x-request-id"] == "0af7651916cd43dd8448eb211c80319c"


async def test_a_message_that_no_queue_takes_is_an_error(settings: RabbitSettings) -> None:
    async with publishing(settings, "tests") as publisher:
        with pytest.raises(UnroutableError, match="no queue takes what is sent to tasks"):
            await publisher.send(QUEUE, b"one")


async def test_the_queue_is_as_others_declare_it(settings: RabbitSettings) -> None:
    """SN-4: durable, and nil arguments."""
    await send(settings)
    async with looking(settings) as channel:
        await channel.declare_queue(QUEUE.name, durable=True, auto_delete=False, exclusive=False, arguments=None)


async def test_what_is_done_is_acknowledged(settings: RabbitSettings) -> None:
    await send(settings, b"one", b"two")
    work, before = Work(), consumed("done")
    async with working(settings, work):
        await eventually(lambda: len(work.ended) == 2, "not worked on")
    assert [each.attempt for each in work.begun] == [1, 1]
    assert await waiting(settings) == 0
    assert consumed("done") == before + 2


async def test_the_trace_goes_on_and_the_log_tells_the_outcome(settings: RabbitSettings) -> None:
    with tracing.handling("Call", {"x-request-id": "req-1"}) as span:
        trace_id = span.get_span_context().trace_id
        await send(settings, b"one")
    seen: list[tuple[int, str]] = []

    async def work(_: Received) -> None:
        here = trace.get_current_span().get_span_context().trace_id
        seen.append((here, structlog.contextvars.get_contextvars()["request_id"]))

    shutdown = Shutdown(5)
    with structlog.testing.capture_logs() as said:
        async with consuming(settings, "tests", QUEUE) as taking:
            running = asyncio.create_task(taking.run(work, shutdown))
            await eventually(lambda: seen, "not worked on")
            shutdown.begin()
            await running
    assert seen == [(trace_id, "req-1")]
    (line,) = (each for each in said if each["event"] == "message")
    assert (line["queue"], line["outcome"], line["log_level"]) == ("tasks", "done", "info")


@pytest.mark.parametrize("prefetch", [1, 2])
async def test_so_many_are_worked_on_at_once(settings: RabbitSettings, prefetch: int) -> None:
    """SN-5."""
    await send(settings, b"one", b"two", b"three")
    work = Work(stop=True)
    async with working(settings.model_copy(update={"amqp_prefetch": prefetch}), work):
        await eventually(lambda: len(work.begun) == prefetch, "not begun")
        assert await waiting(settings) == 3 - prefetch
        work.go.set()
        await eventually(lambda: len(work.ended) == 3, "not worked on")


async def test_what_can_never_be_done_is_a_dead_letter(settings: RabbitSettings) -> None:
    with tracing.handling("Call", {}):
        await send(settings, b"poison", b"two")
    work = Work(first(RejectedError("no JSON")))
    async with working(settings, work):
        await eventually(lambda: work.ended == [b"two"], "the next one is not worked on")
    dead = await get(settings, QUEUE.dead)
    assert dead is not None
    assert (dead.body, dead.headers["x-reason"]) == (b"poison", "no JSON")
    assert "traceparent" in dead.headers
    assert await waiting(settings) == await waiting(settings, QUEUE.later) == 0


class Latin(str):
    """Text of a publisher that knows no UTF-8."""

    __slots__ = ()

    def encode(self, *_: object) -> bytes:
        return super().encode("latin-1")


STRANGE: dict[str, Any] = {
    "x-attempt": "9" * 5000,
    "large": 1e300,
    "table": {"price": Decimal("1.5"), "list": [1.5, True, None]},
    "at": datetime(2026, 1, 1, tzinfo=UTC),
    "drink": Latin("café"),
    "array": bytearray(b"\xff"),
}


@pytest.mark.parametrize("error", [RejectedError("no JSON"), PostponedError("not now"), LookupError("a bug")])
async def test_headers_of_others_hold_up_nobody(settings: RabbitSettings, error: Exception) -> None:
    """What the driver reads and cannot write goes on as text, and is confirmed as everything is."""
    await send(settings)
    async with looking(settings) as channel:
        wire = aio_pika.Message(b"strange", headers={**STRANGE, "large": 0.5})
        await channel.default_exchange.publish(wire, QUEUE.name)
    await send(settings, b"two")
    work = Work(first(error))
    with structlog.testing.capture_logs():
        async with working(settings, work):
            await eventually(lambda: b"two" in work.ended, "the next one is not worked on")
            if not isinstance(error, RejectedError):
                await eventually(lambda: work.ended == [b"two", b"strange"], "it does not come back")
    assert await waiting(settings, QUEUE.dead) == isinstance(error, RejectedError)
    assert next(each.attempt for each in work.begun if each.body == b"strange") == 1


@pytest.mark.parametrize(
    ("came", "goes"),
    [
        ({"large": 1e300}, {"large": "1e+300"}),
        ({"n": 2**64, "m": -1, "yes": True, "none": None}, {"n": str(2**64), "m": -1, "yes": True, "none": None}),
        ({"a": {"b": [Decimal("1.5")]}}, {"a": {"b": ["1.5"]}}),
        (
            {"bytes": b"\xff", "array": [bytearray(b"\xff")]},
            {"bytes": bytearray(b"\xff"), "array": [bytearray(b"\xff")]},
        ),
    ],
)
def test_what_cannot_be_written_becomes_text(came: dict[str, Any], goes: dict[str, Any]) -> None:
    assert sendable(came) == goes
    pamqp.encode.field_table(sendable(came))


async def test_an_error_of_the_program_is_tried_a_few_times(settings: RabbitSettings) -> None:
    await send(settings, b"one")
    work = Work(lambda _: LookupError("s3cret"))
    with structlog.testing.capture_logs():
        async with working(settings, work):

            async def given_up() -> bool:
                return await waiting(settings, QUEUE.dead) == 1

            await eventually(given_up, "not given up")
    assert [each.attempt for each in work.begun] == [1, 2, 3]
    dead = await get(settings, QUEUE.dead)
    assert dead is not None
    assert dead.headers["x-reason"] == "an error of the program: LookupError"
    assert await waiting(settings) == await waiting(settings, QUEUE.later) == 0


async def test_what_is_postponed_comes_back_and_holds_up_nobody(settings: RabbitSettings) -> None:
    await send(settings, b"one", b"two")
    work = Work(lambda number: PostponedError("not now") if number in {1, 3, 4, 5} else None)
    async with working(settings, work):
        await eventually(lambda: work.ended == [b"two", b"one"], "does not come back")
    assert {each.attempt for each in work.begun} == {1}  # however often it was postponed
    assert await waiting(settings) == await waiting(settings, QUEUE.dead) == 0


async def test_what_is_unavailable_is_tried_again_here(settings: RabbitSettings) -> None:
    await send(settings, b"one")
    work = Work(first(UnavailableError("no mail server")))
    begun = monotonic()
    async with working(settings.model_copy(update={"amqp_later_seconds": 60}), work):
        await eventually(lambda: work.ended == [b"one"], "not tried again")
    assert monotonic() - begun < 30


@pytest.mark.usefixtures("hasty")
async def test_what_stays_unavailable_is_put_aside(settings: RabbitSettings) -> None:
    await send(settings, b"one", b"two")
    work = Work(lambda number: UnavailableError("no mail server") if number < 6 else None)
    async with working(settings, work):
        await eventually(lambda: sorted(work.ended) == [b"one", b"two"], "lost")
    assert {each.attempt for each in work.begun} == {1}
    assert await waiting(settings, QUEUE.dead) == 0


async def test_an_idle_worker_ends_at_once(settings: RabbitSettings) -> None:
    """W-8: nothing is there to wait for."""
    async with working(settings, Work(), drain_seconds=600):
        begun = monotonic()
    assert monotonic() - begun < 3


async def test_a_busy_worker_takes_no_more_and_finishes(settings: RabbitSettings) -> None:
    await send(settings, b"one", b"two")
    work = Work(stop=True)
    async with working(settings, work) as shutdown:
        await eventually(lambda: work.begun, "not begun")
        shutdown.begin()

        async def left() -> bool:
            return await consumers(settings) == 0

        await eventually(left, "goes on taking")
        await send(settings, b"three")
        work.go.set()
    assert work.ended == [b"one"]
    assert await waiting(settings) == 2


async def consumers(settings: RabbitSettings) -> int:
    async with looking(settings) as channel:
        count = (await channel.get_queue(QUEUE.name)).declaration_result.consumer_count
    assert count is not None
    return count


async def test_what_is_not_finished_in_time_goes_back(settings: RabbitSettings) -> None:
    """F9-6."""
    await send(settings, b"one")
    work, before = Work(stop=True), consumed("returned")
    async with working(settings, work, drain_seconds=0.1):
        await eventually(lambda: work.begun, "not begun")
    assert work.ended == []
    message = await get(settings, QUEUE.name)
    assert message is not None
    assert (message.body, message.redelivered) == (b"one", True)
    assert consumed("returned") == before + 1


async def test_nothing_is_lost_with_the_connection(rabbitmq: RabbitMQ, settings: RabbitSettings) -> None:
    await send(settings, b"one", b"two")
    work = Work(stop=True)
    shutdown = Shutdown(10)
    async with consuming(settings, "tests", QUEUE) as taking, publishing(settings, "tests", QUEUE) as publisher:
        running = asyncio.create_task(taking.run(work, shutdown))
        await eventually(lambda: work.begun, "not begun")
        outage = rabbitmq.outage()
        await asyncio.to_thread(outage.__enter__)
        with pytest.raises(RabbitUnavailableError):
            await taking.ping()
        with pytest.raises(RabbitUnavailableError):
            await publisher.ping()
        await asyncio.to_thread(outage.__exit__, None, None, None)
        await eventually(lambda: answers(taking), "does not come back")
        await eventually(lambda: cut_off(rabbitmq, settings), "not connected")
        await eventually(lambda: answers(taking), "does not come back again")
        assert len(work.begun) == 1  # what it still works on does not come to it a second time meanwhile
        work.go.set()
        await eventually(lambda: len(work.ended) == 3, "lost")
        await publisher.send(QUEUE, b"three")
        await eventually(lambda: len(work.ended) == 4, "not taken after the outage")
        shutdown.begin()
        await running
    # The first could not be acknowledged, so it came again; also by the connection that was then cut off, and that one
    # was not worked on.
    assert work.ended == [b"one", b"one", b"two", b"three"]
    assert await waiting(settings) == 0


def cut_off(rabbitmq: RabbitMQ, settings: RabbitSettings) -> bool:
    """End both connections of a virtual host, once the broker knows of them: some time after they were made."""
    name = settings.amqp_url.get_secret_value().rpartition("/")[2]
    found = [each["name"] for each in rabbitmq.api("GET", f"/vhosts/{name}/connections")]
    if len(found) < 2:
        return False
    for each in found:
        try:
            rabbitmq.api("DELETE", f"/connections/{quote(each, safe='')}")
        except ConnectionError as error:  # the broker also forgets one some time after it has ended
            if ": 404 " not in str(error):
                raise
    return True


async def answers(taking: Consumer) -> bool:
    try:
        await taking.ping()
    except RabbitUnavailableError:
        return False
    return True


async def test_a_queue_with_other_properties_is_named(settings: RabbitSettings) -> None:
    async with looking(settings) as channel:
        await channel.declare_queue(QUEUE.name, durable=True, arguments={"x-max-length": 10})
    with pytest.raises(CommandError, match=r"tasks .* exists with other properties .*'x-max-length'"):
        async with consuming(settings, "tests", QUEUE):
            pytest.fail("it runs")


async def test_without_a_broker_it_does_not_start() -> None:
    """SN-2."""
    settings = RabbitSettings(amqp_url=SecretStr(f"amqp://shop:s3cret-Pa55@127.0.0.1:{free_port()}/"))
    with pytest.raises(CommandError, match=r"^no rabbitmq: .*onnect") as failed:
        async with publishing(settings, "tests"):
            pytest.fail("it runs")
    assert "s3cret" not in str(failed.value)


async def test_a_wrong_password_is_not_shown(rabbitmq: RabbitMQ) -> None:
    settings = RabbitSettings(amqp_url=SecretStr(f"amqp://shop:s3cret-Pa55@127.0.0.1:{rabbitmq.port}/"))
    with pytest.raises(CommandError, match=r"^no rabbitmq: ") as failed:
        async with publishing(settings, "tests"):
            pytest.fail("it runs")
    assert "s3cret" not in str(failed.value)


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({}, "AMQP_URL is required"),
        ({"AMQP_URL": ""}, "AMQP_URL is required"),
        ({"AMQP_URL": "http://shop:s3cret@rabbit"}, "AMQP_URL: must start with amqp:// or amqps://"),
        (
            {"AMQP_URL": "amqp://shop:s3cret@:5672"},
            "AMQP_URL: names no host: expected amqp://user:password@host:port/vh",
        ),
        ({"AMQP_URL": "amqp://shop:s3/cret@rabbit"}, "AMQP_URL: is not a valid URL"),
        ({"AMQP_URL": "amqp://rabbit", "AMQP_PREFETCH": "0"}, "AMQP_PREFETCH: "),
    ],
)
def test_a_wrong_variable_is_named(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], says: str) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(CommandError) as failed:
        RabbitSettings.load()
    assert str(failed.value).startswith(says)
    assert "cret" not in str(failed.value)


def test_the_other_name_of_the_variable_is_read_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """W-2."""
    monkeypatch.setenv("RABBITMQ_URL", "amqp://shop:s3cret-Pa55@other/")
    assert "s3cret-Pa55" in RabbitSettings.load().secrets
    monkeypatch.setenv("AMQP_URL", "amqp://shop:s3cret-Pa55@rabbit/")
    assert RabbitSettings.load().amqp_url.get_secret_value() == "amqp://shop:s3cret-Pa55@rabbit/"
