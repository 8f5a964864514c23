"""Rotation: pods that may hold an old value are named until none is left, and only then it is safe to revoke it."""

from copy import deepcopy
from typing import Any

import pytest

from delivery_operator.api.release import ReferenceKind
from delivery_operator.api.status import DeliveryServiceStatus
from delivery_operator.engine.plan import Plan
from delivery_operator.engine.rotation import MOST_PODS
from delivery_operator.render import names
from tests.unit.support import builders
from tests.unit.support.builders import NEXT_IMAGE
from tests.unit.support.world import SECRET, World

STRIPE = (ReferenceKind.SECRET, "stripe")
KEY = {"STRIPE_KEY": {"secretKeyRef": {"name": "stripe", "key": "key"}}}


@pytest.fixture
def serving() -> World:
    """A service whose first release serves with two pods."""
    world = World(builders.spec(migrate=False))
    world.run()
    pods(world, 1, "a", "b")
    return world


def pods(world: World, release: int, *letters: str, process: str = "web", phase: str = "Running") -> None:
    """Let pods of a release live, or be in another phase."""
    for letter in letters:
        labels = builders.process_labels(process, release)
        body = builders.pod(world.deployment("web"), name=f"order-{process}-{release}{letter}", labels=labels)
        body["status"]["phase"] = phase
        world.add(body)


def gone(world: World, *pods_: str) -> None:
    for each in pods_:
        world.delete("Pod", f"order-web-{each}")


def rotate(world: World, value: str = "postgres://db/order?new") -> None:
    world.contents[SECRET] = {"url": value}


def told(world: World) -> dict[str, Any]:
    """What is told of the one rotated Secret."""
    world.settle()
    DeliveryServiceStatus.model_validate(world.status)
    assert world.plan() == Plan(), "and it is told once"
    (entry,) = world.status["rotation"]
    return {name: value for name, value in entry.items() if name != "message"}


def message(world: World) -> str:
    (entry,) = world.status["rotation"]
    return str(entry["message"])


OLD = ["order-web-1a", "order-web-1b"]
SINCE = {"secret": "db-credentials", "release": "order-r2"}


def test_nothing_is_told_of_secrets_that_nobody_changed(serving: World) -> None:
    serving.edit(image=NEXT_IMAGE)
    serving.run()
    assert "rotation" not in serving.status


def test_pods_with_the_old_value_are_named_until_none_is_left(serving: World) -> None:
    rotate(serving)
    assert told(serving) == {**SINCE, "pods": OLD, "safeToRevoke": False}
    assert serving.release(2)["spec"]["reason"] == "SecretRotated"
    pods(serving, 2, "a", "b")
    serving.pods_come()
    assert told(serving) == {**SINCE, "pods": OLD, "safeToRevoke": False}, "those that drain still hold it"
    gone(serving, "1a")
    assert told(serving) == {**SINCE, "pods": ["order-web-1b"], "safeToRevoke": False}
    assert "keep the old credential valid until they are gone" in message(serving)
    gone(serving, "1b")
    assert told(serving) == {**SINCE, "safeToRevoke": True}
    assert message(serving) == "no pod holds an older value: the old credential may be revoked"


def test_events_tell_of_its_start_and_its_end(serving: World) -> None:
    serving.told.clear()
    rotate(serving)
    serving.run()
    gone(serving, "1a", "1b")
    serving.run()
    rotate(serving, "postgres://db/newest")
    serving.run()
    about = [(each.reason, each.message) for each in serving.told]
    safe = "Secret db-credentials: no pod holds an older value: the old credential may be revoked"
    made = "release {} is made (image registry.example.com/shop/order:v1.0.0): Secret db-credentials (url) changed"
    assert [each for each in about if each[0] in {"SecretRotated", "SafeToRevoke"}] == [
        ("SecretRotated", made.format("order-r2")),
        ("SafeToRevoke", safe),
        ("SecretRotated", made.format("order-r3")),
        ("SafeToRevoke", safe),
    ]


def test_it_is_told_until_the_next_release(serving: World) -> None:
    rotate(serving)
    gone(serving, "1a", "1b")
    serving.run()
    assert told(serving)["safeToRevoke"]
    serving.edit(image=NEXT_IMAGE)
    serving.settle()
    assert "rotation" not in serving.status
    serving.run()
    assert "rotation" not in serving.status


def test_a_newer_release_does_not_hide_that_pods_are_left(serving: World) -> None:
    rotate(serving)
    serving.run()
    serving.edit(image=NEXT_IMAGE)
    serving.run()
    assert told(serving) == {**SINCE, "pods": OLD, "safeToRevoke": False}
    gone(serving, "1a", "1b")
    serving.settle()
    assert "rotation" not in serving.status


def test_the_release_that_brings_the_value_may_be_a_later_one(serving: World) -> None:
    """The rotation's own gave way before it served; nothing would ever say that it is safe."""
    rotate(serving)
    serving.settle()
    serving.edit(image=NEXT_IMAGE)
    assert told(serving) == {**SINCE, "pods": OLD, "safeToRevoke": False}
    gone(serving, "1a", "1b")
    assert told(serving) == {**SINCE, "safeToRevoke": False}, "not before it serves"
    serving.run()
    assert serving.phases() == {1: "Superseded", 2: "Superseded", 3: "Active"}
    assert told(serving) == {**SINCE, "safeToRevoke": True}


def test_a_credential_that_does_not_work_is_not_safe(serving: World) -> None:
    """The new pods crash, the old ones serve on: revoking now would take the service down."""
    rotate(serving, "postgres://db/wrong")
    serving.settle()
    serving.pods_do_not_come("web", overdue=True)
    serving.settle()
    assert serving.phases() == {1: "Active", 2: "Failed"}
    assert told(serving) == {**SINCE, "pods": OLD, "safeToRevoke": False}
    assert "release order-r2 failed" in message(serving)
    gone(serving, "1a", "1b")
    assert told(serving) == {**SINCE, "safeToRevoke": False}
    pods(serving, 2, "a")
    rotate(serving, "postgres://db/right")
    serving.run()
    assert told(serving) == {**SINCE, "release": "order-r3", "pods": ["order-web-2a"], "safeToRevoke": False}
    gone(serving, "2a")
    assert told(serving) == {**SINCE, "release": "order-r3", "safeToRevoke": True}


def test_the_old_value_put_back_makes_the_other_one_the_old(serving: World) -> None:
    rotate(serving, "postgres://db/wrong")
    serving.settle()
    pods(serving, 2, "a")
    rotate(serving, "postgres://db/order")
    serving.run()
    expected = {**SINCE, "release": "order-r3", "safeToRevoke": False}
    assert told(serving) == {**expected, "pods": [*OLD, "order-web-2a"]}, "a container of theirs may have started anew"


def test_a_value_that_no_release_brings_yet_is_not_safe(serving: World) -> None:
    """What was safe to revoke was the value before; what pods hold now is old."""
    rotate(serving)
    gone(serving, "1a", "1b")
    serving.run()
    pods(serving, 2, "a")
    assert told(serving)["safeToRevoke"]
    serving.template_fault = "deployment.yaml.j2: wrong"
    rotate(serving, "postgres://db/newest")
    assert told(serving) == {"secret": "db-credentials", "pods": ["order-web-2a"], "safeToRevoke": False}
    assert "no release is made with the new value yet" in message(serving)
    serving.template_fault = ""
    serving.settle()
    assert told(serving) == {**SINCE, "release": "order-r3", "pods": ["order-web-2a"], "safeToRevoke": False}


def test_while_paused_a_rotation_is_told(serving: World) -> None:
    serving.edit(paused=True)
    rotate(serving)
    assert told(serving) == {"secret": "db-credentials", "pods": OLD, "safeToRevoke": False}


def test_a_secret_that_is_gone_changes_nothing_of_who_holds_what(serving: World) -> None:
    rotate(serving)
    serving.run()
    before = told(serving)
    serving.contents.clear()
    assert told(serving) == before


def test_pods_of_jobs_tasks_and_schedules_count_until_they_end(serving: World) -> None:
    rotate(serving)
    gone(serving, "1a", "1b")
    pods(serving, 1, "x", process="sweep")
    pods(serving, 1, "y", process="done", phase="Succeeded")
    job = builders.pod(serving.deployment("web"), name="seed", labels={names.ROLE: names.TASK, names.RELEASE: "1"})
    serving.add(job)
    serving.add(builders.pod(serving.deployment("web"), name="debug", labels={names.SERVICE: "order"}))
    serving.run()
    assert told(serving) == {**SINCE, "pods": ["order-sweep-1x", "seed"], "safeToRevoke": False}


def test_no_more_than_a_few_pods_are_named(serving: World) -> None:
    rotate(serving)
    pods(serving, 1, *"cdefghijk")
    found = told(serving)
    assert len(found["pods"]) == MOST_PODS
    assert found["morePods"]


def test_pods_of_a_release_that_is_gone_may_hold_anything(serving: World) -> None:
    serving.edit(image="registry.example.com/shop/order:v2.0.0")
    serving.run()
    serving.delete("DeliveryRelease", "order-r1")
    rotate(serving)
    assert told(serving)["pods"] == OLD


# What is no rotation.


def test_a_release_that_did_not_refer_to_the_secret_holds_none_of_it() -> None:
    world = World(builders.spec(migrate=False, backingServices=[]))
    world.run()
    pods(world, 1, "a")
    world.edit(backingServices=builders.spec()["backingServices"])
    world.run()
    assert "rotation" not in world.status
    rotate(world)
    world.run()
    assert told(world) == {**SINCE, "release": "order-r3", "safeToRevoke": True}


def test_another_key_of_the_same_secret_is_no_new_value(serving: World) -> None:
    serving.contents[SECRET]["user"] = "order"
    serving.edit(config={"USER": {"secretKeyRef": {"name": "db-credentials", "key": "user"}}})
    serving.run()
    assert "rotation" not in serving.status
    assert serving.phases() == {1: "Superseded", 2: "Active"}


def test_a_new_value_together_with_a_new_image_is_told(serving: World) -> None:
    """A GitOps tool may apply both at once."""
    rotate(serving)
    serving.edit(image=NEXT_IMAGE)
    assert told(serving) == {**SINCE, "pods": OLD, "safeToRevoke": False}
    assert serving.release(2)["spec"]["reason"] == "ImageChanged"


def test_a_release_that_cannot_be_read_is_held_to_what_it_saw(serving: World) -> None:
    body = deepcopy(serving.release(1))
    body["spec"]["content"] = {"of": "another version"}
    serving.add(body)
    rotate(serving)
    serving.run()
    assert "rotation" not in serving.status, "it may have referred to other keys"
    newest = deepcopy(serving.release(2))
    newest["spec"]["content"] = {"of": "another version"}
    serving.add(newest)
    assert told(serving) == {**SINCE, "pods": OLD, "safeToRevoke": False}


def test_a_key_or_secret_that_nobody_refers_to_changes_nothing(serving: World) -> None:
    serving.contents[SECRET]["other"] = "changed"
    serving.contents[STRIPE] = {"key": "1"}
    assert serving.plan() == Plan()


def test_a_config_map_is_no_credential() -> None:
    flags = (ReferenceKind.CONFIG_MAP, "flags")
    world = World(builders.spec(config={"FLAGS": {"configMapKeyRef": {"name": "flags", "key": "all"}}}))
    world.contents[flags] = {"all": "1"}
    world.run()
    world.contents[flags] = {"all": "2"}
    world.run()
    assert world.release(2)["spec"]["reason"] == "ConfigChanged"
    assert "rotation" not in world.status


def test_two_secrets_are_told_apart() -> None:
    world = World(builders.spec(migrate=False, config=KEY))
    world.contents[STRIPE] = {"key": "1"}
    world.run()
    pods(world, 1, "a")
    rotate(world)
    world.run()
    pods(world, 2, "a")
    world.contents[STRIPE] = {"key": "2"}
    world.run()
    found = {each["secret"]: (each["release"], each["pods"]) for each in world.status["rotation"]}
    assert found == {
        "db-credentials": ("order-r2", ["order-web-1a"]),
        "stripe": ("order-r3", ["order-web-1a", "order-web-2a"]),
    }
    gone(world, "1a")
    assert told(world) == {"secret": "stripe", "release": "order-r3", "pods": ["order-web-2a"], "safeToRevoke": False}


def test_a_rollback_runs_with_todays_credentials(serving: World) -> None:
    """Secrets are referenced, not copied: the old pods' value is as old afterwards as before."""
    rotate(serving)
    serving.edit(image=NEXT_IMAGE)
    serving.run()
    serving.policy(rollbackTo=1)
    serving.run()
    copy = serving.release(3)["spec"]
    assert copy["copyOf"] == 1
    assert copy["references"] == serving.release(2)["spec"]["references"] != serving.release(1)["spec"]["references"]
    assert told(serving) == {**SINCE, "pods": OLD, "safeToRevoke": False}
