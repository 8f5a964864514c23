"""Time spans as kubectl writes them, ages, and when a schedule is due."""

from datetime import UTC, datetime

import pytest

from delivery_operator.cli.durations import duration, span
from delivery_operator.cli.times import age, next_run

NOW = datetime(2026, 3, 28, 12, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "0s"),
        (0, "0s"),
        (59.9, "59s"),
        (60, "1m"),
        (200, "3m20s"),
        (660, "11m"),
        (3600, "1h"),
        (5400, "1h30m"),
        (86400 * 2, "2d"),
        (86400 * 2 + 3600, "2d1h"),
        (86400 * 40 + 3600, "40d"),
    ],
)
def test_span(seconds: float, text: str) -> None:
    assert span(seconds) == text


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("10m", 600), ("1h30m", 5400), ("1d", 86400), ("0s", 0)])
def test_duration(text: str, seconds: float) -> None:
    assert duration(text) == seconds


@pytest.mark.parametrize("text", ["", "10", "m", "1m 3s", "-1s", "1.5h", "30m1h"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="is no duration; write 90s, 10m or 1h30m"):
        duration(text)


def test_age() -> None:
    assert age("2026-03-28T12:00:00Z", NOW) == "7m"
    assert age(None, NOW) == "-"


@pytest.mark.parametrize(
    ("schedule", "zone", "due"),
    [
        ("*/10 * * * *", None, "2026-03-28T12:10:00+00:00"),
        ("@daily", None, "2026-03-29T00:00:00+00:00"),
        ("@hourly", None, "2026-03-28T13:00:00+00:00"),
        ("0 9 * * MON", "Europe/Berlin", "2026-03-30T09:00:00+02:00"),  # summer time begins between
        ("0 0 1 JAN *", None, "2027-01-01T00:00:00+00:00"),
    ],
)
def test_next_run(schedule: str, zone: str | None, due: str) -> None:
    found = next_run(schedule, zone, NOW)
    assert found is not None
    assert found.isoformat() == due


@pytest.mark.parametrize(("schedule", "zone"), [("0 0 30 2 *", None), ("nonsense", None), ("@daily", "Mars/Olympus")])
def test_a_schedule_that_is_never_due_or_not_known_here(schedule: str, zone: str | None) -> None:
    assert next_run(schedule, zone, NOW) is None
