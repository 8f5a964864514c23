import datetime as dt
import json
from pathlib import Path

from devcluster.audit import read_events


def line(second: int) -> str:
    received = f"2026-01-01T00:00:{second:02}.500000Z"
    return json.dumps({"auditID": str(second), "requestReceivedTimestamp": received}) + "\n"


def ids(log: Path, after: dt.datetime | None = None) -> list[str]:
    return [event["auditID"] for event in read_events(log, after)]


def test_rotated_files_come_first_and_a_line_that_is_being_written_is_left_for_later(tmp_path: Path) -> None:
    log = tmp_path / "audit.log"
    (tmp_path / "audit-2026-01-01T00-00-02.000.log").write_text(line(1) + line(2))
    log.write_text(line(3) + line(4)[:20])
    assert ids(log) == ["1", "2", "3"]


def test_only_what_came_later_than_a_moment_in_any_time_zone(tmp_path: Path) -> None:
    log = tmp_path / "audit.log"
    log.write_text(line(1) + line(2) + line(3))
    moment = dt.datetime(2026, 1, 1, 1, 0, 2, 500000, dt.timezone(dt.timedelta(hours=1)))
    assert ids(log, moment) == ["3"]


def test_no_log_is_no_events(tmp_path: Path) -> None:
    assert ids(tmp_path / "audit.log") == []


def test_in_a_long_log_nothing_is_passed_over_whatever_the_order_of_what_was_answered_at_once(tmp_path: Path) -> None:
    begun = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    events = []
    for number in range(3000):
        received = begun + dt.timedelta(seconds=number)
        finished = received + dt.timedelta(seconds=(number * 7) % 4)  # a later one may be done before
        times = {"requestReceivedTimestamp": said(received), "stageTimestamp": said(finished)}
        events.append(
            (finished, json.dumps({"auditID": str(number), "pad": "x" * 200, **times}, separators=(",", ":")))
        )
    (tmp_path / "audit.log").write_text("".join(text + "\n" for _, text in sorted(events)))
    assert (tmp_path / "audit.log").stat().st_size > 8 * (1 << 16)
    for second in (-10, 0, 1, 700, 1499, 2990, 2999, 4000):
        found = ids(tmp_path / "audit.log", begun + dt.timedelta(seconds=second))
        assert sorted(map(int, found)) == list(range(max(0, second + 1), 3000))


def said(moment: dt.datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
