"""What was lately set back in which child, so that two writers of one field do not fight at full speed.

It is held in memory alone, as the delays of the queue are: nothing but a delay depends on it. Of a child that is left
in peace nothing is held.
"""

import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from delivery_operator.engine.drift import Drift, Repaired, calm
from delivery_operator.engine.objects import Key

ServiceKey = tuple[str, str]
"""Namespace and name."""


@dataclass(frozen=True)
class _Row:
    times: int
    at: float
    drift: Drift


class Repairs:
    """The repairs of all services. Not thread-safe: one event loop uses it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Start empty; the clock counts seconds and never goes back."""
        self._clock = clock
        self._rows: defaultdict[ServiceKey, dict[Key, _Row]] = defaultdict(dict)

    def note(self, service: ServiceKey, drift: Drift) -> None:
        """Remember that drift was set back."""
        before = self.of(service).get(drift.key)
        times = before.times + 1 if before else 1
        self._rows[service][drift.key] = _Row(times, self._clock(), drift)

    def of(self, service: ServiceKey) -> dict[Key, Repaired]:
        """Answer with the repairs of a service whose rows have not ended, and forget the others."""
        rows = self._rows.get(service)
        if rows is None:
            return {}
        now = self._clock()
        going = {child: row for child, row in rows.items() if now - row.at < calm(row.times)}
        if going:
            self._rows[service] = going
        else:
            del self._rows[service]
        return {child: Repaired(row.times, now - row.at, row.drift) for child, row in going.items()}
