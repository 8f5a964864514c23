"""Template waves: whose turn it is, decided from the services and the environment's status alone."""

from datetime import timedelta
from typing import Any

import pytest

from delivery_operator.engine import waves
from delivery_operator.engine.waves import Member
from tests.unit.support.fleet import NEW, NOON, OLD, Fleet, member, release

HELD: dict[str, dict[str, Any]] = {"paused": {"paused": True}, "rolled back": {"release": {"rollbackTo": 1}}}


def fleet(*names: str, **fields: Any) -> Fleet:
    found = Fleet(**fields)
    found.behind(*names)
    return found


def under_way(name: str, templates: str = NEW, *, stalled: bool = False) -> Member:
    return member(name, release(OLD), release(templates, "RollingOut", renewal_of=1), ready=False, stalled=stalled)


def test_nothing_rolls_of_itself() -> None:
    found = fleet("a", "b", mode="onNextRelease").look()
    assert found.status is None
    assert found.claim[:2] == ("False", "OnNextRelease")
    assert found.claim[2].endswith("with their next release: shop/a, shop/b")


@pytest.mark.parametrize("mode", ["onNextRelease", "waves"])
def test_a_fleet_that_is_current_is_told_so(mode: str) -> None:
    found = Fleet(mode=mode)
    found.take("a")
    assert found.look().claim == ("True", "Current", "every service runs with the templates of today")


def test_no_more_than_the_cap_are_under_way_and_each_end_makes_room_for_the_next() -> None:
    found = fleet("a", "b", "c", "d")
    assert found.names("inProgress") == ["a", "b"]
    assert found.phase == "InProgress"
    found.put(under_way("a"))
    assert found.names("inProgress") == ["a", "b"], "the one that has begun and the one that has not yet"
    found.take("a")
    assert found.names("inProgress") == ["b", "c"]
    found.take("b")
    found.take("c")
    assert found.names("inProgress") == ["d"]
    found.take("d")
    assert found.phase == "Done"
    assert found.status["upgrade"] == {
        "templates": NEW,
        "phase": "Done",
        "message": "every service runs with the templates of today",
        "total": 4,
        "current": 4,
    }


def test_looking_twice_changes_nothing() -> None:
    found = fleet("a", "b", "c")
    found.fail("c")
    before = found.look()
    assert found.look() == before


def test_a_release_of_its_own_counts_as_done_when_it_serves() -> None:
    found = fleet("a", "b", "c")
    assert found.names("inProgress") == ["a", "b"]
    found.put(member("a", release(OLD), release(NEW, "RollingOut"), ready=False))
    assert found.names("inProgress") == ["b", "c"], "it is under way by itself, and takes no place"
    found.put(member("a", release(NEW)))
    found.look()
    assert found.status["upgrade"]["current"] == 1


def test_the_place_of_a_service_that_is_deleted_is_free() -> None:
    found = fleet("a", "b", "c")
    found.look()
    found.put(member("a", release(OLD), deletionTimestamp="2026-03-02T12:00:00Z"))
    assert found.names("inProgress") == ["b", "c"]
    del found.services["b"]
    assert found.names("inProgress") == ["c"]
    assert found.status["upgrade"]["total"] == 1


@pytest.mark.parametrize("spec", HELD.values(), ids=HELD)
def test_a_service_that_is_held_by_its_spec_is_left_alone(spec: dict[str, Any]) -> None:
    found = fleet("b")
    found.put(member("a", release(OLD), spec=spec))
    assert found.names("inProgress") == ["b"]
    found.take("b")
    assert found.phase == "Incomplete"
    assert found.names("behind") == ["a"]


def test_one_that_failed_and_is_paused_since_is_nobodys_failure() -> None:
    found = fleet("b")
    found.put(member("a", release(OLD), release(NEW, "Failed", 1), ready=False, stalled=True, spec={"paused": True}))
    assert found.names("failed") == []
    assert found.names("inProgress") == ["b"]


@pytest.mark.parametrize(
    "unfit",
    [
        member("a", release(OLD), ready=False),
        member("a", release(OLD), release(NEW, "Migrating"), ready=False),
        member("a", release(OLD), release("newer", "Failed"), ready=False, stalled=True),
        member("a", release(OLD), conditions={"ContractSucceeded": "False"}),
        member("a", release(OLD), conditions={"ContractSucceeded": "Unknown"}),
    ],
    ids=["unhealthy", "another release under way", "another has failed", "contract failed", "contract to come"],
)
def test_a_service_that_is_not_healthy_is_taken_when_it_is(unfit: Member) -> None:
    found = Fleet()
    found.put(unfit)
    assert found.phase == "Incomplete"
    assert found.names("inProgress") == []
    assert found.names("failed") == []
    found.put(member("a", release(OLD), conditions={"ContractSucceeded": "True"}))
    assert found.names("inProgress") == ["a"]


def test_a_service_without_a_release_that_serves_is_not_counted() -> None:
    found = Fleet()
    found.put(member("a", None, release(NEW, "Failed"), ready=False), member("b", None))
    assert found.phase == "Done"
    assert found.status["upgrade"]["total"] == 0


def test_after_too_many_failures_no_other_is_begun_and_those_begun_finish() -> None:
    found = fleet("a", "b", "c", upgrade={"maxConcurrent": 2, "stopAfterFailures": 1})
    found.look()
    found.fail("a")
    found.put(under_way("b"))
    result = found.look()
    assert found.names("failed") == ["a"]
    assert found.names("inProgress") == ["b"]
    assert found.phase == "Paused"
    assert result.claim[:2] == ("False", "UpgradePaused")
    assert "have failed to take the templates of today: shop/a" in result.claim[2]
    found.take("b")
    assert found.names("inProgress") == []
    assert found.phase == "Paused"


def test_a_failure_goes_on_stopping_it_though_the_service_cannot_be_seen_any_more() -> None:
    """Its namespace does not let the operator in for a while: nobody has mended the templates meanwhile."""
    found = fleet("a", "b", "c", upgrade={"maxConcurrent": 1, "stopAfterFailures": 1})
    found.look()
    found.fail("a")
    assert found.names("failed") == ["a"]
    found.hidden = {"a"}
    assert (found.names("failed"), found.names("inProgress"), found.phase) == (["a"], [], "Paused")
    found.hidden = set()
    assert (found.names("failed"), found.phase) == (["a"], "Paused")


def test_one_that_cannot_be_seen_keeps_no_place() -> None:
    found = fleet("a", "b", "c", upgrade={"maxConcurrent": 1})
    assert found.names("inProgress") == ["a"]
    found.hidden = {"a"}
    assert found.names("inProgress") == ["b"]


def test_fewer_failures_do_not_stop_it() -> None:
    found = fleet("a", "b", "c", upgrade={"stopAfterFailures": 2})
    found.look()
    found.fail("a")
    assert found.names("inProgress") == ["b"]
    found.take("b")
    found.take("c")
    assert found.phase == "Incomplete"
    assert found.names("failed") == ["a"]


def test_a_retry_that_succeeds_goes_on_with_the_others() -> None:
    found = fleet("a", "b", upgrade={})
    found.look()
    found.fail("a")
    assert found.phase == "Paused"
    found.put(under_way("a"))
    assert found.phase == "InProgress"
    assert found.names("inProgress") == ["a"], "which counts for the cap"
    found.take("a")
    assert found.names("inProgress") == ["b"]


def test_allowing_more_failures_goes_on_too() -> None:
    found = fleet("a", "b", upgrade={})
    found.fail("a")
    assert found.phase == "Paused"
    found.upgrade, found.generation = {"stopAfterFailures": 2}, 2
    assert found.names("inProgress") == ["b"]
    assert found.names("failed") == ["a"], "its release has failed all the same"


def test_mended_templates_begin_anew_with_those_that_failed() -> None:
    found = fleet("a", "b", "c", upgrade={})
    found.take("c")
    found.fail("a")
    assert found.phase == "Paused"
    found.templates = "newer"
    assert found.names("inProgress") == ["a"]
    assert found.names("failed") == []
    assert found.status["upgrade"]["current"] == 0


def test_a_renewal_under_way_with_the_templates_of_before_keeps_its_place() -> None:
    """It is asked to take the mended ones at once, whether or not it will fail with those before."""
    found = fleet("a", "b", "c")
    found.put(under_way("b", "broken", stalled=True), under_way("c", "broken"))
    assert found.names("inProgress") == ["b", "c"]
    assert found.names("failed") == []


def test_one_whose_release_the_api_server_refuses_counts_as_failed_until_it_does_not() -> None:
    found = fleet("a", "b", upgrade={})
    found.put(under_way("a", stalled=True))
    assert found.names("failed") == ["a"]
    assert found.phase == "Paused"
    found.put(under_way("a"))
    assert found.names("inProgress") == ["a"]
    assert found.names("failed") == []


def test_one_whose_release_cannot_be_made_is_remembered_by_name() -> None:
    """Asked no more, it is as well as before: nothing but the status tells that it cannot take them."""
    found = fleet("a", "b", upgrade={})
    assert found.names("inProgress") == ["a"]
    found.put(member("a", release(OLD), ready=False, stalled=True))
    assert found.names("failed") == ["a"]
    assert found.phase == "Paused"
    assert found.names("inProgress") == []
    found.behind("a")
    assert found.names("failed") == ["a"]
    found.put(member("a", release(OLD), ready=False))
    assert found.names("failed") == ["a"], "not healthy, for a reason of its own"
    found.behind("a")
    found.generation = 2
    assert found.names("inProgress") == ["a"], "a changed spec of the environment asks it again"


def test_outside_the_window_none_is_begun_and_those_begun_finish() -> None:
    found = fleet("a", "b", "c", window={"startTime": "12:00", "endTime": "13:00"})
    found.look()
    found.now = NOON + timedelta(hours=2)
    found.put(under_way("a"), under_way("b"))
    assert found.names("inProgress") == ["a", "b"]
    assert found.phase == "InProgress"
    found.take("a")
    found.take("b")
    result = found.look()
    assert found.names("inProgress") == []
    assert found.phase == "WaitingForWindow"
    assert result.claim[:2] == ("False", "WaitingForWindow")
    assert result.look_again_after == timedelta(hours=22).total_seconds()
    found.now = NOON + timedelta(days=1)
    assert found.names("inProgress") == ["c"]
    assert found.look().look_again_after is None


def test_a_named_service_that_has_not_begun_when_the_window_closes_still_may() -> None:
    """Its turn has come, and it reads so in the status: taking it back would be a race."""
    found = fleet("a", "b", window={"startTime": "12:00", "endTime": "13:00"}, upgrade={})
    found.look()
    found.now = NOON + timedelta(hours=2)
    assert found.names("inProgress") == ["a"]


def test_nobody_waits_for_a_window_when_none_is_left_to_begin() -> None:
    found = fleet(window={"startTime": "14:00", "endTime": "15:00"})
    found.put(member("a", release(OLD), spec={"paused": True}))
    assert found.look().look_again_after is None
    assert found.phase == "Incomplete"


def test_an_unknown_time_zone_is_told() -> None:
    found = fleet("a", window={"startTime": "12:00", "endTime": "13:00", "timeZone": "Europe/Atlantis"})
    result = found.look()
    assert found.phase == "WaitingForWindow"
    assert "no time zone Europe/Atlantis is known" in found.status["upgrade"]["message"]
    assert result.look_again_after is None


def test_a_smaller_cap_takes_nobodys_turn_back() -> None:
    found = fleet("a", "b", "c")
    found.look()
    found.upgrade = {"maxConcurrent": 1}
    assert found.names("inProgress") == ["a", "b"]
    found.take("a")
    assert found.names("inProgress") == ["b"]


def test_two_thousand_services_make_a_small_status() -> None:
    found = fleet(*(f"service-{number:04}" for number in range(2000)), upgrade={"maxConcurrent": 50})
    result = found.look()
    assert len(found.names("inProgress")) == 50
    assert len(found.names("behind")) == 20
    assert result.claim[2].endswith("shop/service-0009 and others")
    assert len(str(found.status)) < 4000


def test_a_service_reads_in_the_status_that_it_is_its_turn() -> None:
    found = fleet("a", "b", "c")
    found.look()
    body = {"status": found.status}
    a, b, c = ({"metadata": {"name": name, "namespace": "shop"}} for name in "abc")
    assert [waves.asks(body, each, NEW) for each in (a, b, c)] == [True, True, False]
    assert not waves.asks(body, a, "newer"), "these are not the templates it was named for"
    assert not waves.asks(None, a, NEW)
    assert not waves.asks({}, a, NEW)
