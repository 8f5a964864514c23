"""docs/reliability.md is written by `make test-faults`; what it says of scenarios and faults is what the code has."""

import pytest

from tests.support.faults import page
from tests.support.faults.model.scenarios import SCENARIOS as MODELLED
from tests.support.faults.process.scenarios import SCENARIOS
from tests.support.faults.record import Record

WRITTEN = page.PAGE.read_text()
_LEFT_OUT = WRITTEN.partition("Not part of this run, against the process: ")[2].partition("\n")[0]
HINT = "make test-faults writes the page anew"


@pytest.mark.parametrize("part", page.lists(), ids=lambda part: part.partition("\n")[0].strip("# "))
def test_it_lists_what_the_code_has(part: str) -> None:
    assert part in WRITTEN, HINT


def test_it_has_results_of_every_scenario() -> None:
    told = {
        level: {name for each, name in page.scenarios_told(WRITTEN) if each == level} for level in ("model", "process")
    }
    left_out = {name for name in SCENARIOS if f"{name}," in _LEFT_OUT or f"{name}." in _LEFT_OUT}
    assert told["model"] == set(MODELLED), HINT
    assert told["process"] == set(SCENARIOS) - left_out, HINT


def test_no_plan_came_to_another_end() -> None:
    assert "; 0 of them came to another end" in WRITTEN


def test_it_tells_each_record() -> None:
    record = Record("process", "task", writes=4, missed=1, different=2)
    record.struck["killed before"] = 7
    told = page.page([record])
    assert "| process | task | 4 | 8 | 1 | 2 |" in told
    assert "| killed before |  | 7 |" in told
    assert "8 plans against the process and 0 against the model; 2 of them came to another end" in told
