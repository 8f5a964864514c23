"""Who of several replicas works: the holder of a Lease. The others are ready, and do nothing.

The rules are those of client-go's leader election. A leader renews the Lease every two seconds; when it has not
succeeded for ten, it is none any more. Another takes the Lease when it has not seen it change for fifteen seconds, or
at once when it was given back. The five seconds in between are for what the old leader has sent and is still under way.

- Time is that of a clock that nobody sets, each process's own. The times in the Lease are for people and are never
  compared: the clocks of two machines differ, and either may jump.
- Nothing is written without asking `fence`. It refuses once the ten seconds are over, whether or not this loop has got
  to know of it, and bounds what is sent before.
- A leader renews only while it is fit to work; one that is not goes, and lets another lead.
- A Lease that somebody deleted is held on by whom it was last seen to be held, for its time. The leader makes it anew.
"""

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog

from delivery_operator.cluster.api import Body
from delivery_operator.cluster.errors import AlreadyExists, ApiError, Conflict, Deposed, NotFound, Unavailable
from delivery_operator.cluster.leases import Lease, Record

LEASE_SECONDS: Final = 15
"""For how long others stay away after the last change that they have seen."""
RENEW_SECONDS: Final = 10.0
"""For how long after its last renewal a leader is one."""
RETRY_SECONDS: Final = 2.0
"""Between two attempts, at most; those who wait come earlier by chance, so as not to come together."""
REQUEST_SECONDS: Final = 4.0
"""For how long one attempt waits for its answer: a connection that died unseen leaves time for a second one."""
RELEASE_SECONDS: Final = 3.0
_GIVEN_BACK: Final = 1
"""Seconds in a Lease that was given back. An empty holder beside more of them was not written by the one who leads."""

log = structlog.get_logger(__name__)


class LeaseLost(Exception):
    """This process led, and does not any more: it must end at once."""


def boottime() -> float:
    """Seconds by a clock that nobody sets, and that goes on while the machine sleeps, where there is one."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


def _now() -> datetime:
    return datetime.now(UTC)


class Leadership:
    """One process's part: a candidate, then the leader, then nothing more.

    Attributes:
        tried: set when the first attempt is over, however it ended.
        acquired: set when this process leads.
    """

    def __init__(  # noqa: PLR0913 what it is told, and the clocks that tests set
        self,
        lease: Lease,
        identity: str,
        told: Callable[[bool], None],
        fault: Callable[[], str | None] = lambda: None,
        *,
        clock: Callable[[], float] = boottime,
        wall: Callable[[], datetime] = _now,
        rng: random.Random | None = None,
    ) -> None:
        """Stand as a candidate once `run` runs.

        Args:
            lease: what is to be held.
            identity: by whom. A process before this one with the same name is taken to be dead.
            told: called with whether this process leads, when that changes.
            fault: why this process is not fit to lead, or None: with a fault it does not renew.
            clock: goes on evenly, whatever is done to the machine's time.
            wall: what people take for the time.
            rng: spreads attempts.
        """
        self.tried = asyncio.Event()
        self.acquired = asyncio.Event()
        self._lease = lease
        self._identity = identity
        self._told = told
        self._fault = fault
        self._clock = clock
        self._wall = wall
        self._rng = rng or random.Random()  # noqa: S311 spreads load, guards nothing
        self._seen: Record | None = None
        self._seen_at = clock()
        self._body: Body | None = None
        self._term: Record | None = None
        self._until = 0.0

    @property
    def leads(self) -> bool:
        """Whether this process may write now."""
        return self._term is not None and self._clock() < self._until

    def fence(self) -> float:
        """Answer for how many seconds this process leads, if it is not to renew again.

        Raises:
            Deposed: it does not.
        """
        if not self.leads:
            raise Deposed("write", "it was not sent: this process does not hold the lease")
        return self._until - self._clock()

    async def run(self) -> None:
        """Wait for the Lease, take it, and hold it until cancelled.

        Raises:
            LeaseLost: it was taken, and could not be held.
        """
        try:
            await self._stand()
            await self._hold()
        finally:
            self.tried.set()

    async def release(self) -> None:
        """Give the Lease back, so that another need not wait for its end. Call it when `run` has been cancelled.

        Nothing may be under way that this process has sent. When it fails, the Lease ends of itself.
        """
        if not self.leads or self._term is None:
            return
        term, now = self._term, self._stamp()
        self._step_down()
        given_back = Record("", _GIVEN_BACK, term.transitions, acquired=now, renewed=now)
        try:
            async with asyncio.timeout(RELEASE_SECONDS):
                await self._overwrite(term, given_back)
        except (ApiError, LeaseLost, TimeoutError) as error:
            log.warning("the lease could not be given back; it ends of itself", error=str(error))
        else:
            log.info("lease given back")

    async def _stand(self) -> None:
        """Try until the Lease is taken."""
        while True:
            pause = RETRY_SECONDS * self._rng.uniform(0.5, 1)
            try:
                async with asyncio.timeout(REQUEST_SECONDS):
                    taken = await self._take()
            except (Conflict, AlreadyExists):  # another was faster
                taken = False
            except (ApiError, TimeoutError) as error:
                log.warning("cannot see who leads", error=str(error) or "no answer in time")
                taken = False
            else:
                if not taken:
                    pause = min(pause, self._free_at() - self._clock())
            self.tried.set()
            if taken:
                return
            await asyncio.sleep(pause)

    async def _take(self) -> bool:
        """Take the Lease if nobody holds it."""
        body = await self._lease.read()
        now = self._clock()
        found = Record.of(body) if body is not None else None
        if found is not None and found != self._seen:
            if self._seen is None or not found.same_term(self._seen):
                log.info("lease seen", holder=found.holder or None, transitions=found.transitions)
            self._seen, self._seen_at = found, now
        if now < self._free_at():
            return False
        stamp = self._stamp()
        transitions = 0 if self._seen is None else self._seen.transitions + 1
        term = Record(self._identity, LEASE_SECONDS, transitions, acquired=stamp, renewed=stamp)
        began = self._clock()
        self._body = await self._lease.write(body, term)
        self._term, self._until = term, began + RENEW_SECONDS
        log.info("leading", identity=self._identity, transitions=transitions)
        self.acquired.set()
        self._told(True)  # noqa: FBT003 the one thing there is to tell
        return True

    def _free_at(self) -> float:
        """When the Lease may be taken, as it was last seen."""
        seen = self._seen
        if seen is None or seen.holder == self._identity or (seen.holder, seen.seconds) == ("", _GIVEN_BACK):
            return self._seen_at
        return self._seen_at + (seen.seconds or LEASE_SECONDS)

    async def _hold(self) -> None:
        """Renew until that has failed for too long."""
        try:
            began = self._clock()
            while True:
                due = began + RETRY_SECONDS * self._rng.uniform(0.8, 1)
                await asyncio.sleep(max(0.0, min(due, self._until) - self._clock()))
                began = self._clock()
                await self._renew_if_fit()
        finally:
            if not self.leads:
                self._step_down()

    async def _renew_if_fit(self) -> None:
        left = self._until - self._clock()
        if left <= 0 or self._term is None:
            raise LeaseLost(f"the lease could not be renewed for {RENEW_SECONDS:.0f} s")
        fault = self._fault()
        if fault is not None:
            log.error("not renewing the lease: this process is not fit to lead", fault=fault)
            return
        began = self._clock()
        renewed = replace(self._term, renewed=self._stamp())
        try:
            async with asyncio.timeout(min(REQUEST_SECONDS, left)):
                await self._overwrite(self._term, renewed)
        except (ApiError, TimeoutError) as error:
            log.warning("the lease was not renewed", error=str(error) or "no answer in time", seconds_left=round(left))
        else:
            # From before the request: others count from when they see the change, which is later.
            self._term, self._until = renewed, began + RENEW_SECONDS

    async def _overwrite(self, term: Record, record: Record) -> None:
        """Write a record in the place of one of ours.

        A write whose answer was lost may have been made, and others may have touched the Lease or deleted it: as long
        as no other term has begun, it is still ours.

        Raises:
            LeaseLost: another term has begun.
            ApiError: it could not be written now.
        """
        for _ in range(3):
            try:
                self._body = await self._lease.write(self._body, record)
            except (Conflict, AlreadyExists, NotFound):
                self._body = await self._lease.read()
                found = Record.of(self._body) if self._body is not None else None
                if found is not None and not found.same_term(term):
                    self._step_down()
                    raise LeaseLost(f"{found.holder or 'nobody'} holds the lease now") from None
            else:
                return
        raise Unavailable("PUT lease", "it changes with every attempt")

    def _step_down(self) -> None:
        if self._term is not None:
            self._term = None
            self._told(False)  # noqa: FBT003 the one thing there is to tell

    def _stamp(self) -> str:
        """Say what people take for the time, other than the last one said: others take a change for a sign of life."""
        now = self._wall()
        while (stamp := now.strftime("%Y-%m-%dT%H:%M:%S.%fZ")) == (self._term.renewed if self._term else None):
            now += timedelta(microseconds=1)
        return stamp
