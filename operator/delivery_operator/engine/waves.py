"""Template waves: which services of an environment take its new templates next (invariant 2, and 10).

Decided anew from what is with every look: the services, their releases, and the status of the environment, which names
those whose turn it is. A service that finds itself named makes a release of itself (`renewal`); when that has ended,
one way or the other, the next one's turn comes. Killed at any moment, the next look goes on from the status.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Final, NamedTuple, Self

from delivery_operator.api.environment import DeliveryEnvironmentSpec
from delivery_operator.api.release import Phase
from delivery_operator.api.status import ConditionType
from delivery_operator.api.upgrade import MOST_BEHIND, UpgradeMode, UpgradePhase
from delivery_operator.engine.conditions import FALSE, TRUE, Claim
from delivery_operator.engine.history import Release
from delivery_operator.engine.objects import Object, condition, condition_is, name
from delivery_operator.engine.window import UnknownZone, seconds_until

_NAMED: Final = 10
"""How many names a message has."""


class Made(NamedTuple):
    """What counts of a release.

    Attributes:
        templates: digest of those it was rendered with; one text for all that have the same.
        phase: how far it has come.
        renewal: whether it renews another.
    """

    templates: str
    phase: Phase
    renewal: bool

    @classmethod
    def of(cls, body: Object) -> Self:
        """Pick it from a DeliveryRelease."""
        release = Release(body)
        return cls(sys.intern(release.templates), release.phase, release.renewal_of is not None)


@dataclass(frozen=True, slots=True)
class Member:
    """What counts of one service of the environment: little, since it is kept of each of thousands.

    Attributes:
        name: namespace and name, as a status has them.
        newest: the release that its status names as the newest.
        active: the one that serves, by its status.
        fit: whether it is ready, and has no contract step to be run or mended.
        stalled: whether nothing will change until somebody acts.
        held: whether its spec holds it where it is: it is paused, or has gone back to an earlier release as it was.
        leaving: whether it is being deleted.
    """

    name: str
    newest: Made | None
    active: Made | None
    fit: bool
    stalled: bool
    held: bool
    leaving: bool

    @classmethod
    def of(cls, service: Object, newest: Object | None, active: Object | None) -> Self:
        """Pick it from a DeliveryService and its releases."""
        spec: Mapping[str, Any] = service["spec"]
        contracted = condition(service, ConditionType.CONTRACT_SUCCEEDED)
        return cls(
            _name(service),
            Made.of(newest) if newest else None,
            Made.of(active) if active else None,
            # What the engine would not renew (`renewal.due`) is not named: it would keep its place for ever.
            condition_is(service, ConditionType.READY) and (contracted is None or contracted["status"] == TRUE),
            condition_is(service, ConditionType.STALLED),
            bool(spec.get("paused")) or (spec.get("release") or {}).get("rollbackTo") is not None,
            bool(service["metadata"].get("deletionTimestamp")),
        )


def _name(service: Object) -> str:
    return f"{service['metadata']['namespace']}/{name(service)}"


class _Turn(Enum):
    """How a service stands to the templates of today."""

    NONE = "it has no release that serves, or is being deleted"
    CURRENT = "it runs with them"
    HELD = "it runs with others, and its spec holds it there"
    UNFIT = "it runs with others, and cannot take them now"
    READY = "it runs with others, and can take them"
    UNDER_WAY = "a renewal takes it to them"
    OUTDATED = "a renewal takes it to those of before; the next one follows at once"
    FAILED = "the renewal has failed"


@dataclass(frozen=True)
class Upgrade:
    """What is to be told of an environment's services.

    Attributes:
        claim: the condition TemplatesCurrent.
        status: where the waves are; None where there are none.
        look_again_after: seconds until the maintenance window opens, where it is waited for.
    """

    claim: Claim
    status: dict[str, Any] | None = None
    look_again_after: float | None = None


@dataclass(frozen=True)
class Fleet:
    """The services of an environment.

    Attributes:
        spec: the environment's.
        members: the services that name it.
        unseen: names of services that failed to take its templates and cannot be seen now.
    """

    spec: DeliveryEnvironmentSpec
    members: Sequence[Member]
    unseen: frozenset[str] = frozenset()


def decide(fleet: Fleet, templates: str, body: Object, now: datetime) -> Upgrade:
    """Answer whose turn it is, and how the environment's services stand.

    Args:
        fleet: the services that name the environment, in any order.
        templates: digest of its templates of today.
        body: the environment, for whose turn it was.
        now: the time, for the maintenance window.
    """
    spec = fleet.spec
    turns = {each.name: (each, _turn(each, templates)) for each in sorted(fleet.members, key=lambda each: each.name)}
    behind = [each for each, (_, turn) in turns.items() if turn not in {_Turn.NONE, _Turn.CURRENT}]
    if spec.upgrade.mode is not UpgradeMode.WAVES:
        if not behind:
            return Upgrade(_CURRENT)
        said = f"services run with other templates, and take those of today with their next release: {_list(behind)}"
        return Upgrade((FALSE, "OnNextRelease", said))

    before = _previous(body, templates)
    was_failed = set(before.get("failed", ())) if _same_spec(body) else set()
    was_named = set(before.get("inProgress", ()))
    failed = [each for each in behind if _has_failed(*turns[each], each in was_named, each in was_failed)]
    fit = [each for each in behind if each not in failed]
    # One that cannot be seen now has not been mended: it goes on stopping the waves.
    out_of_sight = (was_failed & fleet.unseen) - turns.keys()
    failed, behind = sorted({*failed, *out_of_sight}), sorted({*behind, *out_of_sight})
    in_hand = [each for each in fit if _in_hand(turns[each][1], each in was_named)]
    left = [each for each in fit if turns[each][1] is _Turn.READY and each not in in_hand]
    stopped = len(failed) >= spec.upgrade.stop_after_failures
    window = _until_open(spec, now)
    if window == 0 and not stopped:
        begun = left[: max(0, spec.upgrade.max_concurrent - len(in_hand))]
        in_hand, left = sorted([*in_hand, *begun]), left[len(begun) :]
    phase = _phase(behind, in_hand, left, stopped=stopped)
    message = _message(phase, failed, spec, window)
    status: dict[str, Any] = {
        "templates": templates,
        "phase": phase.value,
        "message": message,
        "total": sum(turn is not _Turn.NONE for _, turn in turns.values()),
        "current": sum(turn is _Turn.CURRENT for _, turn in turns.values()),
    }
    status |= {"inProgress": in_hand} if in_hand else {}
    status |= {"failed": failed} if failed else {}
    status |= {"behind": behind[:MOST_BEHIND]} if behind else {}
    reason = "UpgradePaused" if phase is UpgradePhase.PAUSED else phase.value
    claim = (FALSE, reason, f"{message}; with other templates run: {_list(behind)}") if behind else _CURRENT
    waits = bool(left) and not stopped and window
    return Upgrade(claim, status, window if waits else None)


def asks(body: Object | None, service: Object, templates: str) -> bool:
    """Whether an environment's status names a service as one that is to take these templates now."""
    found = _previous(body, templates) if body else {}
    return _name(service) in found.get("inProgress", ())


_CURRENT: Final[Claim] = (TRUE, "Current", "every service runs with the templates of today")


def _turn(member: Member, templates: str) -> _Turn:
    newest, active = member.newest, member.active
    if active is None or newest is None or member.leaving:
        return _Turn.NONE
    if newest.renewal and newest.phase is not Phase.ACTIVE and not member.held:
        if newest.templates == templates:
            return _Turn.FAILED if newest.phase is Phase.FAILED else _Turn.UNDER_WAY
        return _Turn.READY if newest.phase is Phase.FAILED else _Turn.OUTDATED
    if active.templates == templates:
        return _Turn.CURRENT
    if member.held:
        return _Turn.HELD
    return _Turn.READY if newest.phase is Phase.ACTIVE and member.fit else _Turn.UNFIT


def _in_hand(turn: _Turn, was_named: bool) -> bool:  # noqa: FBT001 beside its turn it reads well
    return turn in {_Turn.UNDER_WAY, _Turn.OUTDATED} or (turn is _Turn.READY and was_named)


def _has_failed(member: Member, turn: _Turn, was_named: bool, was_failed: bool) -> bool:  # noqa: FBT001 as above
    """Whether a service counts as failed.

    Where the release cannot even be made, for a template that does not fit this service, none has failed, and the
    service is as well as before once it is asked no more: then its name in the status is what tells.
    """
    match turn:
        case _Turn.FAILED:
            return True
        case _Turn.UNDER_WAY:
            return member.stalled
        case _Turn.UNFIT:
            return was_failed or (was_named and member.stalled)
        case _:
            return was_failed and turn is _Turn.READY


def _previous(body: Object, templates: str) -> Mapping[str, Any]:
    """What the status has of the waves of these templates."""
    found: Mapping[str, Any] = (body.get("status") or {}).get("upgrade") or {}
    return found if found.get("templates") == templates else {}


def _same_spec(body: Object) -> bool:
    return bool((body.get("status") or {}).get("observedGeneration") == body["metadata"]["generation"])


def _phase(behind: Sequence[str], named: Sequence[str], left: Sequence[str], *, stopped: bool) -> UpgradePhase:
    if not behind:
        return UpgradePhase.DONE
    if stopped:
        return UpgradePhase.PAUSED
    if named:
        return UpgradePhase.IN_PROGRESS
    return UpgradePhase.WAITING_FOR_WINDOW if left else UpgradePhase.INCOMPLETE


def _until_open(spec: DeliveryEnvironmentSpec, now: datetime) -> float | None:
    """Seconds until the maintenance window is open, 0 while it is; None when its time zone is not known."""
    if spec.maintenance_window is None:
        return 0
    try:
        return seconds_until(spec.maintenance_window, now)
    except UnknownZone:
        return None


def _message(phase: UpgradePhase, failed: Sequence[str], spec: DeliveryEnvironmentSpec, window: float | None) -> str:
    match phase:
        case UpgradePhase.DONE:
            return _CURRENT[2]
        case UpgradePhase.IN_PROGRESS:
            return "services take the templates of today, some at a time"
        case UpgradePhase.WAITING_FOR_WINDOW if window is None and spec.maintenance_window:
            zone = spec.maintenance_window.time_zone
            return f"no time zone {zone} is known, so the maintenance window never opens; correct its timeZone"
        case UpgradePhase.WAITING_FOR_WINDOW:
            return "services take the templates of today when the maintenance window opens (spec.maintenanceWindow)"
        case UpgradePhase.INCOMPLETE:
            return "all services that can have taken the templates of today; the others take them when they can"
        case _:
            return (
                f"no other service is begun, since these have failed to take the templates of today: {_list(failed)}; "
                "mend the templates, or kubectl delivery retry each of them, or raise spec.upgrade.stopAfterFailures"
            )


def _list(names: Sequence[str]) -> str:
    return ", ".join(names[:_NAMED]) + (" and others" if len(names) > _NAMED else "")
