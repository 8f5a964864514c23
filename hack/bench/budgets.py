"""Holds a run's figures against the budgets of the design."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from bench import fleet

STATUS_WRITES: Final = 3
LEAST_OF_FLOOR: Final = 0.7
MIB: Final = 110
KIB_PER_SERVICE: Final = 40
ROTATION_SECONDS: Final = 2.0
OPTIONAL_GROUPS: Final = 3
"""API groups of other projects that the operator asks for with each resync: are they served now?"""


@dataclass(frozen=True)
class Budget:
    """One budget.

    Attributes:
        name: of what.
        measured: what was found.
        allowed: what may be.
        met: whether it is.
        counted: whether it is a count, which holds on every machine; the others depend on what else the machine does.
    """

    name: str
    measured: str
    allowed: str
    met: bool
    counted: bool = True


def judge(figures: dict[str, Any]) -> Iterator[Budget]:
    """Yield each budget with what was measured."""
    services = figures["services"]
    operator, floor, restart, idle = (figures[each] for each in ("operator", "floor", "restart", "idle"))
    writes = (operator["create"]["writes"] + operator["rollout"]["writes"]) / services
    most = fleet.CHILDREN + 1 + STATUS_WRITES
    yield Budget("writes for a new service", f"{writes:.2f}", f"{most}", writes <= most)
    ratio = operator["create"]["writes_per_second"] / floor["create"]["writes_per_second"]
    enough = ratio >= LEAST_OF_FLOOR
    yield Budget("writes a second, of the floor's", f"{ratio:.2f}", f"at least {LEAST_OF_FLOOR}", enough, counted=False)
    yield Budget("writes when idle", f"{idle['writes']}", "0", idle["writes"] == 0)
    resyncs = idle["resyncs"]
    lists = idle["lists_of_one_collection"] / resyncs
    yield Budget("LISTs of a collection per resync", f"{lists:.2f}", "1", lists <= 1)
    others = idle["other_reads"] / resyncs
    yield Budget("other reads per resync", f"{others:.2f}", f"{OPTIONAL_GROUPS}", others <= OPTIONAL_GROUPS)
    yield Budget("writes of a restart", f"{restart['writes']}", "0", restart["writes"] == 0)
    used = max(operator["peak_mib"], restart["peak_mib"])
    most_mib = MIB + KIB_PER_SERVICE * services / 1024
    yield Budget("peak memory, MiB", f"{used:.0f}", f"{most_mib:.0f}", used <= most_mib, counted=False)
    late = figures["rotation"]["single"]["p95"]
    within = late < ROTATION_SECONDS
    yield Budget("Secret change to release, p95, s", f"{late:.3f}", f"{ROTATION_SECONDS:.0f}", within, counted=False)
