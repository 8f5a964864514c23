"""What is told of shutdowns: one verdict for each process, the same whatever order and however often it is merged."""

from functools import reduce
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery_operator.api.status import ConditionStatus, DeliveryServiceStatus, ShutdownResult
from delivery_operator.engine import disposability
from delivery_operator.engine.disposability import Record
from delivery_operator.engine.endings import Ending

CLEAN, FAILED, KILLED = ShutdownResult.CLEAN, ShutdownResult.FAILED, ShutdownResult.KILLED


def entry(result: ShutdownResult = CLEAN, release: int = 7, seconds: int | None = 4, code: int = 0) -> Record:
    found = disposability.record(Ending("web", release, result, code, 23, seconds))
    assert found is not None
    return found


def test_what_is_not_known_is_not_told() -> None:
    assert disposability.record(Ending("web", 7, None)) is None


@pytest.mark.parametrize(
    ("seconds", "within"), [(0, 1), (1, 1), (2, 2), (3, 5), (21, 30), (7200, 7200), (7230, 7200), (None, None)]
)
def test_a_time_is_told_in_steps(seconds: int | None, within: int | None) -> None:
    """Invariant 11: a status that told seconds would change with every pod."""
    assert entry(seconds=seconds).get("withinSeconds") == within


def test_entries_are_what_the_status_takes() -> None:
    for each in (entry(), entry(KILLED, code=137), entry(FAILED, code=2)):
        told = DeliveryServiceStatus.model_validate({"shutdown": [each]})
        assert told.model_dump(by_alias=True, exclude_unset=True, mode="json")["shutdown"] == [each]


def test_the_newest_release_decides() -> None:
    old, new = entry(KILLED, release=7, code=137), entry(release=8)
    assert disposability.merge(old, new) == new
    assert disposability.merge(new, old) == new, "a pod of the old release took longer"


def test_the_worst_of_a_release_decides() -> None:
    clean, failed, killed = entry(), entry(FAILED, code=2), entry(KILLED, code=137)
    assert disposability.merge(clean, failed) == failed
    assert disposability.merge(failed, killed) == killed
    assert disposability.merge(killed, clean) == killed
    assert disposability.merge(failed, clean) == failed


def test_of_two_that_say_the_same_the_first_stays() -> None:
    """Each other exit code would be a write of the status."""
    first = entry(FAILED, code=2)
    assert disposability.merge(first, entry(FAILED, code=1)) is first
    clean = entry(seconds=None)
    assert disposability.merge(clean, clean) is clean


def test_the_longest_time_is_told() -> None:
    assert disposability.merge(entry(seconds=4), entry(seconds=9))["withinSeconds"] == 10
    assert disposability.merge(entry(seconds=9), entry(seconds=4))["withinSeconds"] == 10
    assert disposability.merge(entry(seconds=None), entry(seconds=4))["withinSeconds"] == 5


ENDINGS = st.lists(
    st.builds(
        entry,
        st.sampled_from([CLEAN, FAILED, KILLED]),
        st.integers(1, 3),
        st.integers(0, 60),
        st.just(137),
    ),
    min_size=1,
    max_size=8,
)


def joined(entries: list[Record]) -> Record:
    return reduce(disposability.merge, entries)


@given(seen=ENDINGS, data=st.data())
def test_order_and_repetition_do_not_matter(seen: list[Record], data: st.DataObject) -> None:
    """Invariant 1: an operator that was restarted, or the other of two, tells the same."""
    again = data.draw(st.permutations(seen + seen[:3]))
    assert joined(list(again)) == joined(seen)
    assert joined([joined(seen), *seen]) == joined(seen)


@given(seen=ENDINGS)
def test_a_release_never_looks_better_again(seen: list[Record]) -> None:
    """Invariant 11: it does not flap."""
    told = [joined(seen[: number + 1]) for number in range(len(seen))]
    worst = [(each["release"], disposability._rank(each)) for each in told]  # noqa: SLF001 the order is the point
    assert worst == sorted(worst)


def test_only_processes_that_there_are_are_told_of() -> None:
    relay = {**entry(), "process": "relay"}
    told, seen = [entry()], {"relay": relay, "web": entry(release=8)}
    assert disposability.merged(told, seen, {"web", "relay"}) == [relay, entry(release=8)]
    assert disposability.merged(told, seen, {"relay"}) == [relay]
    assert disposability.merged(told, {}, None) == told, "a spec that cannot be read takes nothing away"


def claim(*entries: Record) -> tuple[ConditionStatus, str, str]:
    return disposability.claim("order", entries)


def process(name: str, found: Record) -> dict[str, Any]:
    return {**found, "process": name}


def test_well_ended_processes_are_told_with_their_times() -> None:
    status, reason, message = claim(process("web", entry(seconds=21)), process("relay", entry(seconds=None)))
    assert (status, reason) == (ConditionStatus.TRUE, "InTime")
    assert message == "pods that are asked to end do so in time: relay; web within 23 of 23 seconds"


def test_a_killed_process_is_told_with_numbers_and_remedy() -> None:
    """The classic is a shell as the first process: it does not pass SIGTERM on."""
    status, reason, message = claim(entry(FAILED, code=2), process("relay", entry(KILLED, code=137)), entry())
    assert (status, reason) == (ConditionStatus.FALSE, "KilledAtDeadline")
    killed, failed = message.index("process relay of release order-r7 was killed (exit code 137)"), message.index("web")
    assert killed < failed, "the worst comes first"
    for part in ("grace of 23 seconds", "shutdown.drainSeconds", "graceSeconds", "SIGTERM", "shell", "newer release"):
        assert part in message


def test_a_failed_process_is_told_with_its_exit_code() -> None:
    status, reason, message = claim(entry(FAILED, code=2))
    assert (status, reason) == (ConditionStatus.FALSE, "EndedWithError")
    assert "process web of release order-r7 ended in time, but with exit code 2" in message
    assert "for using more memory than its limit" in claim(entry(FAILED, code=137))[2]
