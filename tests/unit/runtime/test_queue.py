"""The work queue: each key once, never two workers on one, namespaces in turn, failing ones later (invariant 10)."""

import asyncio
import random

import pytest

from delivery_operator.runtime.queue import FIRST_DELAY, HANGING_SECONDS, LONGEST_DELAY, MOST_SECONDS, Queue
from tests.unit.support.clock import Clock, settle

ORDER, PAYMENT = ("shop", "order"), ("shop", "payment")


@pytest.fixture
async def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


async def taken(queue: Queue, count: int) -> list[tuple[str, str] | None]:
    keys = []
    for _ in range(count):
        key = await queue.get()
        assert key is not None
        keys.append(key)
        queue.done(key)
    return list(keys)


async def test_a_key_that_is_added_often_waits_once() -> None:
    queue = Queue()
    for _ in range(1000):
        queue.add(ORDER)
    assert len(queue) == 1
    assert await queue.get() == ORDER
    assert (len(queue), queue.working) == (0, 1)
    queue.done(ORDER)
    assert (len(queue), queue.working) == (0, 0)


async def test_a_key_that_changes_while_it_is_worked_on_is_worked_on_once_more_and_not_at_once() -> None:
    """No event is lost, and no two workers have one service."""
    queue = Queue()
    queue.add(ORDER)
    assert await queue.get() == ORDER
    queue.add(ORDER)
    queue.add(ORDER)
    assert len(queue) == 0
    queue.done(ORDER)
    assert len(queue) == 1
    assert await taken(queue, 1) == [ORDER]
    assert len(queue) == 0


async def test_what_a_later_look_has_seen_asks_for_no_other() -> None:
    """The event of an own write that overtakes its answer costs no look; what comes after the look began does."""
    queue = Queue()
    queue.add(ORDER)
    assert await queue.get() == ORDER
    queue.add(ORDER)
    queue.looking(ORDER)
    queue.done(ORDER)
    assert len(queue) == 0
    queue.add(ORDER)
    assert await queue.get() == ORDER
    queue.looking(ORDER)
    queue.add(ORDER)
    queue.done(ORDER)
    assert len(queue) == 1


async def test_namespaces_take_turns() -> None:
    """One with a thousand changes does not hold up the others."""
    queue = Queue()
    for number in range(1000):
        queue.add(("noisy", f"s{number}"))
    queue.add(("quiet", "a"))
    queue.add(("quiet", "b"))
    queue.add(("calm", "c"))
    assert await taken(queue, 6) == [
        ("noisy", "s0"),
        ("quiet", "a"),
        ("calm", "c"),
        ("noisy", "s1"),
        ("quiet", "b"),
        ("noisy", "s2"),
    ]


async def test_a_namespace_whose_work_takes_long_holds_up_no_other() -> None:
    """With every worker in its hands, another namespace gets one more at once."""
    queue = Queue(limit=3)
    for number in range(9):
        queue.add(("slow", f"s{number}"))
    assert [await queue.get() for _ in range(3)] == [("slow", f"s{number}") for number in range(3)]
    workers = [asyncio.create_task(queue.get()) for _ in range(3)]
    await settle()
    assert not any(worker.done() for worker in workers), "it has its share"
    queue.add(("quick", "a"))
    queue.add(("quick", "b"))
    await settle()
    assert workers[0].result() == ("quick", "a")
    assert not workers[1].done(), "one more, no two"
    queue.done(("quick", "a"))
    await settle()
    assert workers[1].result() == ("quick", "b")
    queue.done(("slow", "s0"))
    await settle()
    assert not workers[2].done(), "three are at work: quick and two slow ones"
    queue.done(("quick", "b"))
    await settle()
    assert workers[2].result() == ("slow", "s3")


async def test_one_namespace_alone_has_all_that_the_limit_allows() -> None:
    queue = Queue(limit=8)
    for number in range(20):
        queue.add(("shop", f"s{number}"))
    workers = [asyncio.create_task(queue.get()) for _ in range(16)]
    await settle()
    assert [worker.done() for worker in workers].count(True) == 8
    queue.close()
    await settle()
    assert [worker.result() for worker in workers].count(None) == 8


async def test_many_namespaces_do_not_go_beyond_the_workers_there_are() -> None:
    queue = Queue(limit=2)
    for number in range(20):
        queue.add((f"n{number}", "a"))
    workers = [asyncio.create_task(queue.get()) for _ in range(4)]
    await settle()
    assert [worker.result() for worker in workers] == [(f"n{number}", "a") for number in range(4)]
    assert len(queue) == 16


async def test_a_key_that_was_given_to_a_worker_that_ends_is_given_to_another() -> None:
    queue = Queue()
    ended = asyncio.create_task(queue.get())
    await settle()
    queue.add(ORDER)
    await asyncio.sleep(0)
    ended.cancel()
    await settle()
    assert ended.cancelled()
    assert await queue.get() == ORDER
    assert queue.working == 1


async def test_a_worker_that_ended_while_it_waited_is_given_nothing() -> None:
    queue = Queue()
    ended, lives = asyncio.create_task(queue.get()), asyncio.create_task(queue.get())
    await settle()
    ended.cancel()
    await settle()
    queue.add(ORDER)
    await settle()
    assert lives.result() == ORDER


async def test_what_comes_many_times_at_once_is_worked_on_once() -> None:
    queue = Queue()
    worker = asyncio.create_task(queue.get())
    await settle()
    for _ in range(5):
        queue.add(ORDER)
    await settle()
    assert worker.result() == ORDER
    queue.done(ORDER)
    assert len(queue) == 0


async def test_within_a_namespace_the_first_comes_first() -> None:
    queue = Queue()
    keys = [("shop", f"s{number}") for number in range(5)]
    for key in keys:
        queue.add(key)
    assert await taken(queue, 5) == keys


async def test_workers_that_wait_are_woken_one_key_each() -> None:
    queue = Queue()
    workers = [asyncio.create_task(queue.get()) for _ in range(3)]
    await settle()
    queue.add(ORDER)
    queue.add(PAYMENT)
    await settle()
    assert {worker.result() for worker in workers if worker.done()} == {ORDER, PAYMENT}
    queue.close()
    await settle()
    assert [worker.result() for worker in workers].count(None) == 1


async def test_a_wish_for_later_is_kept_until_then(clock: Clock) -> None:
    queue = Queue()
    queue.add_after(ORDER, 10)
    await clock.advance(9.9)
    assert len(queue) == 0
    await clock.advance(0.2)
    assert len(queue) == 1


@pytest.mark.parametrize("wishes", [(10, 60), (60, 10)])
async def test_of_several_wishes_the_earliest_counts(clock: Clock, wishes: tuple[float, float]) -> None:
    queue = Queue()
    for seconds in wishes:
        queue.add_after(ORDER, seconds)
    await clock.advance(11)
    assert await taken(queue, 1) == [ORDER]
    await clock.advance(100)
    assert len(queue) == 0, "the later wish is gone"


async def test_a_key_that_fails_comes_back_later_each_time(clock: Clock) -> None:
    queue = Queue(random.Random(7))  # noqa: S311 a fixed seed
    for attempt in range(30):
        delay = queue.add_failed(ORDER)
        middle = min(LONGEST_DELAY, FIRST_DELAY * 2**attempt)
        assert 0.8 * middle <= delay <= 1.2 * middle
        await clock.advance(delay + 0.001)
        assert await taken(queue, 1) == [ORDER]


async def test_delays_are_spread(clock: Clock) -> None:
    """All services fail together when the API server is away; they must not all come back together."""
    queue = Queue(random.Random(7))  # noqa: S311 a fixed seed
    delays = {queue.add_failed(("shop", f"s{number}")) for number in range(100)}
    assert len(delays) > 90
    await clock.advance(1)
    assert len(queue) == 100


async def test_success_starts_the_delays_anew(clock: Clock) -> None:
    queue = Queue(random.Random(7))  # noqa: S311 a fixed seed
    for _ in range(5):
        delay = queue.add_failed(ORDER)
    await clock.advance(delay + 1)
    queue.succeeded(ORDER)
    queue.succeeded(PAYMENT)
    assert queue.add_failed(ORDER) <= 1.2 * FIRST_DELAY


async def test_the_failures_of_one_key_delay_no_other(clock: Clock) -> None:
    queue = Queue()
    for _ in range(10):
        queue.add_failed(ORDER)
    assert queue.add_failed(PAYMENT) <= 1.2 * FIRST_DELAY
    await clock.advance(1)
    assert len(queue) == 2, "the earliest wish for the first one counts too"


async def test_the_api_servers_wish_to_wait_is_kept() -> None:
    queue = Queue()
    assert queue.add_failed(ORDER, at_least=42.0) == 42.0
    queue.close()


async def test_a_change_brings_a_failed_key_back_at_once() -> None:
    """Level-triggered: what was wrong may have been mended."""
    queue = Queue()
    queue.add_failed(ORDER, at_least=300)
    queue.add(ORDER)
    assert await taken(queue, 1) == [ORDER]
    queue.close()


async def test_a_closed_queue_gives_out_nothing_more(clock: Clock) -> None:
    queue = Queue()
    queue.add(ORDER)
    assert await queue.get() == ORDER
    queue.add_after(PAYMENT, 1)
    queue.close()
    queue.add(PAYMENT)
    queue.add_after(PAYMENT, 1)
    await clock.advance(10)
    assert len(queue) == 0
    assert await queue.get() is None
    assert queue.working == 1, "what is worked on goes on"


async def test_idle_is_when_nothing_is_worked_on() -> None:
    queue = Queue()
    queue.add(ORDER)
    await queue.get()
    waiting = asyncio.create_task(queue.idle())
    await settle()
    assert not waiting.done()
    queue.done(ORDER)
    await settle()
    assert waiting.done()


async def test_a_paused_queue_takes_nothing_until_it_is_resumed(clock: Clock) -> None:
    """One that stands by remembers nothing: whoever resumes it has everything looked at."""
    queue = Queue(paused=True)
    queue.add(ORDER)
    queue.add_after(PAYMENT, 1)
    await clock.advance(2)
    assert len(queue) == 0
    queue.resume()
    assert len(queue) == 0
    queue.add(ORDER)
    assert await taken(queue, 1) == [ORDER]


async def test_work_that_goes_on_for_longer_than_a_worker_takes_hangs(clock: Clock) -> None:
    queue = Queue()
    queue.add(ORDER)
    await queue.get()
    await clock.advance(HANGING_SECONDS)
    queue.add(PAYMENT)
    await queue.get()
    assert queue.hanging() == []
    await clock.advance(1)
    assert queue.hanging() == [ORDER]
    queue.done(ORDER)
    assert queue.hanging() == []
    assert HANGING_SECONDS > MOST_SECONDS


async def test_the_loop_has_its_turn_between_two_keys() -> None:
    """At a fleet at rest a look waits for nothing; the Lease must be renewed all the same."""
    queue = Queue()
    for number in range(2000):
        queue.add(("shop", f"s{number}"))
    looks, enough = 0, asyncio.Event()
    between: list[int] = []

    async def work() -> None:
        nonlocal looks
        while (key := await queue.get()) is not None:
            looks += 1
            queue.done(key)

    def turn() -> None:
        nonlocal looks
        between.append(looks)
        looks = 0
        if len(between) < 2000:
            asyncio.get_running_loop().call_soon(turn)
        else:
            enough.set()

    workers = [asyncio.create_task(work()) for _ in range(40)]
    turn()
    await enough.wait()
    assert max(between) <= 1
    assert sum(between) > 900, "and no turn is wasted"
    queue.close()
    assert await asyncio.gather(*workers) == [None] * 40
