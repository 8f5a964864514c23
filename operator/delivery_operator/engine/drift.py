"""Drift: a child that is not as we left it, who changed it, and whether it is set back now (OP-5, invariant 7).

A child carries the digest of the manifest that was last applied to it (`delivery.dev/manifest`). Is it that of the
wanted manifest, and a field differs all the same, then somebody else changed the field: that is drift, and the
environment says what is done about it. Is it another one, then the difference is our own, a release or a number of
pods, and is applied in every mode. A child that is gone comes back in every mode: that it is not there tells neither
who took it away nor whether it has only lost its label, and nothing serves without it.

What somebody else changes back as often as we write it is not fought over at full speed: it is set back three times
at once, then ever more rarely, and the condition says so until it stays.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, assert_never

from delivery_operator.api.drift import DriftMode, DriftPolicy
from delivery_operator.engine.compare import differences, written
from delivery_operator.engine.managers import writer
from delivery_operator.engine.objects import Key, Object, key
from delivery_operator.render import names

AT_ONCE: Final = 3
"""Repairs in a row that are made without waiting."""
_FIRST_DELAY: Final = 10.0
_LONGEST_DELAY: Final = 300.0
_CALM_SECONDS: Final = 60.0
_MOST_CHANGES: Final = 5
_SEAL: Final = f"metadata.annotations[{names.MANIFEST}]"


@dataclass(frozen=True)
class Change:
    """One field that somebody changed.

    Attributes:
        field: its path.
        manager: the field manager that changed it; empty when the object does not tell.
        at: when, as the object tells; empty when it does not.
    """

    field: str
    manager: str = ""
    at: str = ""


@dataclass(frozen=True)
class Drift:
    """A child that is not as we left it.

    Attributes:
        key: kind and name.
        changes: the first of its fields that differ; none when the child is gone.
    """

    key: Key
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True)
class Repaired:
    """What was lately set back in one child.

    Attributes:
        times: how often in a row.
        ago: seconds since the last time.
        drift: what was set back then.
    """

    times: int
    ago: float
    drift: Drift


@dataclass(frozen=True)
class Left:
    """Drift that stands for now.

    Attributes:
        drift: what.
        contested: whether it is set back, and changed again each time; else it is left because of the mode.
    """

    drift: Drift
    contested: bool = False


@dataclass(frozen=True)
class Verdict:
    """What to do about a child.

    Attributes:
        repair: whether to set it back now.
        left: what is told of it.
        again: seconds after which to look again.
    """

    repair: bool = False
    left: Left | None = None
    again: float | None = None


@dataclass(frozen=True)
class Rules:
    """How drift is judged in one service.

    Attributes:
        policy: what the environment says; None while it cannot be asked: then nobody's change is undone.
        repairs: what was set back lately.
        rolling: whether a release is being rolled out: what it sets is set, whatever the mode.
    """

    policy: DriftPolicy | None = field(default_factory=DriftPolicy)
    repairs: Mapping[Key, Repaired] = field(default_factory=dict)
    rolling: bool = False

    def mode(self, drift: Drift) -> DriftMode:
        """What is to be done about it."""
        # Without its seal a child does not tell our changes from others', so the seal itself is always set back.
        if self.rolling or not drift.changes or any(each.field == _SEAL for each in drift.changes):
            return DriftMode.REPAIR
        return self.policy.of(drift.key[0]) if self.policy else DriftMode.WARN

    def judge(self, drift: Drift) -> Verdict:
        """Say what to do about drift."""
        match self.mode(drift):
            case DriftMode.OFF:
                return Verdict()
            case DriftMode.WARN:
                return Verdict(left=Left(drift))
            case DriftMode.REPAIR:
                last = self.repairs.get(drift.key)
                if last is None or last.times < AT_ONCE:
                    return Verdict(repair=True)
                wait = delay(last.times) - last.ago
                if wait <= 0:
                    return Verdict(repair=True)
                return Verdict(left=Left(drift, contested=True), again=wait)
            case mode:
                assert_never(mode)

    def in_line(self, child: Key) -> Verdict:
        """Say what to tell of a child that is as it should be: so it is between two changes of a contested one."""
        last = self.repairs.get(child)
        if last is None or last.times < AT_ONCE or self.mode(last.drift) is not DriftMode.REPAIR:
            return Verdict()
        return Verdict(left=Left(last.drift, contested=True), again=calm(last.times) - last.ago)


def of(manifest: Object, live: Object) -> Drift | None:
    """Find what somebody changed in a child that carries the manifest's seal, or none; None when nothing differs."""
    found = []
    for path in islice(differences(manifest, live), _MOST_CHANGES):
        manager, at = writer(live, path)
        found.append(Change(written(path), manager, at))
    return Drift(key(manifest), tuple(found)) if found else None


def ours(manifest: Object, live: Object) -> bool:
    """Whether a child is to be changed by ourselves: what was applied to it last is another manifest."""
    return _sealed(live) not in {None, _sealed(manifest)}


def delay(times: int) -> float:
    """Seconds between the last repair and the next, after this many in a row."""
    return min(_LONGEST_DELAY, _FIRST_DELAY * 2.0 ** min(times - AT_ONCE, 10)) if times >= AT_ONCE else 0.0


def calm(times: int) -> float:
    """Seconds without another change after which the row of repairs has ended."""
    return max(_CALM_SECONDS, 2 * delay(times))


def _sealed(obj: Object) -> str | None:
    found: str | None = (obj["metadata"].get("annotations") or {}).get(names.MANIFEST)
    return found
