"""Which requests are places for a fault, and which faults come where."""

import json

import pytest

from tests.support.faults.plans import chosen, plans
from tests.support.faults.process.faults import KILLS, OTHERS
from tests.support.faults.writes import described

APPS = "/apis/apps/v1/namespaces/shop/deployments/order-web"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/shop/leases"


@pytest.mark.parametrize(
    ("method", "path", "name", "words"),
    [
        ("PATCH", APPS, "", "patch deployments order-web"),
        ("DELETE", "/api/v1/namespaces/shop/configmaps/order", "", "delete configmaps order"),
        (
            "PATCH",
            "/apis/delivery.dev/v1alpha1/deliveryenvironments/live/status",
            "",
            "patch deliveryenvironments live status",
        ),
        ("POST", LEASES, "database-order", "create leases"),
        ("POST", LEASES, "delivery-operator", None),
        ("PUT", f"{LEASES}/delivery-operator", "", None),
        ("DELETE", f"{LEASES}/database-order", "", "delete leases database-order"),
        ("POST", "/apis/events.k8s.io/v1/namespaces/shop/events", "", None),
        ("GET", APPS, "", None),
    ],
)
def test_a_write_counts_unless_it_comes_by_the_clock(method: str, path: str, name: str, words: str | None) -> None:
    assert described(method, path, json.dumps({"metadata": {"name": name}}).encode()) == words


@pytest.mark.parametrize("writes", [3, 60])
def test_every_write_and_every_fault_has_a_plan(writes: int) -> None:
    every = plans("any", writes)
    places = range(1, writes + 1)
    assert {kill.at(write) for kill in KILLS for write in places} <= set(every)
    others = [each for each in every if type(each) not in map(type, KILLS)]
    assert {each.write for each in others} == set(places)
    assert {each.name for each in others} == {each.name for each in OTHERS}


def test_a_part_of_them_is_half_kills_and_the_same_each_time() -> None:
    part = chosen("any", 20, 10)
    assert len(part) == 10
    assert sum(type(each) in map(type, KILLS) for each in part) == 5
    assert part == chosen("any", 20, 10)
    assert set(part) <= set(plans("any", 20)) == set(chosen("any", 20, None))
