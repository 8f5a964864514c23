"""Whether drift is set back now: by mode, and ever more rarely where it comes again each time."""

import pytest

from delivery_operator.api.drift import KINDS, DriftMode, DriftPolicy
from delivery_operator.engine import drift
from delivery_operator.engine.children import PRUNED
from delivery_operator.engine.drift import AT_ONCE, Change, Drift, Left, Repaired, Rules, Verdict, calm, delay

WEB = ("Deployment", "order-web")
CHANGED = Drift(WEB, (Change("spec.replicas", "kubectl"),))
GONE = Drift(WEB)
UNSEALED = Drift(WEB, (Change("metadata.annotations[delivery.dev/manifest]"), Change("spec.replicas")))
WARN, OFF = DriftPolicy(mode=DriftMode.WARN), DriftPolicy(mode=DriftMode.OFF)


def repaired(times: int, ago: float) -> dict[tuple[str, str], Repaired]:
    return {WEB: Repaired(times, ago, CHANGED)}


def test_every_kind_that_is_kept_in_line_may_have_a_mode() -> None:
    assert set(KINDS) == set(PRUNED)


@pytest.mark.parametrize(
    ("rules", "what", "verdict"),
    [
        pytest.param(Rules(), CHANGED, Verdict(repair=True), id="repair"),
        pytest.param(Rules(WARN), CHANGED, Verdict(left=Left(CHANGED)), id="warn"),
        pytest.param(Rules(OFF), CHANGED, Verdict(), id="off"),
        pytest.param(Rules(None), CHANGED, Verdict(left=Left(CHANGED)), id="no environment: nobody's change is undone"),
        pytest.param(Rules(OFF), GONE, Verdict(repair=True), id="what is gone comes back"),
        pytest.param(Rules(OFF), UNSEALED, Verdict(repair=True), id="the seal itself comes back"),
        pytest.param(Rules(OFF, rolling=True), CHANGED, Verdict(repair=True), id="a rollout sets what it sets"),
    ],
)
def test_the_mode_decides(rules: Rules, what: Drift, verdict: Verdict) -> None:
    assert rules.judge(what) == verdict


@pytest.mark.parametrize(
    ("times", "ago", "again"),
    [(AT_ONCE - 1, 0.1, None), (AT_ONCE, 1.0, 9.0), (AT_ONCE, 10.0, None), (AT_ONCE + 2, 4.0, 36.0), (99, 299.0, 1.0)],
)
def test_a_fight_slows_down(times: int, ago: float, again: float | None) -> None:
    verdict = Rules(repairs=repaired(times, ago)).judge(CHANGED)
    assert verdict.repair == (again is None)
    assert verdict.again == again
    assert (verdict.left == Left(CHANGED, contested=True)) == (again is not None)


def test_between_two_changes_the_fight_is_still_told() -> None:
    """Else the condition would come and go with each of them."""
    assert Rules().in_line(WEB) == Verdict()
    assert Rules(repairs=repaired(AT_ONCE - 1, 1.0)).in_line(WEB) == Verdict()
    fought = Rules(repairs=repaired(AT_ONCE, 20.0)).in_line(WEB)
    assert fought == Verdict(left=Left(CHANGED, contested=True), again=calm(AT_ONCE) - 20.0)
    assert Rules(WARN, repaired(AT_ONCE, 20.0)).in_line(WEB) == Verdict(), "nothing is set back any more"


def test_a_row_has_not_ended_before_the_next_repair_is_due() -> None:
    for times in range(1, 60):
        assert calm(times) > delay(times)
        assert delay(times) <= 300


def test_a_difference_is_ours_when_another_manifest_was_applied() -> None:
    def sealed(seal: str | None) -> dict[str, object]:
        return {"metadata": {"annotations": {"delivery.dev/manifest": seal} if seal else None}}

    assert drift.ours(sealed("a"), sealed("b"))
    assert not drift.ours(sealed("a"), sealed("a"))
    assert not drift.ours(sealed("a"), sealed(None)), "somebody took the seal away"


def test_no_more_than_a_few_fields_are_named() -> None:
    wanted = {"kind": "Service", "metadata": {"name": "order"}, "spec": {str(each): each for each in range(9)}}
    found = drift.of(wanted, {"kind": "Service", "metadata": {"name": "order"}, "spec": {}})
    assert found is not None
    assert [each.field for each in found.changes] == [f"spec.{each}" for each in range(5)]
    assert drift.of(wanted, wanted) is None
