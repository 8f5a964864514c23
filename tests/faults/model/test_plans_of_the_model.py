"""Invariants 1 to 5 against the engine: whatever goes wrong at whichever place, the end is the undisturbed run's."""

import pytest

from delivery_operator.engine.plan import Create, Write
from tests.support.faults.model.every import every
from tests.support.faults.model.faults import Fault
from tests.support.faults.model.run import NoRest, Outcome, Run
from tests.support.faults.model.scenarios import SCENARIOS, Scenario
from tests.support.faults.process.run import differences
from tests.support.faults.record import Record, Told
from tests.support.faults.sample import EVERYTHING, part

A_PART = 60
FEWEST = 90


@pytest.mark.parametrize("name", list(SCENARIOS))
def test_each_plan_comes_to_the_end_of_the_reference(name: str, record_property: Told) -> None:
    start = Run(SCENARIOS[name])
    run = start.copy()
    reference = run.play()
    plans = list(every(run))
    assert len(plans) > FEWEST
    record = Record("model", name, run.writes)
    wrong = []
    for fault in part(plans, None if EVERYTHING else A_PART, name):
        run = start.copy()
        run.begin(fault)
        problem = _problem(run, reference)
        if problem:
            wrong.append("\n".join([f"{name}: {fault}", problem, *run.story]))
        record.struck[fault.name] += 1
    record.different = len(wrong)
    record.tell(record_property)
    assert not wrong, f"{len(wrong)} plans\n" + "\n\n".join(wrong[:3])


def _problem(run: Run, reference: Outcome) -> str:
    try:
        found = run.play()
    except NoRest:
        return "it does not come to rest"
    if found.pods_lost:
        return "a number of pods fell to its default"
    if found.jobs != reference.jobs or (found.started != reference.started and not run.scenario.overtakes):
        return f"ran {found.jobs} {found.started}, not {reference.jobs} {reference.started}"
    return "\n".join(list(differences(reference.picture, found.picture))[:5])


def test_a_scenario_that_never_rests_is_found() -> None:
    """The harness itself: a controller that always has something to do is a run with no end."""

    class Restless(Fault):
        def late(self, _run: Run) -> bool:
            return True

    run = Run(Scenario("nothing"))
    run.begin(Restless())
    with pytest.raises(NoRest, match="a write that was given up arrives"):
        run.play()


class _JobTwice(Fault):
    """An operator that runs a migration again."""

    def make(self, run: Run, write: Write) -> bool:
        if isinstance(write, Create) and write.manifest["kind"] == "Job":
            run.world.jobs[f"again {write.manifest['metadata']['name']}"] += 1
        return super().make(run, write)


class _Litter(Fault):
    """An operator that leaves something behind."""

    def make(self, run: Run, write: Write) -> bool:
        metadata = {"name": "left", "labels": {}}
        run.world.add({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
        return super().make(run, write)


class _PodsLost(Fault):
    """An operator that lets the API server set a number of pods."""

    def make(self, run: Run, write: Write) -> bool:
        run.world.pods_lost = True
        return super().make(run, write)


@pytest.mark.parametrize(
    ("fault", "says"),
    [(_JobTwice(), "not Counter"), (_Litter(), ".ConfigMap left is there"), (_PodsLost(), "fell to its default")],
)
def test_another_end_is_found(fault: Fault, says: str) -> None:
    """The harness itself: it sees a Job that ran twice, an object too many, and pods that were lost."""
    start = Run(SCENARIOS["first release"])
    reference = start.copy().play()
    run = start.copy()
    run.begin(fault)
    assert says in _problem(run, reference)
