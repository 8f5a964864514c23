"""NetworkPolicies while pods of two releases live: neither is cut off (invariant 4)."""

from typing import Any

from delivery_operator.engine.plan import Plan
from tests.unit.support import builders
from tests.unit.support.world import World

OLD = {"name": "db", "type": "postgresql", "secret": "db-credentials", "env": {"DATABASE_URL": "url"}}
NEW = {**OLD, "type": "mysql"}
POLICY = ("NetworkPolicy", "order-service")


def ports(world: World) -> set[int]:
    """The TCP ports that pods may call, but for DNS."""
    rules: list[dict[str, Any]] = world.objects[POLICY]["spec"]["egress"]
    return {each["port"] for rule in rules for each in rule.get("ports", ()) if each["port"] != 53}


def old_pod(world: World) -> None:
    labels = builders.process_labels("web", 1)
    world.add(builders.pod(world.deployment("web"), name="order-web-old", labels=labels, container={}))


def test_while_old_pods_live_both_databases_may_be_called() -> None:
    world = World(builders.spec(backingServices=[OLD]))
    world.run()
    assert ports(world) == {5432}
    old_pod(world)
    world.edit(backingServices=[NEW])
    world.settle()
    assert ("Job", "order-r2-migrate") in world.objects
    assert ports(world) == {5432, 3306}, "the migration calls the new one"
    world.job_ends(2)
    world.settle()
    world.pods_come()
    world.settle()
    assert world.phases()[2] == "Active"
    assert ports(world) == {5432, 3306}, "an old pod drains"
    world.delete("Pod", "order-web-old")
    world.run()
    assert ports(world) == {3306}
    assert world.plan() == Plan()


def test_releases_that_allow_the_same_share_one_policy() -> None:
    world = World(builders.spec(migrate=False))
    world.run()
    old_pod(world)
    before = world.objects[POLICY]["spec"]
    world.edit(image=builders.NEXT_IMAGE)
    world.settle()
    assert world.objects[POLICY]["spec"] == before


def test_the_policy_is_there_before_the_first_migration() -> None:
    world = World(builders.spec())
    world.settle()
    assert POLICY in world.objects
    assert ("Deployment", "order-web") not in world.objects


def test_a_process_that_only_the_old_release_has_keeps_its_policy_while_it_serves() -> None:
    """Policies of processes have names of their own; one that no release beside has is left as it is."""
    admin = {"command": ["order", "admin"], "port": {"number": 9000}}
    world = World(builders.spec(migrate=False, processes={"web": builders.WEB, "admin": admin}))
    world.run()
    assert ("NetworkPolicy", "order-admin") in world.objects
    old_pod(world)
    world.edit(processes={"web": builders.WEB})
    world.settle()
    assert ("NetworkPolicy", "order-admin") in world.objects
    world.run()
    assert ("NetworkPolicy", "order-admin") not in world.objects
