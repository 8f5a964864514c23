"""The work queue: keys of services to look at, each at most once, fairly over namespaces, failing ones later and later.

Modelled on client-go's workqueue (https://pkg.go.dev/k8s.io/client-go/util/workqueue): a key that is added while it is
worked on is worked on once more afterwards, unless a look that began later has seen why, and never by two workers at
once. Namespaces take turns, so that one with a thousand changes does not hold up the others; and when as many keys are
at work as there may be, a namespace that has none at work gets one more, so that one whose work takes long does not
either (invariant 10).

Each turn of the event loop gives out one key. A look that finds nothing to do waits for nothing: without turns between
them, those at a fleet at rest would keep the loop from everything else, such as renewing the Lease.
"""

import asyncio
import random
from collections import Counter, OrderedDict, deque
from typing import Final

from delivery_operator.cluster.store import ServiceKey

FIRST_DELAY: Final = 0.5
LONGEST_DELAY: Final = 300.0
MOST_SECONDS: Final = 120.0
"""For how long a worker works on one key before it lets others have their turn, and begins anew later."""
HANGING_SECONDS: Final = MOST_SECONDS + 60
_JITTER: Final = 0.2
_DOUBLINGS: Final = 20


class Queue:
    """Keys waiting for a worker. Not thread-safe: one event loop uses it."""

    def __init__(self, rng: random.Random | None = None, *, limit: int | None = None, paused: bool = False) -> None:
        """Start empty.

        Args:
            rng: spreads retries.
            limit: from how many keys at work on only namespaces that have none at work get one; None for no limit.
            paused: take no keys yet.
        """
        self._rng = rng or random.Random()  # noqa: S311 spreads load, guards nothing
        self._waiting: OrderedDict[str, deque[ServiceKey]] = OrderedDict()
        self._queued: set[ServiceKey] = set()
        self._working: dict[ServiceKey, float] = {}
        """Key to the time at which the work on it began."""
        self._busy: Counter[str] = Counter()
        """Namespace to how many of its keys are at work."""
        self._limit = limit
        self._again: set[ServiceKey] = set()
        self._failures: dict[ServiceKey, int] = {}
        self._timers: dict[ServiceKey, asyncio.TimerHandle] = {}
        self._workers: deque[asyncio.Future[ServiceKey | None]] = deque()
        """Those that wait for a key, the first to come first."""
        self._giving = False
        self._rest = asyncio.Event()
        self._paused = paused
        self._closed = False

    def __len__(self) -> int:
        """How many keys wait for a worker."""
        return len(self._queued)

    @property
    def working(self) -> int:
        """How many keys are being worked on."""
        return len(self._working)

    def hanging(self) -> list[ServiceKey]:
        """Which keys have been worked on for longer than a worker takes, come what may."""
        now = asyncio.get_running_loop().time()
        return [key for key, began in self._working.items() if now - began > HANGING_SECONDS]

    def add(self, key: ServiceKey) -> None:
        """Have a key looked at soon."""
        if self._closed or self._paused or key in self._queued:
            return
        if key in self._working:
            self._again.add(key)
            return
        self._queued.add(key)
        self._waiting.setdefault(key[0], deque()).append(key)
        self._give_out_soon()

    def add_after(self, key: ServiceKey, seconds: float) -> None:
        """Have a key looked at after a time; of several such wishes the earliest counts."""
        if self._closed:
            return
        loop = asyncio.get_running_loop()
        timer = self._timers.get(key)
        if timer is not None:
            if timer.when() <= loop.time() + seconds:
                return
            timer.cancel()
        self._timers[key] = loop.call_later(seconds, self._due, key)

    def add_failed(self, key: ServiceKey, at_least: float = 0.0) -> float:
        """Have a key that failed looked at again, later with each failure in a row.

        Args:
            key: what failed.
            at_least: seconds the API server asked to wait.

        Returns:
            Seconds until then.
        """
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        delay: float = min(LONGEST_DELAY, FIRST_DELAY * 2 ** min(failures, _DOUBLINGS))
        delay = max(at_least, delay * self._rng.uniform(1 - _JITTER, 1 + _JITTER))
        self.add_after(key, delay)
        return delay

    def failures(self, key: ServiceKey) -> int:
        """How often in a row a key has failed."""
        return self._failures.get(key, 0)

    def succeeded(self, key: ServiceKey) -> None:
        """Forget that a key failed."""
        self._failures.pop(key, None)

    async def get(self) -> ServiceKey | None:
        """Take the next key; the caller must call `done` with it. None when the queue is closed."""
        if self._closed:
            return None
        waiting: asyncio.Future[ServiceKey | None] = asyncio.get_running_loop().create_future()
        self._workers.append(waiting)
        self._give_out_soon()
        try:
            return await waiting
        except asyncio.CancelledError:
            if waiting.done() and not waiting.cancelled() and (key := waiting.result()) is not None:
                self._again.add(key)  # it was given to one that does not work any more
                self.done(key)
            raise

    def looking(self, key: ServiceKey) -> None:
        """Say that a look at a key begins: it sees what the key was added for until now, and no other need follow."""
        self._again.discard(key)

    def done(self, key: ServiceKey) -> None:
        """Say that the work on a key is over."""
        del self._working[key]
        self._busy[key[0]] -= 1
        if not self._busy[key[0]]:
            del self._busy[key[0]]
        if key in self._again:
            self._again.discard(key)
            self.add(key)
        self._give_out_soon()
        if not self._working:
            self._rest.set()

    async def idle(self) -> None:
        """Wait until no key is worked on."""
        while self._working:
            self._rest.clear()
            await self._rest.wait()

    def resume(self) -> None:
        """Take keys from now on. Those that came before are not known: whoever resumes has everything looked at."""
        self._paused = False

    def close(self) -> None:
        """Give out no more keys; what is being worked on goes on."""
        self._closed = True
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self._give_out_soon()

    def _turn(self) -> str | None:
        """Say which namespace's turn it is; None when none may have one."""
        if self._limit is None or len(self._working) < self._limit:
            return next(iter(self._waiting), None)
        return next((each for each in self._waiting if not self._busy[each]), None)

    def _due(self, key: ServiceKey) -> None:
        self._timers.pop(key, None)
        self.add(key)

    def _give_out_soon(self) -> None:
        """Give out keys when all has been added that is being added: one key may be among it many times."""
        if self._workers and not self._giving:
            self._giving = True
            asyncio.get_running_loop().call_soon(self._give_out)

    def _give_out(self) -> None:
        """Give a key to the worker that waits longest, if there are both; to the next one in the loop's next turn."""
        self._giving = False
        while self._workers and self._workers[0].cancelled():
            del self._workers[0]
        if not self._workers:
            return
        key = self._take()
        if key is None and not self._closed:
            return
        self._workers.popleft().set_result(key)
        self._give_out_soon()

    def _take(self) -> ServiceKey | None:
        namespace = None if self._closed else self._turn()
        if namespace is None:
            return None
        keys = self._waiting.pop(namespace)
        key = keys.popleft()
        if keys:
            self._waiting[namespace] = keys  # to the end of the line: the other namespaces come first
        self._queued.discard(key)
        self._working[key] = asyncio.get_running_loop().time()
        self._busy[namespace] += 1
        return key
