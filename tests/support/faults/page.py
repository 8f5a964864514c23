"""docs/reliability.md: what the plans are, out of the code, and what came of them, out of the run that wrote it."""

import inspect
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from tests.support.faults.model import faults as model
from tests.support.faults.model.scenarios import SCENARIOS as MODELLED
from tests.support.faults.process.faults import KILLS, OTHERS, Fault
from tests.support.faults.process.scenarios import SCENARIOS
from tests.support.faults.record import Record
from tests.support.faults.sample import AT_MOST, SEED
from tests.support.faults.words import title

PAGE: Final = Path(__file__).parents[3] / "docs/reliability.md"
OF_THE_MODEL: Final[tuple[type[model.Fault], ...]] = (
    model.KilledBefore,
    model.KilledAfter,
    model.KilledTwice,
    model.RestartedIntoThePast,
    model.Answered,
    model.RequestLost,
    model.AnswerLost,
    model.Late,
    model.Duplicated,
    model.Stale,
    model.Away,
)

_INTRODUCTION: Final = """\
# Reliability

<!-- `make test-faults` writes this page. -->

What the operator does must not depend on when it is killed, on which answer is lost, or on how old its view of the
cluster is. This page says how that is tested, and what came of the last run of `make test-faults`. `make test`
runs a part of it; `FAULTS_SEED` chooses which.

A **scenario** is something that happens to a service. It is played once with nothing going wrong: the **reference**. A
**plan** is the scenario again with one **fault** at one place. In the end of each plan must hold:

- the service, its releases, its children and their fields are those of the reference, but for UIDs, versions and times;
- each Job ran as often as in the reference, so no migration ran twice and none was left out;
- as many pods were started, so nothing was restarted that need not be;
- a number of pods never fell to the default of the API server.

The method is that of Sieve (Sun et al., OSDI '22). Plans run at two levels. Against the **process**: the operator as it
is shipped, a real etcd and API server, the real controllers, and a proxy in between that makes the faults; a kill is a
SIGKILL. Against the **model**: the operator's decisions and a model of a cluster, where every fault can be tried at
every place.

The leader's Lease and Events are no places for a fault: the first is renewed by the clock, the others decide nothing.
"""

_OF_THE_PROCESS: Final = """\
## Faults of the process

A kill comes before and after every write. Of the others each comes at least once in every scenario, and at every write
comes at least one.

"""
_OF_THE_MODEL: Final = """\
## Faults of the model

Each comes at every place there is: every write, every decision and each object that there was news of, every two
moments between which the operator may be away. All answers of the API server are tried as well.

"""
_CAP: Final = f" (at most {AT_MOST} of each scenario)" if AT_MOST else ""
_THE_RUN: Final = """\
Writes are those of the reference. In a plan news may come together that came apart in the reference, and then the last
write is not made: a fault there finds nothing to strike, and the end is compared all the same.

"""

_OF_THE_WALKS: Final = """
## Walks through specs

A walk is one to four random specs in a row, right and wrong ones, with what they refer to there or missing, and then
the first spec again (the method of Acto, Gu et al., SOSP '23). After each step either the spec is reached, or admission
refuses it and says what is wrong, or the status tells what is in the way and what served serves on. At the end all pods
are what they were at first. Against the process the refusals are those of a real API server.

"""


def lists() -> list[str]:
    """The parts of the page that must be as the code is: scenarios and faults, in words."""
    scenarios = [
        (name, (SCENARIOS.get(name) or MODELLED[name]).about, _levels(name))
        for name in dict.fromkeys([*SCENARIOS, *MODELLED])
    ]
    kinds = dict.fromkeys(type(each) for each in (*KILLS, *OTHERS))
    of_the_process = [(_called(kind), _said(kind)) for kind in kinds]
    of_the_model = [
        (each(*[0] * _places(each)).name, _said(each)) for each in OF_THE_MODEL if each is not model.Answered
    ]
    return [
        "## Scenarios\n\n" + _table(("scenario", "what happens", "level"), scenarios),
        _OF_THE_PROCESS + _table(("fault", "what it is"), of_the_process),
        _OF_THE_MODEL + _table(("fault", "what it is"), of_the_model),
    ]


def scenarios_told(page: str) -> list[tuple[str, str]]:
    """Level and name of each scenario that a page has results for."""
    return re.findall(r"^\| (model|process) \| ([^|\d]+?) \|", page, re.MULTILINE)


def complete(records: Iterable[Record]) -> bool:
    """Whether there is a result of every scenario in the model; the page says which the process was not put through."""
    return MODELLED.keys() <= {each.scenario for each in records if each.level == "model"}


def page(records: Sequence[Record]) -> str:
    """The page after a run."""
    return "\n".join([_INTRODUCTION, *(f"{each}" for each in lists()), _results(records)])


def write(records: Sequence[Record]) -> None:
    """Write it."""
    PAGE.write_text(page(records))


def _results(records: Sequence[Record]) -> str:
    scenarios = [each for each in records if each.level != "walks"]
    ordered = sorted(scenarios, key=lambda each: (each.level, [*SCENARIOS, *MODELLED].index(each.scenario)))
    rows = [
        (each.level, each.scenario, each.writes, each.plans, each.missed or "", each.different or "")
        for each in ordered
    ]
    struck = {
        level: sum((each.struck for each in scenarios if each.level == level), Counter[str]())
        for level in ("model", "process")
    }
    faults = [
        (name, struck["model"][name] or "", struck["process"][name] or "")
        for name in sorted({*struck["model"], *struck["process"]})
    ]
    total = {level: sum(each.plans for each in scenarios if each.level == level) for level in ("process", "model")}
    different = sum(each.different for each in scenarios)
    return (
        "## The last run\n\n"
        f"{total['process']:,} plans against the process{_CAP} and {total['model']:,} against the model; "
        f"{different} of them came to another end than the reference. FAULTS_SEED={SEED}.\n\n"
        + _THE_RUN
        + _left_out(records)
        + _table(("level", "scenario", "writes", "plans", "found nothing to strike", "another end"), rows)
        + "\n"
        + _table(("fault", "struck in the model", "struck the process"), faults)
        + _walks([each for each in records if each.level == "walks"])
    )


def _left_out(records: Sequence[Record]) -> str:
    run = {each.scenario for each in records if each.level == "process"}
    left = [name for name in SCENARIOS if name not in run]
    return f"Not part of this run, against the process: {', '.join(left)}.\n\n" if left else ""


def _walks(records: Sequence[Record]) -> str:
    if not records:
        return ""
    names = ("reached", "refused", "told why not", "paused", "reverted")
    rows = [(each.scenario, each.writes, *(each.struck[name] for name in names)) for each in records]
    return _OF_THE_WALKS + _table(
        ("level", "walks", "specs reached", "refused", "status told why not", "paused", "walks that came back"), rows
    )


def _levels(name: str) -> str:
    return ", ".join(level for level, known in (("process", SCENARIOS), ("model", MODELLED)) if name in known)


def _places(fault: type[model.Fault]) -> int:
    return len(inspect.signature(fault).parameters)


def _called(kind: type[Fault]) -> str:
    variants = ", ".join(each.variant for each in OTHERS if type(each) is kind and each.variant)
    return f"{title(kind)} ({variants})" if variants else title(kind)


def _said(fault: type) -> str:
    return (inspect.getdoc(fault) or "").partition("\n\n")[0].replace("\n", " ")


def _table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "".join(f"| {' | '.join(str(cell) for cell in line)} |\n" for line in lines)
