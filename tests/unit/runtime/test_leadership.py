"""Who leads: every edge of the Lease with a clock that the test sets (invariant 3 rests on there being one leader)."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from delivery_operator.cluster.errors import ApiError, Conflict, Deposed, Refused, Unavailable
from delivery_operator.cluster.leases import Lease, Record
from delivery_operator.cluster.resources import Resource
from delivery_operator.runtime.leadership import (
    LEASE_SECONDS,
    RELEASE_SECONDS,
    RENEW_SECONDS,
    REQUEST_SECONDS,
    RETRY_SECONDS,
    Leadership,
    LeaseLost,
    boottime,
)
from tests.unit.support.api import FakeApi
from tests.unit.support.clock import Clock, settle

PLACE = ("Lease", "system", "delivery-operator")
DOWN = Unavailable("PUT lease", "etcdserver: request timed out", code=500)
NO_RIGHT = Refused("PUT lease", "forbidden", code=403)


class LeaseApi(FakeApi):
    """An API server that may take requests and not answer, before or after it has made the write."""

    def __init__(self) -> None:
        super().__init__()
        self.hangs = False
        self.loses_answers = False
        self.down: ApiError | None = None

    async def _served(self) -> None:
        if self.down is not None:
            raise self.down
        if self.hangs:
            await asyncio.Event().wait()

    async def get(self, resource: Resource, namespace: str | None, name: str) -> dict[str, Any]:
        await self._served()
        return await super().get(resource, namespace, name)

    async def create(self, resource: Resource, body: Any) -> dict[str, Any]:
        await self._served()
        return await self._answered(await super().create(resource, body))

    async def update(self, resource: Resource, body: Any) -> dict[str, Any]:
        await self._served()
        return await self._answered(await super().update(resource, body))

    async def _answered(self, answer: dict[str, Any]) -> dict[str, Any]:
        if self.loses_answers:
            await asyncio.Event().wait()
        return answer


class Replica:
    """One process: what it believes and what it was told."""

    def __init__(self, world: "World", name: str) -> None:
        self.told: list[bool] = []
        self.fault: str | None = None
        self.leadership = Leadership(
            Lease(world.api, "system", "delivery-operator"),
            name,
            self.told.append,
            lambda: self.fault,
            clock=lambda: world.clock.now,
            wall=lambda: world.wall,
            rng=random.Random(7),  # noqa: S311 a fixed seed
        )
        self.running = asyncio.create_task(self.leadership.run())

    def leads(self) -> bool:
        return self.leadership.leads

    def lost(self) -> str:
        """Why it ended."""
        assert self.running.done(), "it goes on"
        error = self.running.exception()
        assert isinstance(error, LeaseLost)
        return str(error)

    async def end(self) -> None:
        """End as a process that is killed does: without a word to anybody."""
        self.running.cancel()
        with contextlib.suppress(asyncio.CancelledError, LeaseLost):
            await self.running


class World:
    """A Lease, a clock, a wall clock, and replicas."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.api = LeaseApi()
        self.wall = datetime(2026, 11, 24, tzinfo=UTC)
        self.replicas: list[Replica] = []

    async def start(self, name: str) -> Replica:
        replica = Replica(self, name)
        self.replicas.append(replica)
        await settle()
        return replica

    async def advance(self, seconds: float, step: float = 0.2) -> None:
        """Let time pass in small steps, by both clocks; at no moment do two lead."""
        for _ in range(round(seconds / step)):
            self.wall += timedelta(seconds=step)
            await self.clock.advance(step)
            assert sum(each.leads() for each in self.replicas) <= 1

    @property
    def record(self) -> Record:
        return Record.of(self.api.objects[PLACE])

    def write(self, **spec: Any) -> None:
        """Change the Lease as somebody else would."""
        body = self.api.objects[PLACE]
        self.api.put({**body, "spec": {**body["spec"], **spec}})

    def renewals(self) -> int:
        return sum(each.startswith("update Lease") for each in self.api.requests)


@pytest.fixture
async def world(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    world = World(Clock(monkeypatch))
    yield world
    for each in world.replicas:
        await each.end()


async def test_the_first_one_leads_at_once(world: World) -> None:
    first = await world.start("a")
    assert first.leads()
    assert first.told == [True]
    assert first.leadership.acquired.is_set()
    assert (world.record.holder, world.record.seconds, world.record.transitions) == ("a", LEASE_SECONDS, 0)
    assert world.record.acquired == world.record.renewed == "2026-11-24T00:00:00.000000Z"


async def test_it_renews_every_two_seconds_and_keeps_its_term(world: World) -> None:
    first = await world.start("a")
    await world.advance(60)
    assert first.leads()
    assert 30 <= world.renewals() <= 38
    assert world.record.transitions == 0
    assert world.record.acquired < world.record.renewed


async def test_a_second_one_stands_by(world: World) -> None:
    await world.start("a")
    second = await world.start("b")
    assert second.leadership.tried.is_set()
    await world.advance(60)
    assert not second.leads()
    assert second.told == []
    assert not second.leadership.acquired.is_set()
    with pytest.raises(Deposed, match="does not hold the lease"):
        second.leadership.fence()


async def test_after_a_kill_the_other_waits_for_the_end_of_the_lease(world: World) -> None:
    first = await world.start("a")
    second = await world.start("b")
    await world.advance(5)
    await first.end()
    await world.advance(LEASE_SECONDS - 2 * RETRY_SECONDS)
    assert not second.leads()
    await world.advance(3 * RETRY_SECONDS)
    assert second.leads()
    assert (world.record.holder, world.record.transitions) == ("b", 1)


async def test_a_restarted_container_of_the_same_pod_goes_on_at_once_in_a_term_of_its_own(world: World) -> None:
    first = await world.start("a")
    await world.advance(5)
    await first.end()
    again = await world.start("a")
    assert again.leads()
    assert world.record.transitions == 1


async def test_two_processes_of_one_name_do_not_both_lead(world: World) -> None:
    """It must not happen, and the first one finds out by the term that is not its own."""
    first = await world.start("a")
    again = await world.start("a")
    await world.clock.advance(RETRY_SECONDS)
    assert "a holds the lease now" in first.lost()
    assert again.leads()


async def test_a_lease_that_is_given_back_is_taken_within_two_seconds(world: World) -> None:
    first = await world.start("a")
    second = await world.start("b")
    await world.advance(5)
    await first.end()
    await first.leadership.release()
    assert first.told == [True, False]
    assert (world.record.holder, world.record.seconds, world.record.transitions) == ("", 1, 0)
    await world.advance(RETRY_SECONDS + 0.1)
    assert second.leads()
    assert (world.record.holder, world.record.seconds, world.record.transitions) == ("b", LEASE_SECONDS, 1)


async def test_after_giving_back_nothing_may_be_written(world: World) -> None:
    first = await world.start("a")
    await first.end()
    giving = asyncio.create_task(first.leadership.release())
    await asyncio.sleep(0)
    with pytest.raises(Deposed):
        first.leadership.fence()
    await giving


async def test_one_that_does_not_lead_gives_nothing_back(world: World) -> None:
    await world.start("a")
    second = await world.start("b")
    await second.end()
    await second.leadership.release()
    assert world.record.holder == "a"
    assert second.told == []


async def test_giving_back_what_was_written_unseen_is_done_all_the_same(world: World) -> None:
    """SIGTERM breaks off a renewal: nobody knows whether it was made."""
    first = await world.start("a")
    world.api.loses_answers = True
    await world.advance(RETRY_SECONDS)
    await first.end()
    world.api.loses_answers = False
    await first.leadership.release()
    assert world.record.holder == ""


@pytest.mark.parametrize("trouble", ["down", "hangs", "stolen"])
async def test_a_lease_that_cannot_be_given_back_ends_of_itself(world: World, trouble: str) -> None:
    first = await world.start("a")
    await first.end()
    world.api.down = DOWN if trouble == "down" else None
    world.api.hangs = trouble == "hangs"
    if trouble == "stolen":
        world.write(holderIdentity="thief", leaseTransitions=9)
    giving = asyncio.create_task(first.leadership.release())
    await world.advance(RELEASE_SECONDS + 0.2)
    await giving
    assert not first.leads()
    assert world.record.holder == ("thief" if trouble == "stolen" else "a")


@pytest.mark.parametrize("trouble", [DOWN, NO_RIGHT, None], ids=["500", "403", "no answer"])
async def test_one_that_cannot_renew_for_ten_seconds_leads_no_more(world: World, trouble: ApiError | None) -> None:
    first = await world.start("a")
    second = await world.start("b")
    await world.advance(5)
    world.api.down, world.api.hangs = trouble, trouble is None
    await world.advance(RENEW_SECONDS - RETRY_SECONDS - 0.2)
    assert first.leads(), "its last renewal is not ten seconds ago"
    await world.advance(RETRY_SECONDS + 0.4)
    assert "could not be renewed for 10 s" in first.lost()
    assert first.told == [True, False]
    world.api.down, world.api.hangs = None, False
    await world.advance(LEASE_SECONDS - RENEW_SECONDS + 2 * RETRY_SECONDS)
    assert second.leads()


@pytest.mark.parametrize("trouble", [DOWN, NO_RIGHT, None], ids=["500", "403", "no answer"])
async def test_one_that_can_renew_again_in_time_leads_on(world: World, trouble: ApiError | None) -> None:
    first = await world.start("a")
    world.api.down, world.api.hangs = trouble, trouble is None
    await world.advance(RENEW_SECONDS - REQUEST_SECONDS)
    world.api.down, world.api.hangs = None, False
    await world.advance(30)
    assert first.leads()
    assert first.told == [True]


async def test_a_connection_that_died_unseen_leaves_time_for_another_attempt(world: World) -> None:
    """The first request is never answered; those that come after it are."""
    first = await world.start("a")
    world.api.hangs = True
    await world.advance(RETRY_SECONDS + 0.5)
    world.api.hangs = False
    await world.advance(REQUEST_SECONDS)
    assert world.renewals() > 0
    await world.advance(RENEW_SECONDS)
    assert first.leads()


async def test_what_it_is_allowed_shrinks_with_time_and_grows_with_a_renewal(world: World) -> None:
    first = await world.start("a")
    assert first.leadership.fence() == RENEW_SECONDS
    world.api.down = DOWN
    await world.advance(4)
    assert first.leadership.fence() == pytest.approx(RENEW_SECONDS - 4)
    world.api.down = None
    await world.advance(RETRY_SECONDS)
    assert first.leadership.fence() > RENEW_SECONDS - RETRY_SECONDS


async def test_a_renewal_counts_from_when_it_was_sent(world: World) -> None:
    """Others count from when they see it, which is later: the old leader ends before the new one begins."""
    first = await world.start("a")
    world.api.loses_answers = True
    await world.advance(RETRY_SECONDS + 1)
    assert first.leadership.fence() == pytest.approx(RENEW_SECONDS - RETRY_SECONDS - 1)


async def test_a_renewal_whose_answer_was_lost_is_made_again(world: World) -> None:
    """The Lease has a version then that the leader does not know; the term in it is its own."""
    first = await world.start("a")
    world.api.loses_answers = True
    await world.advance(RETRY_SECONDS + 0.1)
    world.api.loses_answers = False
    await world.advance(60)
    assert first.leads()
    assert world.record.transitions == 0


async def test_a_loop_that_was_held_up_writes_nothing_when_it_goes_on(world: World) -> None:
    """SIGSTOP, a machine that slept: before any code of ours knows of it, the fence does."""
    first = await world.start("a")
    world.clock.now += RENEW_SECONDS + 1
    with pytest.raises(Deposed):
        first.leadership.fence()
    await settle()
    assert "could not be renewed" in first.lost()


async def test_a_lease_that_was_stolen_is_not_taken_back(world: World) -> None:
    first = await world.start("a")
    world.write(holderIdentity="thief", leaseTransitions=1)
    await world.advance(RETRY_SECONDS)
    assert "thief holds the lease now" in first.lost()
    assert world.record.holder == "thief"


async def test_a_lease_that_was_emptied_by_hand_is_lost_and_not_free_at_once(world: World) -> None:
    """Whoever holds it does not know yet."""
    first = await world.start("a")
    second = await world.start("b")
    await world.advance(5)
    world.write(holderIdentity="")
    await world.advance(RETRY_SECONDS)
    assert "nobody holds the lease now" in first.lost()
    assert not second.leads()
    await world.advance(LEASE_SECONDS + RETRY_SECONDS)
    assert second.leads()


async def test_a_lease_that_was_touched_by_hand_is_held_on(world: World) -> None:
    first = await world.start("a")
    world.api.put(
        {**world.api.objects[PLACE], "metadata": {**world.api.objects[PLACE]["metadata"], "labels": {"a": "b"}}}
    )
    await world.advance(30)
    assert first.leads()
    assert world.api.objects[PLACE]["metadata"]["labels"] == {"a": "b"}, "what others have put on it stays"


async def test_a_lease_that_was_deleted_is_made_anew_by_the_leader(world: World) -> None:
    first = await world.start("a")
    second = await world.start("b")
    await world.advance(5)
    world.api.drop(*PLACE)
    await world.advance(30)
    assert first.leads()
    assert not second.leads()
    assert (world.record.holder, world.record.transitions) == ("a", 0)


async def test_a_lease_that_was_deleted_is_not_free_at_once(world: World) -> None:
    """The leader cannot be reached, and does not know: it has ten seconds."""
    first = await world.start("a")
    second = await world.start("b")
    await world.advance(5)
    await first.end()
    world.api.drop(*PLACE)
    await world.advance(LEASE_SECONDS - 2 * RETRY_SECONDS)
    assert not second.leads()
    await world.advance(3 * RETRY_SECONDS)
    assert second.leads()
    assert world.record.transitions == 1


async def test_a_lease_deleted_and_made_by_another_is_lost(world: World) -> None:
    first = await world.start("a")
    world.api.drop(*PLACE)
    stranger = Record("c", LEASE_SECONDS, 0)
    world.api.put({"kind": "Lease", "metadata": {"name": PLACE[2], "namespace": PLACE[1]}, "spec": stranger.spec()})
    await world.advance(RETRY_SECONDS)
    assert "c holds the lease now" in first.lost()


async def test_a_lease_that_changes_with_every_attempt_is_given_up_for_now(world: World) -> None:
    first = await world.start("a")
    world.api.failures.extend([Conflict("PUT", "changed", code=409)] * 3)
    await world.advance(RETRY_SECONDS)
    assert first.leads()
    assert world.renewals() == 3
    await world.advance(30)
    assert first.leads()


async def test_of_two_that_come_together_one_leads(world: World) -> None:
    first, second = Replica(world, "a"), Replica(world, "b")
    world.replicas += [first, second]
    await settle()
    assert [first.leads(), second.leads()].count(True) == 1
    await world.advance(30)
    assert [first.leads(), second.leads()].count(True) == 1


async def test_a_candidate_that_cannot_look_goes_on_trying(world: World) -> None:
    world.api.down = NO_RIGHT
    first = await world.start("a")
    assert first.leadership.tried.is_set(), "others need not wait for it"
    world.api.down, world.api.hangs = None, True
    await world.advance(20)
    world.api.hangs = False
    await world.advance(REQUEST_SECONDS + RETRY_SECONDS)
    assert first.leads()


async def test_a_take_over_whose_answer_was_lost_is_done_again(world: World) -> None:
    world.api.loses_answers = True
    first = await world.start("a")
    await world.advance(1)
    assert not first.leads(), "nobody knows whether it holds it"
    world.api.loses_answers = False
    await world.advance(REQUEST_SECONDS + RETRY_SECONDS)
    assert first.leads()
    assert world.record.holder == "a"


@pytest.mark.parametrize("spec", [{}, {"holderIdentity": "x"}, {"holderIdentity": "", "leaseDurationSeconds": 15}])
async def test_a_lease_that_somebody_wrote_by_hand_is_waited_for(world: World, spec: dict[str, Any]) -> None:
    world.api.put({"kind": "Lease", "metadata": {"name": PLACE[2], "namespace": PLACE[1]}, "spec": spec})
    first = await world.start("a")
    await world.advance(LEASE_SECONDS - 1)
    assert not first.leads()
    await world.advance(2)
    assert first.leads()


async def test_the_holder_says_how_long_others_wait(world: World) -> None:
    """An older or newer version of the operator may promise another time."""
    spec = Record("x", 40, 3).spec()
    world.api.put({"kind": "Lease", "metadata": {"name": PLACE[2], "namespace": PLACE[1]}, "spec": spec})
    first = await world.start("a")
    await world.advance(39)
    assert not first.leads()
    await world.advance(2)
    assert first.leads()
    assert world.record.transitions == 4


@pytest.mark.parametrize(
    "jump", [timedelta(days=-400), timedelta(seconds=-15), timedelta(seconds=20), timedelta(days=9)]
)
async def test_a_wall_clock_that_jumps_changes_nothing(world: World, jump: timedelta) -> None:
    first = await world.start("a")
    second = await world.start("b")
    await world.advance(5)
    world.wall += jump
    await world.advance(40)
    assert first.leads()
    assert not second.leads()
    await first.end()
    world.wall -= jump
    await world.advance(LEASE_SECONDS - 2 * RETRY_SECONDS)
    assert not second.leads()
    await world.advance(3 * RETRY_SECONDS)
    assert second.leads()


async def test_a_wall_clock_that_stands_still_gives_signs_of_life(world: World) -> None:
    """A write that changes nothing makes no new version, and others would see nothing."""
    first = await world.start("a")
    second = await world.start("b")
    frozen = world.wall
    for _ in range(400):
        world.wall = frozen
        await world.clock.advance(0.1)
    assert first.leads()
    assert not second.leads()


async def test_one_that_is_not_fit_to_work_does_not_renew(world: World) -> None:
    """The watch is deaf, a worker hangs: an elector that lives on by itself would keep the others out for ever."""
    first = await world.start("a")
    second = await world.start("b")
    await world.advance(5)
    first.fault = "the watch of Pod is deaf"
    await world.advance(RENEW_SECONDS + 0.2)
    assert "could not be renewed" in first.lost()
    await world.advance(LEASE_SECONDS)
    assert second.leads()


async def test_one_that_is_fit_again_in_time_leads_on(world: World) -> None:
    first = await world.start("a")
    first.fault = "a worker hangs"
    await world.advance(RENEW_SECONDS - RETRY_SECONDS - 1)
    first.fault = None
    await world.advance(30)
    assert first.leads()


def test_the_clock_is_one_that_nobody_sets() -> None:
    assert boottime() <= boottime()


def test_the_old_leader_has_ended_before_a_new_one_may_begin() -> None:
    """With time for what is still under way, and for one attempt more."""
    assert RENEW_SECONDS + REQUEST_SECONDS < LEASE_SECONDS
    assert RETRY_SECONDS + 2 * REQUEST_SECONDS <= RENEW_SECONDS
