"""Objects in little memory: what was put in comes out, in use or packed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery_operator.cluster.bodies import Bodies


def body(number: int) -> dict[str, object]:
    return {"metadata": {"name": f"order-{number}", "labels": {"tier": "wéb"}}, "spec": {"replicas": number}}


def test_what_is_not_in_use_comes_out_as_it_went_in() -> None:
    bodies: Bodies[int] = Bodies(in_use=2)
    for number in range(10):
        bodies[number] = body(number)
    assert [bodies[number] for number in range(10)] == [body(number) for number in range(10)]


def test_what_is_in_use_is_one_and_the_same() -> None:
    """Looks that come one after the other share what they read."""
    bodies: Bodies[int] = Bodies(in_use=2)
    bodies[1], bodies[2] = body(1), body(2)
    first = bodies[1]
    bodies[3] = body(3)
    assert bodies[1] is first, "used of late, unlike the second"


@given(st.lists(st.tuples(st.sampled_from(["put", "read", "drop"]), st.integers(0, 5), st.integers(0, 3))))
def test_it_is_a_mapping_whatever_is_in_use(steps: list[tuple[str, int, int]]) -> None:
    bodies: Bodies[int] = Bodies(in_use=2)
    expected: dict[int, dict[str, object]] = {}
    for step, key, number in steps:
        if step == "put":
            bodies[key] = expected[key] = body(number)
        elif key not in expected:
            with pytest.raises(KeyError):
                _ = bodies[key]
            with pytest.raises(KeyError):
                del bodies[key]
        elif step == "read":
            assert bodies[key] == expected[key]
        else:
            del bodies[key], expected[key]
    assert {key: bodies[key] for key in expected} == expected
