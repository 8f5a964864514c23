"""X-5, SP-6: so many calls a second."""

import asyncio
from time import monotonic

from prometheus_client import REGISTRY

from chassis.limits import LimitedError, Limiter


async def test_ten_at_once_and_then_ten_a_second() -> None:
    limiter = Limiter("thing")
    begun = monotonic()
    for _ in range(10):
        await limiter.wait(0)
    for _ in range(5):
        await limiter.wait(5)
    assert 0.4 < monotonic() - begun < 4


async def test_a_turn_that_does_not_come_in_time_is_given_up_and_costs_the_others_nothing() -> None:
    limiter = Limiter("thing", per_second=4, burst=1)
    before = REGISTRY.get_sample_value("limited_total", {"what": "thing"}) or 0
    await limiter.wait(1)
    begun = monotonic()
    patience = [5.0] * 2 + [0.01] * 8
    tries = await asyncio.gather(*(limiter.wait(each) for each in patience), return_exceptions=True)
    assert [type(each) for each in tries] == [type(None)] * 2 + [LimitedError] * 8
    await limiter.wait(5)
    assert monotonic() - begun < 2.5  # the turns of three; those of all would take longer
    assert REGISTRY.get_sample_value("limited_total", {"what": "thing"}) == before + 8
