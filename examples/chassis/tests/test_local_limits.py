"""X-5, SP-6: so many calls a second."""

import asyncio
from time import monotonic

from prometheus_client import REGISTRY

from chassis.limits import LimitedError, Limiter


async def test_ten_at_once_and_then_ten_a_second() -> None:
    limiter = Limiter("thing")
    begun = monotonic()
    for _ in range(10):
        await limiter.wait(5)
    assert monotonic() - begun < 0.1
    for _ in range(5):
        await limiter.wait(5)
    assert 0.4 < monotonic() - begun < 1


async def test_a_turn_that_does_not_come_in_time_is_given_up_and_costs_the_others_nothing() -> None:
    limiter = Limiter("thing", per_second=10, burst=1)
    before = REGISTRY.get_sample_value("limited_total", {"what": "thing"}) or 0
    await limiter.wait(1)
    begun = monotonic()
    tries = await asyncio.gather(*(limiter.wait(0.25) for _ in range(10)), return_exceptions=True)
    assert [type(each) for each in tries] == [type(None)] * 2 + [LimitedError] * 8
    await limiter.wait(1)
    assert monotonic() - begun < 0.5
    assert REGISTRY.get_sample_value("limited_total", {"what": "thing"}) == before + 8
