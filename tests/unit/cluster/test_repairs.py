"""What was lately set back: in a row, and forgotten when a child is left in peace."""

from delivery_operator.cluster.repairs import Repairs
from delivery_operator.engine.drift import Drift, Repaired, calm

ORDER, PAYMENT = ("shop", "order"), ("shop", "payment")
WEB, RELAY = Drift(("Deployment", "order-web")), Drift(("Deployment", "order-relay"))


class Clock:
    """Seconds, as told."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def test_repairs_of_one_child_are_counted_while_they_follow_each_other() -> None:
    clock = Clock()
    repairs = Repairs(clock)
    repairs.note(ORDER, WEB)
    clock.seconds += 5
    repairs.note(ORDER, WEB)
    repairs.note(ORDER, RELAY)
    clock.seconds += 1
    assert repairs.of(ORDER) == {WEB.key: Repaired(2, 1.0, WEB), RELAY.key: Repaired(1, 1.0, RELAY)}
    assert repairs.of(PAYMENT) == {}


def test_a_child_that_is_left_in_peace_is_forgotten() -> None:
    clock = Clock()
    repairs = Repairs(clock)
    repairs.note(ORDER, WEB)
    clock.seconds += calm(1) - 1
    repairs.note(ORDER, RELAY)
    clock.seconds += 1
    assert set(repairs.of(ORDER)) == {RELAY.key}
    clock.seconds += calm(1)
    assert repairs.of(ORDER) == {}
    repairs.note(ORDER, WEB)
    assert repairs.of(ORDER)[WEB.key].times == 1, "a new row"
