"""Invariants 1 to 5 against the real operator: killed or misled at any write, it comes to what an undisturbed run does.

The method is Sieve's (OSDI '22): a reference run counts the writes; then each of them is a place for a fault.
"""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.faults.plans import chosen
from tests.support.faults.process.faults import Fault
from tests.support.faults.process.run import played
from tests.support.faults.process.scenarios import SCENARIOS
from tests.support.faults.record import Record, Told
from tests.support.faults.sample import AT_MOST, EVERYTHING
from tests.support.sites import OpenSite

AT_ONCE = 2
A_PART = 6
NAMES = [name for name, each in SCENARIOS.items() if EVERYTHING or each.replicas == 1]
"""Two replicas wait for a Lease now and then: they are left to the whole run."""


@pytest.mark.timeout(3600 if EVERYTHING else 600)
@pytest.mark.parametrize("name", NAMES)
def test_each_plan_comes_to_the_end_of_the_reference(open_site: OpenSite, name: str, record_property: Told) -> None:
    scenario = SCENARIOS[name]
    with open_site() as site, played(site, scenario) as play:
        reference = play.reference()
    assert len(reference.writes) > 2, reference.writes
    record = Record("process", name, len(reference.writes))
    # Whatever comes together in one write, each of these is made in every run that comes to the same: there is always
    # that much to strike at.
    certain = sum(each in {"create deliveryreleases", "create jobs"} for each in reference.writes)

    def plan(fault: Fault) -> tuple[Fault, bool, str]:
        with open_site() as site, played(site, scenario) as play:
            try:
                struck = play.struck(fault, reference)
            except AssertionError as problem:
                return fault, True, str(problem)
        return fault, struck, "" if struck or fault.write > certain else "it found nothing to strike at"

    wrong = []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for fault, struck, problem in pool.map(
            plan, chosen(name, len(reference.writes), AT_MOST if EVERYTHING else A_PART)
        ):
            record.struck[fault.name] += struck
            record.missed += not struck
            if problem:
                wrong.append(f"{name}: {fault.name} at write {fault.write}: {problem}")
    record.different = len(wrong)
    record.tell(record_property)
    assert not wrong, f"{len(wrong)} plans\n" + "\n\n".join(wrong[:5])
