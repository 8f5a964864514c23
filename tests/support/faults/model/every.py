"""Every fault at every place of a run."""

from collections.abc import Iterator
from typing import Final

from tests.support.faults.model.faults import (
    Answered,
    AnswerLost,
    Away,
    Duplicated,
    Fault,
    KilledAfter,
    KilledBefore,
    KilledTwice,
    Late,
    RequestLost,
    RestartedIntoThePast,
    Stale,
    Until,
)
from tests.support.faults.model.run import Run

ANSWERS: Final = (
    (403, "Forbidden"),
    (404, "NotFound"),
    (409, "AlreadyExists"),
    (409, "Conflict"),
    (410, "Expired"),
    (422, "Invalid"),
    (429, "TooManyRequests"),
    (500, "InternalError"),
    (503, "ServiceUnavailable"),
    (504, "Timeout"),
)


def every(run: Run) -> Iterator[Fault]:
    """Every fault at every place that a reference run has for it."""
    for write in range(1, run.writes + 1):
        yield KilledBefore(write)
        yield KilledAfter(write)
        yield from (KilledTwice(write, again) for again in range(write + 1, run.writes + 3))
        yield RestartedIntoThePast(write)
        yield from (Answered(write, *answer) for answer in ANSWERS)
        yield RequestLost(write)
        yield AnswerLost(write)
        yield AnswerLost(write, watch_is_slow=True)
        yield Duplicated(write)
        yield from (Late(write, by) for by in (1, 2, 4, 8))
    for decision, news in enumerate(run.news, 1):
        for each in sorted(news):
            yield from (Stale(decision, each, until) for until in (Until.DECISION, Until.REST, Until.MOVE))
    for first in range(run.moves):
        yield from (Away(first, last) for last in range(first + 1, run.moves + 1))
