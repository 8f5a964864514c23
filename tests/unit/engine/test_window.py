"""The maintenance window: open or not, and how long until it is."""

from datetime import UTC, datetime, timedelta

import pytest

from delivery_operator.api.upgrade import MaintenanceWindow
from delivery_operator.engine.window import UnknownZone, seconds_until

MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def window(start: str, end: str, *days: str, zone: str = "Etc/UTC") -> MaintenanceWindow:
    return MaintenanceWindow.model_validate({"startTime": start, "endTime": end, "days": days, "timeZone": zone})


# 2026-03-02 is a Monday.
CASES: dict[str, tuple[MaintenanceWindow, str, float]] = {
    "within": (window("02:00", "04:00"), "2026-03-02T03:00", 0),
    "at its first moment": (window("02:00", "04:00"), "2026-03-02T02:00", 0),
    "at its last": (window("02:00", "04:00"), "2026-03-02T03:59", 0),
    "its end is outside": (window("02:00", "04:00"), "2026-03-02T04:00", 22 * HOUR),
    "before it": (window("02:00", "04:00"), "2026-03-02T01:30", 30 * MINUTE),
    "past midnight, the evening": (window("22:00", "04:00", "Mon"), "2026-03-02T23:00", 0),
    "past midnight, the morning after": (window("22:00", "04:00", "Mon"), "2026-03-03T03:59", 0),
    "past midnight, the morning of a day that is not named": (
        window("22:00", "04:00", "Mon"),
        "2026-03-02T03:00",
        19 * HOUR,
    ),
    "past midnight, after the morning": (window("22:00", "04:00"), "2026-03-03T04:00", 18 * HOUR),
    "a day that is not named": (window("02:00", "04:00", "Sat", "Sun"), "2026-03-02T03:00", 4 * DAY + 23 * HOUR),
    "the only day of the week, and its window over": (
        window("02:00", "04:00", "Mon"),
        "2026-03-02T05:00",
        6 * DAY + 21 * HOUR,
    ),
    "another zone, in winter": (window("02:00", "04:00", zone="Europe/Berlin"), "2026-03-02T01:00", 0),
    "another zone, in summer": (window("02:00", "04:00", zone="Europe/Berlin"), "2026-07-06T01:00", 0),
    "another zone, where it is another day": (
        window("22:00", "23:00", "Sun", zone="America/New_York"),
        "2026-03-02T03:30",
        0,
    ),
    "the night in which the clock goes forward": (
        window("22:00", "04:00", zone="Europe/Berlin"),
        "2026-03-29T02:30",
        17 * HOUR + 30 * MINUTE,
    ),
    "the evening before it": (window("12:00", "13:00", zone="Europe/Berlin"), "2026-03-28T22:00", 12 * HOUR),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_how_long_until_it_is_open(case: tuple[MaintenanceWindow, str, float]) -> None:
    which, now, seconds = case
    assert seconds_until(which, at(now)) == seconds


@pytest.mark.parametrize("zone", ["Europe/Atlantis", "Europe"])
def test_a_zone_that_is_none(zone: str) -> None:
    with pytest.raises(UnknownZone, match=zone):
        seconds_until(window("02:00", "04:00", zone=zone), at("2026-03-02T03:00"))


def test_every_moment_is_either_open_or_opens_when_it_says() -> None:
    which = window("23:30", "00:30", "Wed", "Fri", zone="Asia/Kathmandu")
    now = at("2026-03-02T00:07")
    for _ in range(7 * 24 * 4):
        seconds = seconds_until(which, now)
        if seconds:
            assert seconds_until(which, now + timedelta(seconds=seconds)) == 0
            assert seconds_until(which, now + timedelta(seconds=seconds - 1)) > 0
        now += timedelta(minutes=15)
