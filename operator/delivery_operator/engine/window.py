"""The maintenance window: whether it is open, and how long until it is."""

from datetime import datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from delivery_operator.api.upgrade import Day, MaintenanceWindow

_DAYS: Final = tuple(Day)
_A_WEEK: Final = 8
"""Days to look ahead: the day of today may be the only one, and its window over."""


class UnknownZone(Exception):
    """No time zone of this name is known here."""


def seconds_until(window: MaintenanceWindow, now: datetime) -> float:
    """Answer how long it is until the window is open; 0 while it is.

    Raises:
        UnknownZone: its time zone has no such name.
    """
    zone = _zone(window.time_zone)
    local = now.astimezone(zone)
    if _open(window, local):
        return 0.0
    days = (local.date() + timedelta(days=ahead) for ahead in range(_A_WEEK))
    starts = (datetime.combine(day, _time(window.start_time), zone) for day in days if _on(window, day.weekday()))
    return min((start - now).total_seconds() for start in starts if start > now)


def _open(window: MaintenanceWindow, local: datetime) -> bool:
    """Whether it began today and has not ended, or began yesterday and goes on past midnight."""
    start, end, at = _time(window.start_time), _time(window.end_time), local.time()
    today, yesterday = _on(window, local.weekday()), _on(window, (local - timedelta(days=1)).weekday())
    if start < end:
        return today and start <= at < end
    return (today and at >= start) or (yesterday and at < end)


def _on(window: MaintenanceWindow, weekday: int) -> bool:
    return not window.days or _DAYS[weekday] in window.days


def _time(text: str) -> time:
    return time.fromisoformat(text)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:  # a folder of the zone database, such as Europe
        raise UnknownZone(name) from error
