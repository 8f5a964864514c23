"""Invariants 4 and 11: through right and wrong specs and back, on a real API server."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, seed

from tests.support.faults.process.run import operating
from tests.support.faults.process.walk import Walk
from tests.support.faults.record import Record, Told
from tests.support.faults.sample import EVERYTHING, SEED
from tests.support.faults.steps import STEPS, Step, walks
from tests.support.sites import OpenSite

WALKS = 24
AT_ONCE = 2


@pytest.mark.skipif(not EVERYTHING, reason="the model walks in make test; this takes longer")
def test_walks_come_back(open_site: OpenSite, record_property: Told) -> None:
    chosen: list[list[Step]] = []

    @seed(SEED)
    @walks(WALKS)
    @given(STEPS)
    def choose(steps: list[Step]) -> None:
        chosen.append(steps)

    choose()

    def walk(steps: list[Step]) -> Counter[str]:
        with open_site() as site, operating(site):
            one = Walk(site)
            for step in steps:
                one.step(step)
            one.revert()
            return one.went

    with ThreadPoolExecutor(AT_ONCE) as pool:
        went = sum(pool.map(walk, chosen[:WALKS]), Counter[str]())
    assert went["reverted"] == WALKS
    assert went["refused"]
    assert went["reached"]
    assert went["told why not"]
    Record("walks", "process", WALKS, went).tell(record_property)
