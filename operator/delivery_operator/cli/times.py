"""Times for people: how long ago something was, and when a schedule is due."""

from datetime import UTC, datetime, tzinfo
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from delivery_operator.cli.durations import span

_ALIASES: Final = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}


def parse(timestamp: str) -> datetime:
    """Read a metav1.Time."""
    return datetime.fromisoformat(timestamp)


def age(timestamp: str | None, now: datetime) -> str:
    """Write how long ago a time is; `-` when there is none."""
    return span((now - parse(timestamp)).total_seconds()) if timestamp else "-"


def next_run(schedule: str, zone: str | None, now: datetime) -> datetime | None:
    """Return when a schedule is due next; None when it never is, or its time zone is not known here."""
    try:
        place: tzinfo = ZoneInfo(zone) if zone else UTC
        return next(CronSim(_ALIASES.get(schedule, schedule), now.astimezone(place)), None)
    except (CronSimError, ZoneInfoNotFoundError):
        return None
