"""A watch that owes a version for too long is deaf (nolar/kopf#585); work that goes on for too long hangs."""

from typing import Any

import pytest

from delivery_operator.cluster.reach import Reach
from delivery_operator.cluster.store import Body
from delivery_operator.runtime.vitals import DEAF_AFTER_SECONDS, Vitals


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def body(version: int, kind: str = "Deployment") -> dict[str, Any]:
    return {"kind": kind, "metadata": {"resourceVersion": str(version)}}


def test_a_version_that_comes_is_no_longer_owed(clock: Clock) -> None:
    vitals = Vitals(clock, Reach((None,)))
    vitals.expect(body(5))
    vitals.heard(body(5))
    clock.now += DEAF_AFTER_SECONDS + 1
    assert vitals.deaf() == []


def test_a_later_version_stands_for_those_before_it(clock: Clock) -> None:
    """Versions in between may be left out: the object changed twice."""
    vitals = Vitals(clock, Reach((None,)))
    vitals.expect(body(5))
    vitals.heard(body(9))
    clock.now += DEAF_AFTER_SECONDS + 1
    assert vitals.deaf() == []


def test_a_watch_is_deaf_when_it_owes_too_long_and_not_before(clock: Clock) -> None:
    vitals = Vitals(clock, Reach((None,)))
    vitals.expect(body(5))
    vitals.heard(body(4))
    clock.now += DEAF_AFTER_SECONDS
    assert vitals.deaf() == []
    clock.now += 1
    assert vitals.deaf() == ["Deployment"]
    vitals.heard(body(5))
    assert vitals.deaf() == [], "it was only slow"


def test_what_was_heard_already_is_not_owed(clock: Clock) -> None:
    """The watch may be faster than the answer to our own write."""
    vitals = Vitals(clock, Reach((None,)))
    vitals.heard(body(7))
    vitals.expect(body(5))
    clock.now += DEAF_AFTER_SECONDS + 1
    assert vitals.deaf() == []


def test_the_first_version_owed_counts(clock: Clock) -> None:
    """A watch that is deaf while we go on writing must not look younger with each write."""
    vitals = Vitals(clock, Reach((None,)))
    vitals.expect(body(5))
    clock.now += DEAF_AFTER_SECONDS
    vitals.expect(body(6))
    clock.now += 1
    assert vitals.deaf() == ["Deployment"]


def test_each_kind_has_a_watch_of_its_own(clock: Clock) -> None:
    vitals = Vitals(clock, Reach((None,)))
    vitals.expect(body(5, "Service"))
    vitals.expect(body(5, "Deployment"))
    vitals.heard(body(9, "Pod"))
    clock.now += DEAF_AFTER_SECONDS + 1
    assert vitals.deaf() == ["Deployment", "Service"]


def test_what_is_the_matter_is_said_in_words(clock: Clock) -> None:
    vitals = Vitals(clock, Reach((None,)))
    assert vitals.fault() is None
    vitals.hanging = lambda: [("shop", "order"), ("", "production")]
    assert vitals.fault() == "the work on shop/order, production hangs"
    vitals.expect(body(5, "Pod"))
    clock.now += DEAF_AFTER_SECONDS + 1
    assert vitals.fault() == "the watch of Pod is deaf"


def test_in_named_namespaces_each_has_a_watch_of_its_own(clock: Clock) -> None:
    """What one of them hears says nothing of another, whose rights may have been taken."""
    vitals = Vitals(clock, Reach(("a", "b")))
    for namespace in ("a", "b"):
        vitals.expect(in_namespace(body(5), namespace))
    vitals.heard(in_namespace(body(9), "b"))
    vitals.expect(body(5, "DeliveryEnvironment"))
    clock.now += DEAF_AFTER_SECONDS + 1
    assert vitals.deaf() == ["DeliveryEnvironment", "Deployment in a"]


def test_a_namespace_that_is_not_watched_owes_nothing(clock: Clock) -> None:
    """One that does not let the operator in may still be written to by a reconcile in hand, or be listed in part."""
    reach = Reach(("a", "b"))
    vitals = Vitals(clock, reach)
    reach.set("b", is_open=False)
    vitals.expect(in_namespace(body(5), "b"))
    clock.now += DEAF_AFTER_SECONDS + 1
    assert vitals.fault() is None


def in_namespace(found: Body, namespace: str) -> Body:
    return {**found, "metadata": {**found["metadata"], "namespace": namespace}}
