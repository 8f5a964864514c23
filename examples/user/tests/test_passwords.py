"""What a password costs, whose turn it is, and what it tells."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from time import perf_counter
from typing import Any

import pytest
from argon2 import PasswordHasher

from user_service.passwords import Passwords

RIGHT, WRONG = "correct horse battery", "correct horse bakery"


def cheap(at_once: int = 2, time_cost: int = 1) -> Passwords:
    return Passwords(memory_kib=64, time_cost=time_cost, parallelism=1, at_once=at_once)


@pytest.fixture
def passwords() -> Iterator[Passwords]:
    with closing(cheap()) as passwords:
        yield passwords


async def test_only_the_right_one_matches_and_nobodys_never(passwords: Passwords) -> None:
    kept = await passwords.hash(RIGHT)
    assert kept.startswith("$argon2id$")
    assert RIGHT not in kept
    assert await passwords.matches(kept, RIGHT)
    assert not await passwords.matches(kept, WRONG)
    assert not await passwords.matches(None, RIGHT)


async def test_the_same_text_is_the_same_password_however_it_is_composed(passwords: Passwords) -> None:
    assert await passwords.matches(await passwords.hash("caf\u00e9 society"), "cafe\u0301 society")


async def test_what_was_made_at_another_cost_is_outdated(passwords: Passwords) -> None:
    with closing(cheap(time_cost=2)) as dearer:
        kept = await passwords.hash(RIGHT)
        assert not passwords.outdated(kept)
        assert dearer.outdated(kept)
        assert await dearer.matches(kept, RIGHT)


async def test_nobodys_takes_as_long_as_somebodys() -> None:
    """The fastest of some: a busy machine makes it slower, and nothing makes a hash faster."""
    with closing(Passwords(memory_kib=8192, time_cost=4, parallelism=1, at_once=1)) as passwords:
        kept = await passwords.hash(RIGHT)

        async def fastest(of: str | None) -> float:
            times = []
            for _ in range(5):
                begun = perf_counter()
                assert not await passwords.matches(of, WRONG)
                times.append(perf_counter() - begun)
            return min(times)

        assert await fastest(None) > await fastest(kept) / 2


class Turnstile:
    """Lets threads into argon2 when the test says so, and counts them."""

    def __init__(self, compare: Callable[..., bool]) -> None:
        self.inside = 0
        self.most = 0
        self.came = 0
        self.open = threading.Event()
        self._compare = compare
        self._lock = threading.Lock()

    def __call__(self, *given: Any) -> bool:
        with self._lock:
            self.inside += 1
            self.came += 1
            self.most = max(self.most, self.inside)
        self.open.wait(30)
        with self._lock:
            self.inside -= 1
        return self._compare(*given)


async def test_so_many_are_compared_at_once_the_loop_goes_on_and_who_gives_up_is_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    turnstile = Turnstile(PasswordHasher.verify)

    def compare(*given: Any) -> bool:  # a method, as what it stands for
        return turnstile(*given)

    monkeypatch.setattr(PasswordHasher, "verify", compare)
    with closing(cheap(at_once=2)) as passwords:
        kept = await passwords.hash(RIGHT)
        waiting = [asyncio.create_task(passwords.matches(kept, RIGHT)) for _ in range(6)]
        async with asyncio.timeout(10):
            while turnstile.inside < 2:  # noqa: ASYNC110 - threads have no event of asyncio's
                await asyncio.sleep(0.01)
        for given_up in (waiting[0], waiting[5]):  # one that is compared, and one that waits
            given_up.cancel()
        await asyncio.sleep(0)
        turnstile.open.set()
        outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    assert [outcome is True for outcome in outcomes] == [False, True, True, True, True, False]
    assert (turnstile.most, turnstile.came) == (2, 5)
