"""The life of a release, seen from the world: `decide` plans, the world answers."""

from copy import deepcopy

import pytest

from delivery_operator.api.release import ReferenceKind
from delivery_operator.engine.decide import decide
from delivery_operator.engine.plan import Create, Plan, SetStatus, aim
from delivery_operator.engine.snapshot import Refusal
from delivery_operator.render import names
from delivery_operator.render.bundle import Bundle
from tests.unit.support import builders
from tests.unit.support.builders import NEXT_IMAGE
from tests.unit.support.world import SECRET, World


@pytest.fixture
def world() -> World:
    return World(builders.spec())


@pytest.fixture
def serving() -> World:
    """A service whose first release serves."""
    world = World(builders.spec())
    world.run()
    return world


def test_a_release_goes_from_pending_to_active(world: World) -> None:
    """F5-1, F12-6: config, release, migration, processes, status, in that order (OP-8)."""
    world.settle()
    assert world.phases() == {1: "Migrating"}
    assert world.of_kind("Deployment") == {}

    world.job_ends(1, message='{"schemaHead": "0007"}')
    world.settle()
    assert world.phases() == {1: "RollingOut"}
    assert world.release(1)["status"]["migration"] == {
        "job": "order-r1-migrate",
        "uid": world.job(1)["metadata"]["uid"],
        "result": "Succeeded",
        "exitCode": 0,
        "durationSeconds": 7,
        "schemaHead": "0007",
    }
    assert {world.runs(process) for process in ("web", "relay")} == {"1"}
    assert world.said("Ready") == ("False", "RollingOut")

    world.pods_come()
    world.settle()
    assert world.phases() == {1: "Active"}
    assert world.release(1)["status"]["activeAt"] == "2026-03-01T12:00:07Z"
    assert world.said("Ready") == ("True", "Serving")
    assert world.status["activeRelease"] == "order-r1"
    assert world.status["image"] == builders.IMAGE
    assert world.status["formation"] == "relay=1 web=2"


def test_a_service_without_migration_rolls_out_at_once() -> None:
    world = World(builders.spec(migrate=False))
    world.settle()
    assert world.of_kind("Job") == {}
    assert world.runs("web") == "1"
    assert world.said("MigrationSucceeded") == ("True", "NoMigration")


def test_the_config_map_and_identity_of_a_release_precede_its_job(world: World) -> None:
    """A Job that starts before its environment exists fails for nothing (argoproj/argo-cd#9891)."""
    world.settle()
    order = [entry.split()[1] for entry in world.log]
    assert order.index("Job") > max(order.index("ConfigMap"), order.index("ServiceAccount"))


def test_one_plan_makes_a_whole_first_step(world: World) -> None:
    (write,) = world.plan().writes
    assert isinstance(write, Create)
    assert write.manifest["kind"] == "DeliveryRelease"
    assert write.manifest["metadata"]["name"] == "order-r1"


def test_the_old_release_serves_until_the_new_one_is_healthy(serving: World) -> None:
    """Invariant 4."""
    serving.edit(image=NEXT_IMAGE)
    serving.settle()
    assert serving.phases() == {1: "Active", 2: "Migrating"}
    assert serving.runs("web") == "1"

    serving.job_ends(2)
    serving.settle()
    assert serving.phases() == {1: "Active", 2: "RollingOut"}
    assert serving.status["activeRelease"] == "order-r1"
    assert "release order-r1 serves" in serving.condition("Ready")["message"]

    serving.pods_come()
    serving.settle()
    assert serving.phases() == {1: "Superseded", 2: "Active"}
    assert serving.status["image"] == NEXT_IMAGE


def test_a_release_keeps_its_status_when_it_is_superseded(serving: World) -> None:
    before = serving.release(1)["status"]
    serving.edit(image=NEXT_IMAGE)
    serving.run()
    assert serving.release(1)["status"] == {**before, "phase": "Superseded"}


def test_a_healthy_service_is_left_alone(serving: World) -> None:
    """Invariant 2, OP-6: no write at all, and a second look is no different."""
    assert serving.plan() == Plan()
    writes = len(serving.log)
    serving.tick(3600)
    serving.settle()
    assert len(serving.log) == writes


def test_a_restart_with_new_templates_leaves_a_healthy_service_alone(serving: World) -> None:
    """Invariant 2: an operator upgrade rolls no fleet; the next release takes the new templates."""
    sources = dict(builders.BUNDLE.sources)
    sources["deployment"] = sources["deployment"].replace("maxSurge: 1", "maxSurge: 2")
    serving.bundle = Bundle(sources)
    serving.cache.clear()
    assert serving.plan() == Plan()

    serving.edit(image=NEXT_IMAGE)
    serving.run()
    assert serving.deployment("web")["spec"]["strategy"]["rollingUpdate"]["maxSurge"] == 2
    assert serving.release(2)["spec"]["templates"] != serving.release(1)["spec"]["templates"]


def test_a_plan_changes_nothing_it_was_made_from(serving: World) -> None:
    serving.edit(image=NEXT_IMAGE)
    serving.observe()
    snapshot = serving.snapshot()
    before = deepcopy((snapshot.service, snapshot.releases, snapshot.children))
    decide(snapshot)
    assert (snapshot.service, snapshot.releases, snapshot.children) == before


def test_a_service_being_deleted_is_left_to_its_owner_references(serving: World) -> None:
    """Invariant 6: deletion needs no operator."""
    serving.edit(image=NEXT_IMAGE)
    body = deepcopy(serving.service)
    body["metadata"]["deletionTimestamp"] = "2026-03-01T12:00:00Z"
    serving.add(body)
    assert serving.plan() == Plan()


def test_every_child_goes_with_the_service(serving: World) -> None:
    """OP-5: owner references lead from every object to the service, so the garbage collector removes them all."""
    serving.edit(image=NEXT_IMAGE)
    serving.run()
    serving.delete("DeliveryService", "order")
    assert serving.objects == {}


def test_an_invalid_spec_is_reported_and_nothing_else_is_touched(serving: World) -> None:
    """OP-7: what the CRD of a newer operator admits may be unreadable to this one."""
    before = {key: body for key, body in serving.objects.items() if key[0] != "DeliveryService"}
    serving.edit(processes={"web": {"command": ["order", "web"], "replicas": "many"}})
    serving.settle()
    assert serving.said("Stalled") == ("True", "InvalidSpec")
    assert serving.said("ConfigReady") == ("Unknown", "InvalidSpec")
    assert "spec.processes.web.replicas" in serving.condition("Ready")["message"]
    assert "formation" not in serving.status
    assert {key: body for key, body in serving.objects.items() if key[0] != "DeliveryService"} == before


def test_a_broken_template_stalls_without_a_release(serving: World) -> None:
    """The message says that it is the platform team's to mend."""
    serving.bundle = Bundle({**builders.BUNDLE.sources, "deployment": "a: 1\nb: {{ nobody.knows }}\n"})
    serving.edit(image=NEXT_IMAGE)
    serving.settle()
    assert serving.said("Stalled") == ("True", "TemplateInvalid")
    message = serving.condition("Stalled")["message"]
    assert "deployment.yaml.j2, line 2" in message
    assert "platform team" in message
    assert serving.phases() == {1: "Active"}


def test_a_refused_write_plans_the_status_alone(serving: World) -> None:
    serving.edit(image=NEXT_IMAGE)
    serving.observe()
    refusal = Refusal(("DeliveryRelease", "order-r2"), "exceeded quota: releases=1")
    (write,) = decide(serving.snapshot(refusal)).writes
    assert isinstance(write, SetStatus)
    assert write.target["kind"] == "DeliveryService"
    stalled = next(each for each in write.status["conditions"] if each["type"] == "Stalled")
    assert (stalled["status"], stalled["reason"]) == ("True", "WriteRefused")
    assert "DeliveryRelease order-r2: exceeded quota: releases=1" in stalled["message"]
    serving.write(write)
    assert decide(serving.snapshot(refusal)) == Plan()


def test_a_deployment_that_lost_its_label_is_told_and_stops_nothing(serving: World) -> None:
    """Where changes are left as they are."""
    serving.environment(drift={"mode": "warn"})
    labels = serving.deployment("web")["metadata"]["labels"]
    serving.edit_metadata("Deployment", "order-web", labels={k: v for k, v in labels.items() if k != names.PROCESS})
    serving.settle()
    assert serving.said("InSync")[0] == "False"
    assert serving.said("Ready")[0] == "True"


def test_what_goes_missing_during_a_rollout_takes_nothing_back() -> None:
    """Invariant 4: without a migration, too; a singleton's new pod would end for one that cannot start either."""
    world = World(builders.spec(migrate=False))
    world.run()
    world.edit(image=builders.NEXT_IMAGE)
    world.settle()
    assert (world.runs("web"), world.runs("relay")) == ("2", "2")
    before, world.contents = len(world.log), {}
    world.settle()
    assert not [line for line in world.log[before:] if "Deployment" in line]
    assert world.said("ConfigReady")[0] == "False"
    world.pods_come()
    world.settle()
    assert world.phases()[2] == "Active"


def test_a_rollout_that_lacks_its_secret_goes_on_when_that_is_back() -> None:
    """It is not given up for good at its deadline: what served serves, and nobody has to act."""
    world = World(builders.spec(migrate=False))
    world.run()
    world.edit(image=builders.NEXT_IMAGE)
    world.settle()
    kept, world.contents = world.contents, {}
    world.pods_do_not_come("web", overdue=True)
    world.settle()
    assert (world.runs("web"), world.said("Ready")) == ("1", ("False", "SecretMissing"))
    world.contents = kept
    world.run()
    assert (world.runs("web"), world.phases()[2]) == ("2", "Active")


def test_an_old_release_that_may_not_be_deleted_is_in_nobodys_way(serving: World) -> None:
    """A policy of others forbids it: the log says so, and the status goes on telling how the service stands."""
    for image in ("v2", "v3"):
        serving.edit(image=f"registry.example.com/shop/order:{image}.0.0")
        serving.run()
    serving.environment(releases={"keep": 1})
    (delete,) = serving.plan().writes
    assert aim(delete) == ("DeliveryRelease", "order-r1")
    refusal = Refusal(aim(delete), "the policy says no")
    for write in decide(serving.snapshot(refusal)).writes:
        serving.write(write)
    assert serving.said("Ready") == ("True", "Serving")


def test_a_secret_that_changes_makes_a_release(serving: World) -> None:
    """F3-11: a release is build and config."""
    serving.contents[SECRET] = {"url": "postgres://db/order?rotated"}
    serving.run()
    assert serving.phases() == {1: "Superseded", 2: "Active"}
    assert serving.runs("web") == "2"


def test_a_key_nobody_refers_to_changes_nothing(serving: World) -> None:
    serving.contents[SECRET] = {**serving.contents[SECRET], "comment": "anything"}
    assert serving.plan() == Plan()


def test_another_backing_service_needs_no_new_image(serving: World) -> None:
    """F4-3: a binding is swapped by changing its reference only."""
    serving.contents[ReferenceKind.SECRET, "rds"] = {"url": "postgres://rds/order"}
    service = serving.service["spec"]["backingServices"][0]
    serving.edit(backingServices=[{**service, "secret": "rds"}])
    serving.run()
    env = serving.deployment("web")["spec"]["template"]["spec"]["containers"][0]["env"]
    assert {"name": "DATABASE_URL", "valueFrom": {"secretKeyRef": {"name": "rds", "key": "url"}}} in env
    assert serving.status["image"] == builders.IMAGE
