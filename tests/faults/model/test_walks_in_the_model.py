"""Invariant 4, 11: through right and wrong specs and back, the last good release serves, and what is not so is told."""

from collections import Counter

from hypothesis import given, seed

from tests.support.faults.model.walk import Walk
from tests.support.faults.record import Record, Told
from tests.support.faults.sample import EVERYTHING, SEED
from tests.support.faults.steps import STEPS, Step, walks

WALKS = 300 if EVERYTHING else 60


def test_walks_come_back(record_property: Told) -> None:
    went: Counter[str] = Counter()
    walked = 0

    @seed(SEED)
    @walks(WALKS)
    @given(STEPS)
    def walk(steps: list[Step]) -> None:
        nonlocal walked
        one = Walk()
        for step in steps:
            one.step(step)
        one.revert()
        walked += 1
        went.update(one.went)

    walk()
    assert walked >= WALKS
    assert min(went["refused"], went["reached"], went["told why not"]) > WALKS // 20, went
    Record("walks", "model", walked, went).tell(record_property)
