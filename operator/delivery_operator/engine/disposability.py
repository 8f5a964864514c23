"""What is told of how a service's processes end: `status.shutdown` and the condition ShutdownClean (factor IX).

Pods come and go all day, and a status must not (invariant 11). So of each process one verdict is kept, about the newest
release of which a pod was seen to end: the worst that happened, and for pods that end in time the longest time, in
steps. Merging is the same in any order and any number of times: what is merged twice, after a restart of the operator
or by two of them, is not told twice, and nothing has to be remembered but the status itself.

What is not known is not told: it neither mends a verdict nor spoils one.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Final

from delivery_operator.api.status import ConditionStatus, ShutdownResult
from delivery_operator.engine.endings import Ending
from delivery_operator.render import names

Record = Mapping[str, Any]
"""An entry of status.shutdown."""

STEPS: Final = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200)
"""Seconds: a time is told as the step that it stays within. The last is the longest grace there may be."""

_WORSE: Final = (ShutdownResult.CLEAN, ShutdownResult.FAILED, ShutdownResult.KILLED)
_MEMORY: Final = 137
"""The exit code of a process that failed and was not killed at its deadline: its memory had run out."""


def record(ending: Ending) -> Record | None:
    """Make an entry of how one pod ended; None when that is not known."""
    if ending.result is None:
        return None
    entry: dict[str, Any] = {
        "process": ending.process,
        "release": ending.release,
        "result": ending.result.value,
        "graceSeconds": ending.grace,
    }
    if ending.result is not ShutdownResult.CLEAN:
        entry["exitCode"] = ending.exit_code
    elif ending.seconds is not None:
        entry["withinSeconds"] = next((step for step in STEPS if ending.seconds <= step), STEPS[-1])
    return entry


def merge(told: Record | None, seen: Record) -> Record:
    """Join two entries of one process; of two that say the same the first stays as it is."""
    if told is None or seen["release"] > told["release"]:
        return seen
    worse = _rank(seen) - _rank(told)
    if seen["release"] < told["release"] or worse < 0:
        return told
    if worse > 0:
        return seen
    longest = max(seen.get("withinSeconds", 0), told.get("withinSeconds", 0))
    return {**told, "withinSeconds": longest} if longest else told


def merged(told: Iterable[Record], seen: Mapping[str, Record], processes: Collection[str] | None) -> list[Record]:
    """Join what the status tells with what was seen since.

    Args:
        told: entries of the status that was written last.
        seen: process to what was seen of it.
        processes: those that the service has; of others nothing is told. None when the spec cannot be read.
    """
    entries = {each["process"]: each for each in told}
    for process, entry in seen.items():
        entries[process] = merge(entries.get(process), entry)
    return [entry for process, entry in sorted(entries.items()) if processes is None or process in processes]


def claim(service: str, entries: Iterable[Record]) -> tuple[ConditionStatus, str, str]:
    """Say in a condition how the processes end: status, reason and message."""
    ordered = sorted(entries, key=lambda entry: (-_rank(entry), entry["process"]))
    unclean = [entry for entry in ordered if _rank(entry)]
    if not unclean:
        told = "; ".join(f"{entry['process']}{_within(entry)}" for entry in ordered)
        return ConditionStatus.TRUE, "InTime", f"pods that are asked to end do so in time: {told}"
    told = "; ".join(_unclean(service, entry) for entry in unclean)
    message = f"{told}. This stays until a pod of a newer release has ended in time"
    return ConditionStatus.FALSE, _reason(unclean[0]), message


def worsened(service: str, before: Iterable[Record], after: Iterable[Record]) -> Iterator[tuple[str, str]]:
    """Name the processes that turned out worse than was told, by reason and message."""
    known = {(each["process"], each["release"]): _rank(each) for each in before}
    for entry in after:
        if _rank(entry) > known.get((entry["process"], entry["release"]), 0):
            yield _reason(entry), _unclean(service, entry)


def _reason(entry: Record) -> str:
    return "KilledAtDeadline" if entry["result"] == ShutdownResult.KILLED else "EndedWithError"


def _rank(entry: Record) -> int:
    return _WORSE.index(entry["result"])


def _within(entry: Record) -> str:
    within, grace = entry.get("withinSeconds"), entry["graceSeconds"]
    return f" within {min(within, grace)} of {grace} seconds" if within else ""


def _unclean(service: str, entry: Record) -> str:
    process, code, grace = entry["process"], entry["exitCode"], entry["graceSeconds"]
    what = f"process {process} of release {names.release(service, entry['release'])}"
    if entry["result"] == ShutdownResult.KILLED:
        return (
            f"{what} was killed (exit code {code}) when its grace of {grace} seconds was over: let it end on SIGTERM "
            "within SHUTDOWN_DRAIN_SECONDS, or give it more time with shutdown.drainSeconds or graceSeconds. A shell "
            "as the first process does not pass the signal on, and a first process without a handler ignores it"
        )
    if code == _MEMORY:
        return (
            f"{what} was killed for using more memory than its limit (exit code {code}) while it ended: raise "
            "resources, or have it finish less at a time"
        )
    return (
        f"{what} ended in time, but with exit code {code}: let it finish what it has begun on SIGTERM and exit with 0 "
        "(143 is as good); the end of its log says what went wrong"
    )
