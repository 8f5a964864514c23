"""The environment that a service names (F1-4, F10), and what its release needs of it and of the cluster."""

from typing import Any

import pytest

from delivery_operator.engine.plan import Plan
from delivery_operator.engine.snapshot import Obstacle
from delivery_operator.render import bundle as bundles
from delivery_operator.render.platform import MONITORING, Platform
from tests.unit.support import builders
from tests.unit.support.world import SECRET, World

MISSING = Obstacle("EnvironmentMissing", "DeliveryEnvironment production does not exist; ask the platform team for it")
WITH_METRICS = {**builders.WEB, "metrics": {"port": 9090}}
EXPOSED = {**builders.WEB, "expose": {}}
PROVISIONED = {
    "name": "db",
    "type": "postgresql",
    "provisionedService": {"apiVersion": "databases.example.com/v1", "kind": "Postgres", "name": "order"},
    "env": {"DATABASE_URL": "url"},
}


def serving(**changes: Any) -> World:
    world = World(builders.spec(migrate=False, **changes))
    world.run()
    return world


def test_without_its_environment_a_service_gets_no_release_and_waits() -> None:
    world = World(builders.spec())
    world.obstacle = MISSING
    world.settle()
    assert world.phases() == {}
    assert world.said("Ready") == ("False", "EnvironmentMissing")
    assert world.said("Reconciling") == ("True", "EnvironmentMissing")
    assert world.said("Stalled")[0] == "False"
    world.obstacle = None
    world.run()
    assert world.said("Ready") == ("True", "Serving")


def test_what_runs_stays_when_its_environment_goes() -> None:
    world = serving()
    world.obstacle = MISSING
    world.edit(image=builders.NEXT_IMAGE)
    world.run()
    assert world.phases() == {1: "Active"}
    assert world.said("Ready") == ("False", "EnvironmentMissing")
    assert world.plan() == Plan()
    world.delete("Deployment", "order-relay")
    world.settle()
    assert ("Deployment", "order-relay") in world.objects, "drift is repaired all the same"


def test_no_release_is_let_go_while_nobody_says_how_many_stay() -> None:
    world = serving()
    world.environment(releases={"keep": 1})
    for step in range(3):
        world.edit(image=f"{builders.IMAGE}-{step}")
        world.run()
    before = list(world.phases())
    world.obstacle, world.platform = MISSING, Platform()
    world.run()
    assert list(world.phases()) == before


def test_the_environment_says_how_many_releases_are_kept() -> None:
    world = serving()
    world.environment(releases={"keep": 2})
    for step in range(5):
        world.edit(image=f"{builders.IMAGE}-{step}")
        world.run()
    assert list(world.phases()) == [4, 5, 6]


def test_releases_that_never_serve_are_bounded_too() -> None:
    """kubevela#5050: a broken staging, which CI releases to for weeks; nothing of it ever gets well."""
    world = serving()
    world.environment(releases={"keep": 2})
    for step in range(6):
        world.edit(image=f"{builders.IMAGE}-{step}")
        world.settle()
        world.pods_do_not_come("web", overdue=True)
        world.settle()
    assert list(world.phases()) == [1, 5, 6, 7], "and the one that serves"


def test_a_release_of_which_a_pod_lives_stays() -> None:
    """What it refers to is what that pod may print, and may connect to."""
    world = serving()
    world.environment(releases={"keep": 1})
    world.add(builders.pod(world.deployment("web"), name="old", labels=builders.process_labels("web", 1), container={}))
    for step in range(4):
        world.edit(image=f"{builders.IMAGE}-{step}")
        world.run()
    assert list(world.phases()) == [1, 4, 5]
    world.delete("Pod", "old")
    world.run()
    assert list(world.phases()) == [4, 5]


def test_its_defaults_take_effect_with_the_next_release_and_make_none() -> None:
    """Invariant 2: a change of the platform team restarts no pod."""
    world = serving()
    world.environment(defaults={"logLevel": "debug", "resources": {"limits": {"memory": "1Gi"}}})
    assert world.plan() == Plan()
    world.edit(image=builders.NEXT_IMAGE)
    world.run()
    container = world.deployment("web")["spec"]["template"]["spec"]["containers"][0]
    assert container["resources"]["limits"] == {"memory": "1Gi"}


@pytest.mark.parametrize(
    ("process", "reason"),
    [(EXPOSED, "ExposureMissing")],
)
def test_an_unmet_need_makes_no_release_and_says_so(process: dict[str, Any], reason: str) -> None:
    world = serving()
    world.edit_process("web", **process)
    world.settle()
    assert world.phases() == {1: "Active"}
    assert world.said("Stalled") == ("True", reason)
    assert "ask the platform team" in world.condition("Stalled")["message"]
    world.environment(exposure={"domain": "example.com", "ingress": {"className": "nginx"}})
    world.run()
    assert ("Ingress", "order-web") in world.objects
    assert world.said("Ready") == ("True", "Serving")


def test_an_unmet_need_of_a_release_that_serves_already_is_no_news() -> None:
    world = World(builders.spec(migrate=False, processes={"web": EXPOSED}))
    world.environment(exposure={"domain": "example.com", "ingress": {"className": "nginx"}})
    world.run()
    world.platform = Platform()
    assert world.plan() == Plan()


def test_broken_templates_stop_releases_and_nothing_else() -> None:
    world = serving()
    world.template_fault = "template deployment.yaml.j2, line 3: 'x' is undefined"
    assert world.plan() == Plan()
    world.edit(image=builders.NEXT_IMAGE)
    world.run()
    assert world.phases() == {1: "Active"}
    assert world.said("Stalled") == ("True", "TemplateInvalid")
    assert "line 3: 'x' is undefined" in world.condition("Stalled")["message"]


def test_a_template_that_breaks_on_this_service_alone_stops_it_alone() -> None:
    """The check renders a sample; a service may have what the sample lacks."""
    world = serving()
    sources = {**builders.BUNDLE.sources, "poddisruptionbudget": "{{ nothing }}"}
    world.bundle = bundles.Bundle(sources)
    assert world.plan() == Plan(), "what it has was made with others"
    world.edit_process("web", replicas=3)
    world.settle()
    assert world.said("Stalled") == ("True", "TemplateInvalid")
    assert world.runs("web") == "1"
    world.bundle = builders.BUNDLE
    world.run()
    assert world.deployment("web")["spec"]["replicas"] == 3


def test_an_optional_kind_that_the_cluster_has_ceased_to_serve_is_left_out() -> None:
    world = World(builders.spec(migrate=False, processes={"web": WITH_METRICS}))
    world.platform = Platform(served=frozenset({MONITORING}))
    world.run()
    assert {"PodMonitor", "PrometheusRule"} <= {kind for kind, _ in world.objects}
    for kind in ("PodMonitor", "PrometheusRule"):
        for name in world.of_kind(kind):
            world.delete(kind, name)
    world.platform = Platform()
    assert world.plan() == Plan()


def test_a_provisioned_service_is_waited_for_by_its_name() -> None:
    """https://servicebinding.io: the Secret's name is in status.binding.name."""
    world = World(builders.spec(migrate=False, backingServices=[PROVISIONED]))
    world.unbound = {"db": "Postgres order does not name its Secret in status.binding.name yet (needed for db)"}
    world.settle()
    assert world.said("ConfigReady") == ("False", "BindingNotReady")
    assert "Postgres order does not name its Secret" in world.condition("ConfigReady")["message"]
    assert world.plan().look_again_after == 5.0
    world.unbound = {}
    world.bind(db="db-credentials")
    world.run()
    assert world.said("Ready") == ("True", "Serving")
    assert [each["name"] for each in world.release(1)["spec"]["references"]] == ["db-credentials"]


def test_a_binding_to_another_secret_is_a_release() -> None:
    world = World(builders.spec(migrate=False, backingServices=[PROVISIONED]))
    world.bind(db="db-credentials")
    world.run()
    world.contents[SECRET[0], "db-credentials-2"] = {"url": "postgres://db/order"}
    world.bind(db="db-credentials-2")
    world.run()
    assert max(world.phases()) == 2
    assert world.release(2)["spec"]["reason"] == "SecretRotated"
