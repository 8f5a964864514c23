"""MQ-3, MQ-7, SD-5, W-12, X-15: what becomes of messages, whatever happens meanwhile. Against a real Kafka."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from opentelemetry import trace
from structlog.testing import capture_logs

from chassis.errors import RejectedError, UnavailableError
from chassis.kafka import consumer as module
from chassis.kafka.consumer import consuming
from chassis.kafka.handling import Handle, Received, dead_letters
from chassis.kafka.producer import Message, producing
from chassis.kafka.progress import Progress
from chassis.shutdown import Shutdown
from chassis_testing.kafka import Kafka
from chassis_testing.program import eventually


class Group:
    """A group on a topic of its own, and what its members have done."""

    def __init__(self, kafka: Kafka) -> None:
        self.kafka = kafka
        self.topic = kafka.topic()
        self.name = kafka.group()
        self.done: list[str] = []

    async def send(self, *values: str, key: Callable[[str], str] = str, **headers: str) -> None:
        async with producing(self.kafka.bootstrap_servers, "tests") as producer:
            await producer.send(self.topic, [Message(key(value), value.encode(), headers) for value in values])

    async def note(self, message: Received) -> None:
        self.done.append(message.value.decode())

    @asynccontextmanager
    async def member(
        self, handle: Handle | None = None, drain_seconds: float = 15, *, orderly: bool = True
    ) -> AsyncIterator[Shutdown]:
        shutdown = Shutdown(drain_seconds)
        async with consuming(self.kafka.bootstrap_servers, "tests", self.name, 1) as consumer:
            running = asyncio.create_task(consumer.run([self.topic], handle or self.note, shutdown))
            try:
                yield shutdown
            finally:
                if orderly:
                    shutdown.begin()
                    await running
                else:
                    running.cancel()
                    await asyncio.wait({running})

    async def has_done(self, *values: str) -> None:
        await eventually(lambda: set(values) <= set(self.done), f"not all of {values} are done")

    async def letters(self, count: int) -> list[tuple[str, dict[str, str]]]:
        reader = AIOKafkaConsumer(
            dead_letters(self.topic, self.name),
            bootstrap_servers=self.kafka.bootstrap_servers,
            auto_offset_reset="earliest",
        )
        async with reader, asyncio.timeout(30):
            records = [await reader.getone() for _ in range(count)]
        return [(r.value.decode(), {name: value.decode() for name, value in r.headers}) for r in records]


@pytest.fixture
async def group(kafka: Kafka) -> Group:
    group = Group(kafka)
    await kafka.make_topics(group.topic)
    return group


def has_more_than(done: Sequence[str], count: int) -> bool:
    return len(done) > count


def numbers(*range_: int) -> list[str]:
    return [f"{n:03}" for n in range(*range_)]


@pytest.mark.parametrize(
    ("ends", "place"),
    [((), 3), ((3,), 5), ((5,), 3), ((3, 5), 8), ((3, 5, 8), 9), ((8, 5, 3), 9)],
)
def test_what_is_committed_is_where_everything_before_has_ended(ends: Sequence[int], place: int) -> None:
    progress = Progress()
    assert progress.to_commit is None
    for offset in (3, 5, 8):  # there are gaps where messages were aborted or compacted away
        progress.take(offset)
    for offset in ends:
        progress.end(offset)
    assert progress.to_commit == place
    progress.committed(place)
    assert progress.to_commit is None


async def test_everything_is_read_from_the_first_message_on_and_once(group: Group) -> None:
    await group.send(*numbers(0, 50))
    async with group.member():
        await group.has_done(*numbers(0, 50))
    async with group.member():
        await group.send("new")
        await group.has_done("new")
    assert sorted(group.done) == [*numbers(0, 50), "new"]


async def test_keys_keep_their_order_and_do_not_wait_for_each_other(group: Group) -> None:
    go = asyncio.Event()

    async def handle(message: Received) -> None:
        if message.value == b"a1":
            await go.wait()
        await group.note(message)

    async with group.member(handle):
        await group.send("a1", "a2", "a3", "b1", "b2", key=lambda value: value[0])
        await group.has_done("b1", "b2")
        assert not {"a1", "a2", "a3"} & set(group.done)
        go.set()
        await group.has_done("a1", "a2", "a3")
    assert [each for each in group.done if each[0] == "a"] == ["a1", "a2", "a3"]


async def test_no_more_are_taken_than_there_is_room_for(group: Group, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_TAKEN", 5)
    go, begun = asyncio.Event(), set()

    async def handle(message: Received) -> None:
        begun.add(message.value)
        await go.wait()
        await group.note(message)

    async with group.member(handle):
        await group.send(*numbers(0, 40))
        await eventually(lambda: len(begun) == 5, "not taken")
        go.set()
        await group.has_done(*numbers(0, 40))
    assert len(group.done) == 40


async def test_the_trace_goes_on(group: Group) -> None:
    sent = "4bf92f3577b34da6a3ce929d0e0e4736"
    seen: list[str] = []

    async def handle(message: Received) -> None:
        seen.append(trace.format_trace_id(trace.get_current_span().get_span_context().trace_id))
        await group.note(message)

    async with group.member(handle):
        await group.send("a", traceparent=f"00-{sent}-00f067aa0ba902b7-01")
        await group.has_done("a")
    assert seen == [sent]


async def test_what_cannot_be_worked_is_put_aside_with_the_reason(group: Group) -> None:
    async def handle(message: Received) -> None:
        if message.value == b"poison":
            raise RejectedError("not JSON")
        await group.note(message)

    async with group.member(handle):
        await group.send("poison", "good", key=lambda _: "k", traceparent="as it came")
        await group.has_done("good")
        ((value, headers),) = await group.letters(1)
    assert (value, headers["dead-letter-reason"], headers["traceparent"]) == ("poison", "not JSON", "as it came")
    assert headers["dead-letter-place"].startswith(f"{group.topic}/")
    async with group.member():
        await group.send("next")
        await group.has_done("next")
    assert "poison" not in group.done


async def test_what_is_too_large_to_be_put_aside_is_told_of_and_blocks_nobody(group: Group) -> None:
    """It came compressed: Kafka's limit is that of what is sent, a client's that of what it was."""

    async def handle(message: Received) -> None:
        if len(message.value) > len(b"next"):
            raise RejectedError("not JSON")
        await group.note(message)

    client = AIOKafkaProducer(
        bootstrap_servers=group.kafka.bootstrap_servers, compression_type="gzip", max_request_size=4_000_000
    )
    async with client:
        place = await client.send_and_wait(group.topic, bytes(3_000_000), key=b"k" * 3000)
    async with group.member(handle):
        ((value, headers),) = await group.letters(1)
        await group.send("next", key=lambda _: "k" * 3000)
        await group.has_done("next")
    assert (value, headers["dead-letter-reason"]) == ("", "not JSON")
    assert headers["dead-letter-place"] == f"{group.topic}/{place.partition}/{place.offset}"
    assert headers["dead-letter-cut"].startswith("larger than")


async def test_an_error_of_the_program_is_tried_again_and_then_put_aside(group: Group) -> None:
    tries: Counter[bytes] = Counter()

    async def handle(message: Received) -> None:
        tries[message.value] += 1
        if message.value == b"bad" or (message.value == b"once" and tries[message.value] == 1):
            raise LookupError("a bug")
        await group.note(message)

    with capture_logs() as lines:
        async with group.member(handle):
            await group.send("bad", "once", "good")
            await group.has_done("once", "good")
            ((value, headers),) = await group.letters(1)
    assert (value, headers["dead-letter-reason"]) == ("bad", "LookupError 3 times")
    assert tries == {b"bad": 3, b"once": 2, b"good": 1}
    assert [line["times"] for line in lines if line["event"] == "message failed"].count(3) == 1


async def test_what_is_away_is_waited_for(group: Group) -> None:
    tries: Counter[bytes] = Counter()

    async def handle(message: Received) -> None:
        tries[message.value] += 1
        if tries[message.value] <= 4:
            raise UnavailableError("no database")
        await group.note(message)

    async with group.member(handle):
        await group.send("a1", "a2", key=lambda _: "a")
        await group.has_done("a1", "a2")
    assert group.done == ["a1", "a2"]


async def test_a_member_that_is_to_end_finishes_what_it_has_begun(group: Group) -> None:
    begun, go = asyncio.Event(), asyncio.Event()

    async def handle(message: Received) -> None:
        begun.set()
        await go.wait()
        await group.note(message)

    async with group.member(handle) as shutdown:
        await group.send("a")
        await begun.wait()
        shutdown.begin()
        await asyncio.sleep(0)
        go.set()
    assert group.done == ["a"]
    async with group.member():
        await group.send("b")
        await group.has_done("b")
    assert group.done == ["a", "b"]


async def test_what_is_not_finished_in_time_is_given_back(group: Group) -> None:
    """SD-5: its offset is not committed, and what came behind it with the same key comes behind it again."""
    begun = asyncio.Event()

    async def stuck(message: Received) -> None:
        if message.value == b"a1":
            begun.set()
            await asyncio.Event().wait()
        await group.note(message)

    with capture_logs() as lines:
        async with group.member(stuck, drain_seconds=0.6):
            await group.send("a1", "a2", key=lambda _: "a")
            await begun.wait()
    assert group.done == []
    assert {"event": "given back", "messages": 2, "log_level": "warning"} in lines
    async with group.member():
        await group.has_done("a1", "a2")
    assert group.done == ["a1", "a2"]


async def test_a_member_that_crashes_loses_nothing(group: Group) -> None:
    await group.send(*numbers(0, 30))
    many = asyncio.Event()

    async def handle(message: Received) -> None:
        if len(group.done) == 20:
            many.set()
            await asyncio.Event().wait()
        await group.note(message)

    async with group.member(handle, orderly=False):
        await many.wait()
    async with group.member():
        await group.has_done(*numbers(0, 30))


async def test_members_come_and_go_and_everything_is_done_once(group: Group) -> None:
    """A partition is handed over after what was begun on it has ended and is committed."""
    sent: list[str] = []
    enough = asyncio.Event()

    async def handle(done: list[str], message: Received) -> None:
        await asyncio.sleep(0.01)
        await group.note(message)
        done.append(message.value.decode())

    async def come() -> None:
        while not enough.is_set():
            values = numbers(len(sent), len(sent) + 10)
            await group.send(*values)
            sent.extend(values)
            await asyncio.sleep(0.05)

    async with group.member(partial(handle, [])):
        coming = asyncio.create_task(come())
        await group.has_done("000")
        for _ in range(2):
            done: list[str] = []
            async with group.member(partial(handle, done)):
                await eventually(partial(has_more_than, done, 20), "the new member does nothing")
        enough.set()
        await coming
        await group.has_done(*sent)
    assert [each for each, times in Counter(group.done).items() if times > 1] == []


async def test_a_broker_that_crashes_is_waited_for(kafka: Kafka, group: Group) -> None:
    async with group.member():
        await group.send(*numbers(0, 20))
        await group.has_done(*numbers(0, 20))
        await restart(kafka)
        await group.send(*numbers(20, 40))
        await group.has_done(*numbers(20, 40))


async def restart(kafka: Kafka) -> None:
    """Crash, and start again, while the loop goes on."""
    kafka.kill()
    await asyncio.to_thread(kafka.start)


async def test_a_broker_that_is_away_does_not_hold_up_the_end(kafka: Kafka, group: Group) -> None:
    loop = asyncio.get_running_loop()
    try:
        async with group.member(drain_seconds=3):
            await group.send("a")
            await group.has_done("a")
            kafka.kill()
            began = loop.time()
        took = loop.time() - began
    finally:
        await asyncio.to_thread(kafka.start)
    assert took < 6


async def test_a_topic_that_is_made_later_is_found(kafka: Kafka, group: Group) -> None:
    group.topic = kafka.topic()
    async with group.member():
        await group.send("a")
        await group.has_done("a")
