"""A release that lost its label or its owner gets them back, and nothing is released for it (invariants 2 and 6)."""

from copy import deepcopy
from typing import Any

import pytest

from delivery_operator.engine import adoption, events
from delivery_operator.engine.drift import AT_ONCE
from delivery_operator.engine.plan import Apply
from delivery_operator.render import names
from tests.unit.support import builders
from tests.unit.support.world import World

RELEASE = ("DeliveryRelease", "order-r1")


@pytest.fixture
def serving() -> World:
    """A service whose first release serves."""
    world = World(builders.spec())
    world.run()
    return world


def owner(uid: str) -> dict[str, Any]:
    return {"apiVersion": "delivery.dev/v1alpha1", "kind": "DeliveryService", "name": "order", "uid": uid}


@pytest.mark.parametrize(
    "taken",
    [
        pytest.param({"ownerReferences": []}, id="owner"),
        pytest.param({"ownerReferences": [owner("uid-of-order")]}, id="owner that does not control"),
        pytest.param({"labels": {}}, id="labels"),
        pytest.param({"labels": {names.SERVICE: "another"}}, id="label of another service"),
        pytest.param({"labels": {}, "ownerReferences": []}, id="both"),
    ],
)
def test_what_was_taken_comes_back_and_no_release_is_made(serving: World, taken: dict[str, Any]) -> None:
    before = deepcopy(serving.objects)
    serving.edit_metadata(*RELEASE, **taken)
    serving.settle()
    after = serving.objects[RELEASE]
    wanted = before[RELEASE]["metadata"]
    assert after["metadata"]["labels"] == wanted["labels"]
    assert wanted["ownerReferences"][0] in after["metadata"]["ownerReferences"]
    assert (after["spec"], after["status"]) == (before[RELEASE]["spec"], before[RELEASE]["status"])
    assert serving.of_kind("DeliveryRelease").keys() == {"order-r1"}
    assert serving.said("Ready") == ("True", "Serving")
    assert serving.plan().writes == ()


def test_what_a_deleted_namesake_left_is_not_touched(serving: World) -> None:
    release = serving.objects[RELEASE]
    metadata = {**release["metadata"], "name": "order-r9", "labels": {}}
    metadata["ownerReferences"] = [{**owner("uid-of-the-deleted"), "controller": True}]
    serving.add({**release, "metadata": metadata, "spec": {**release["spec"], "number": 9}})
    assert serving.plan().writes == ()


def test_an_event_tells_it(serving: World) -> None:
    serving.edit_metadata(*RELEASE, labels={})
    (write,) = serving.plan().writes
    assert isinstance(write, Apply)
    (event,) = events.of(write)
    assert event.reason == "DriftRepaired"
    assert event.message.startswith("DeliveryRelease order-r1: metadata.labels")


def test_it_is_given_back_before_anything_else_is_done(serving: World) -> None:
    """The next release is numbered after it, and not made in its place."""
    serving.edit_metadata(*RELEASE, ownerReferences=[], labels={})
    serving.edit(image=builders.NEXT_IMAGE)
    (write,) = serving.plan().writes
    assert isinstance(write, Apply)
    serving.run()
    assert serving.phases() == {1: "Superseded", 2: "Active"}


def test_one_that_is_taken_again_and_again_is_set_back_ever_more_rarely_and_serves_all_the_while(
    serving: World,
) -> None:
    for _ in range(AT_ONCE + 2):
        serving.edit_metadata(*RELEASE, ownerReferences=[])
        serving.settle()
    assert serving.objects[RELEASE]["metadata"]["ownerReferences"] == []
    assert serving.said("Ready") == ("True", "Serving")
    serving.edit(image=builders.NEXT_IMAGE)
    serving.run()
    assert serving.phases() == {1: "Superseded", 2: "Active"}
    serving.tick(400)
    serving.settle()
    assert serving.objects[RELEASE]["metadata"]["ownerReferences"] != []


def test_a_paused_service_writes_nothing(serving: World) -> None:
    serving.edit(paused=True)
    serving.run()
    serving.edit_metadata(*RELEASE, labels={})
    serving.settle()
    assert serving.objects[RELEASE]["metadata"]["labels"] == {}


def test_the_history_goes_on_for_a_service_that_is_made_again_with_what_it_had() -> None:
    """`kubectl delete --cascade=orphan`, and the service once more: what runs is taken up, and so is its journal."""
    service = {
        "apiVersion": "delivery.dev/v1alpha1",
        "kind": "DeliveryService",
        "metadata": {"name": "order", "namespace": "shop", "uid": "the second"},
    }
    release: dict[str, Any] = {"metadata": {"name": "order-r4", "uid": "r"}, "spec": {"service": "order", "number": 4}}
    assert adoption.belongs(release, service)
    assert not adoption.belongs({**release, "spec": {"service": "payment", "number": 4}}, service)
    former = {**release["metadata"], "ownerReferences": [{**owner("the first"), "controller": True}]}
    assert not adoption.belongs({**release, "metadata": former}, service)
