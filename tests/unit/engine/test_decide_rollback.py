"""`rollbackTo` (F5-4): a copy of an earlier release, for as long as the spec names one."""

from copy import deepcopy

import pytest

from delivery_operator.engine.plan import Plan
from delivery_operator.render import bundle as bundles
from delivery_operator.render import names
from delivery_operator.render.canonical import canonical_json
from tests.unit.support import builders
from tests.unit.support.world import SECRET, World

OTHER = "registry.example.com/shop/order:v3.0.0"
CONTRACT = {"command": ["order", "migrate", "--contract"]}


@pytest.fixture
def contracted() -> World:
    """A service in its third release; the contract step of the second has run."""
    world = World(builders.spec(migrate=False))
    world.run()
    world.edit(image=builders.NEXT_IMAGE, release={"contract": CONTRACT})
    world.run()
    assert world.release(2)["status"]["contract"]["result"] == "Succeeded"
    world.edit(image=OTHER, release={})
    world.run()
    return world


@pytest.fixture
def third() -> World:
    """A service in its third release."""
    world = World(builders.spec())
    for image in (builders.IMAGE, builders.NEXT_IMAGE, OTHER):
        world.edit(image=image)
        world.run()
    assert world.phases() == {1: "Superseded", 2: "Superseded", 3: "Active"}
    return world


def test_a_rollback_is_a_release_with_the_content_of_the_one_named(third: World) -> None:
    """Invariant 5: manifests byte for byte; today's templates and spec have no part in it."""
    templates = dict(builders.BUNDLE.sources)
    templates["deployment"] = templates["deployment"].replace("revisionHistoryLimit: 2", "revisionHistoryLimit: 3")
    third.bundle = bundles.Bundle(templates)
    third.policy(rollbackTo=1)
    third.run()
    copy, source = third.release(4)["spec"], third.release(1)["spec"]
    assert (copy["copyOf"], copy["reason"]) == (1, "Rollback")
    for field in ("image", "content", "templates", "manifests"):
        assert copy[field] == source[field]
    assert third.runs("web") == "4"
    assert third.deployment("web")["spec"]["template"]["spec"]["containers"][0]["image"] == builders.IMAGE
    assert third.said("Ready") == ("True", "Serving")


def test_what_runs_after_a_rollback_is_what_ran_before_byte_for_byte(third: World) -> None:
    """Invariants 5 and 9: but for the number of the release, and what takes effect at once."""

    def running(number: int) -> str:
        found = {
            f"{kind} {name}": {**body["spec"], "annotations": body["metadata"].get("annotations")}
            for kind in ("Deployment", "Service", "NetworkPolicy", "ConfigMap")
            for name, body in third.of_kind(kind).items()
            if "spec" in body
        }
        seals = {
            body["metadata"]["annotations"].pop(names.MANIFEST)
            for body in deepcopy(third.of_kind("Deployment")).values()
        }
        text = canonical_json(found).replace(f'"{names.RELEASE}":"{number}"', "RELEASE")
        for seal in seals:
            text = text.replace(seal, "SEAL")
        return text

    before = running(3)
    third.edit(image=f"{OTHER}-4", config={"LOG_LEVEL": {"value": "debug"}})
    third.run()
    assert running(4) != before
    third.policy(rollbackTo=3)
    third.run()
    assert running(5) == before


@pytest.mark.parametrize("lost", [True, False])
def test_it_needs_no_templates(third: World, *, lost: bool) -> None:
    """The ConfigMap of the environment's templates is gone, or holds others: what was rendered is in the release."""
    if lost:
        third.template_fault = "ConfigMap delivery-system/templates does not exist"
    else:
        third.bundle = builders.BUNDLE.with_overrides({"deployment": "nothing: {{ undefined_here }}"})
    third.policy(rollbackTo=1)
    third.run()
    assert third.release(4)["spec"]["manifests"] == third.release(1)["spec"]["manifests"]
    assert third.runs("web") == "4"
    assert third.said("Ready") == ("True", "Serving")


def test_a_refusal_is_lifted_for_the_release_that_is_named_and_no_other(contracted: World) -> None:
    """`kubectl delivery rollback --force`: whoever sets the annotation knows what may break."""
    contracted.annotate(names.FORCE_ROLLBACK, "order-r2")
    contracted.policy(rollbackTo=1)
    contracted.run()
    assert contracted.said("Stalled") == ("True", "RollbackRefused")
    contracted.annotate(names.FORCE_ROLLBACK, "order-r1")
    contracted.run()
    assert contracted.release(4)["spec"]["copyOf"] == 1
    assert contracted.said("Ready") == ("True", "Serving")
    assert contracted.plan() == Plan()


@pytest.mark.parametrize("annotation", ["", "order-r2", "1"])
def test_without_its_annotation_it_is_refused_again(contracted: World, annotation: str) -> None:
    """What serves by then goes on serving."""
    contracted.annotate(names.FORCE_ROLLBACK, "order-r1")
    contracted.policy(rollbackTo=1)
    contracted.run()
    contracted.annotate(names.FORCE_ROLLBACK, annotation)
    contracted.contents[SECRET] = {"url": "postgres://rotated"}
    contracted.run()
    assert contracted.said("Stalled") == ("True", "RollbackRefused")
    assert contracted.runs("web") == "4"
    assert max(contracted.phases()) == 4


def test_force_lifts_nothing_but_the_contract_steps_refusal(third: World) -> None:
    """A release whose migration never succeeded has never run at all."""
    third.edit(image=f"{OTHER}-4")
    third.settle()
    third.job_ends(4, code=1)
    third.settle()
    third.edit(image=f"{OTHER}-5")
    third.run()
    third.annotate(names.FORCE_ROLLBACK, "order-r4")
    third.policy(rollbackTo=4)
    third.run()
    assert third.said("Stalled") == ("True", "RollbackRefused")


def test_no_migration_is_run(third: World) -> None:
    jobs = dict(third.jobs)
    third.policy(rollbackTo=1)
    third.run()
    assert third.jobs == jobs
    assert third.said("MigrationSucceeded") == ("True", "NoMigration")
    assert "copy of release 1" in third.condition("MigrationSucceeded")["message"]


def test_it_stays_while_it_is_named_and_the_spec_comes_back_after(third: World) -> None:
    third.policy(rollbackTo=1)
    third.run()
    third.edit(image=builders.NEXT_IMAGE)
    third.run()
    assert third.plan() == Plan()
    assert max(third.phases()) == 4
    third.policy(rollbackTo=None)
    third.run()
    assert third.release(5)["spec"]["image"] == builders.NEXT_IMAGE
    assert third.release(5)["spec"]["reason"] == "ImageChanged"
    assert third.phases()[5] == "Active"


@pytest.mark.parametrize("number", [3, 2])
def test_content_that_serves_already_is_left_alone(third: World, number: int) -> None:
    if number == 2:
        third.edit(image=builders.NEXT_IMAGE)
        third.run()
    before = dict(third.phases())
    third.policy(rollbackTo=number)
    third.run()
    assert third.phases() == before


def test_a_copy_has_todays_credentials(third: World) -> None:
    """Secrets are referenced, not copied; a rotated one makes another copy."""
    third.contents[SECRET] = {"url": "postgres://rotated"}
    third.run()
    third.policy(rollbackTo=1)
    third.run()
    assert third.release(5)["spec"]["references"] != third.release(1)["spec"]["references"]
    third.contents[SECRET] = {"url": "postgres://again"}
    third.run()
    assert third.release(6)["spec"]["copyOf"] == 1
    assert third.plan() == Plan()


def test_a_release_that_is_not_there_is_named_with_those_that_are(third: World) -> None:
    third.policy(rollbackTo=9)
    third.run()
    assert third.said("Stalled") == ("True", "RollbackTargetMissing")
    assert "(there are: 1, 2, 3)" in third.condition("Stalled")["message"]
    assert third.runs("web") == "3"
    assert max(third.phases()) == 3


def test_a_new_service_cannot_go_back() -> None:
    world = World(builders.spec(release={"rollbackTo": 1}))
    world.run()
    assert world.said("Stalled") == ("True", "RollbackTargetMissing")
    assert "(there are: none)" in world.condition("Stalled")["message"]


def test_a_copy_outlives_its_source(third: World) -> None:
    third.policy(rollbackTo=1)
    third.run()
    third.delete("DeliveryRelease", "order-r1")
    third.run()
    assert third.plan() == Plan()
    assert third.said("Ready") == ("True", "Serving")


def test_the_release_that_is_named_is_never_let_go(third: World) -> None:
    third.environment(releases={"keep": 1})
    third.policy(rollbackTo=1)
    third.run()
    for step in range(4):
        third.contents[SECRET] = {"url": f"postgres://{step}"}
        third.run()
    assert 1 in third.phases()
    assert sorted(third.phases()) == [1, 7, 8], "the one that is named, one that ended, and the newest"


def test_what_takes_effect_at_once_does_so_in_a_copy(third: World) -> None:
    third.policy(rollbackTo=1)
    third.run()
    third.edit_process("web", replicas=4)
    third.run()
    assert max(third.phases()) == 4
    assert third.deployment("web")["spec"]["replicas"] == 4


def test_behind_a_contract_step_there_is_no_way_back(contracted: World) -> None:
    """F5-6, curie-eng/curie#2296: what it removed is what the older release needs."""
    world = contracted
    world.policy(rollbackTo=1)
    world.run()
    assert world.said("Stalled") == ("True", "RollbackRefused")
    assert "the contract step of release 2 has removed what it needs" in world.condition("Stalled")["message"]
    assert world.runs("web") == "3"
    world.policy(rollbackTo=2)
    world.run()
    assert world.release(4)["spec"]["copyOf"] == 2
    assert world.said("Ready") == ("True", "Serving")


@pytest.mark.parametrize("how", ["failed", "superseded"])
def test_a_release_that_was_never_migrated_cannot_come_back(third: World, how: str) -> None:
    """Invariant 3: a copy runs no migration, so its source must have."""
    third.edit(image=f"{OTHER}-4")
    third.settle()
    if how == "failed":
        third.job_ends(4, code=3)
        third.settle()
    third.edit(image=f"{OTHER}-5")
    third.settle()
    if how == "superseded":
        third.job_ends(4, code=3)
    third.run()
    assert third.phases()[5] == "Active"
    third.policy(rollbackTo=4)
    third.run()
    assert third.said("Stalled") == ("True", "RollbackRefused")
    assert "its migration did not succeed" in third.condition("Stalled")["message"]
    assert third.runs("web") == "5"


@pytest.mark.parametrize("began", [True, False])
def test_a_contract_step_counts_from_the_moment_it_may_have_run(*, began: bool) -> None:
    """One that is held has removed nothing; one that runs unrecorded is of an operator that made no held Jobs."""
    world = World(builders.spec(migrate=False))
    world.run()
    world.edit(image=builders.NEXT_IMAGE, release={"contract": CONTRACT})
    world.settle()
    world.pods_come()
    while ("Job", "order-r2-contract") not in world.objects:
        for write in world.plan().writes:
            world.write(write)
    assert "contract" not in world.release(2)["status"]
    world.change("Job", "order-r2-contract", suspend=not began)
    world.policy(rollbackTo=1)
    world.settle()
    if began:
        assert world.said("Stalled") == ("True", "RollbackRefused")
        return
    world.run()
    assert world.phases() == {1: "Superseded", 2: "Superseded", 3: "Active"}
    assert world.jobs.total() == 0


def test_the_memory_of_a_contract_step_outlives_the_number_that_is_kept() -> None:
    world = World(builders.spec(migrate=False))
    world.run()
    world.edit(image=builders.NEXT_IMAGE, release={"contract": CONTRACT})
    world.run()
    world.edit(release={"rollbackTo": 1})
    world.run()
    world.environment(releases={"keep": 1})
    for step in range(4):
        world.edit(image=f"{OTHER}-{step}", release={})
        world.run()
    assert 2 in world.phases()


@pytest.mark.parametrize("tried", ["order-r2", "order-r1"])
def test_a_failed_release_is_tried_again_when_its_name_is_asked_for(tried: str) -> None:
    """fluxcd/flux2#1878: a retry that needs no change of the spec."""
    world = World(builders.spec())
    world.run()
    world.edit(image=builders.NEXT_IMAGE)
    world.settle()
    world.job_ends(2, code=3)
    world.settle()
    assert world.phases()[2] == "Failed"
    world.annotate("delivery.dev/retry", tried)
    world.run()
    if tried == "order-r1":
        assert max(world.phases()) == 2
        return
    assert world.release(3)["spec"]["reason"] == "Retry"
    assert world.release(3)["spec"]["content"] == world.release(2)["spec"]["content"]
    assert world.phases()[3] == "Active"
    assert world.plan() == Plan()


def test_a_rotated_secret_is_the_reason() -> None:
    world = World(builders.spec(migrate=False))
    world.run()
    assert world.release(1)["spec"]["reason"] == "SpecChanged"
    world.contents[SECRET] = {"url": "postgres://rotated"}
    world.run()
    assert world.release(2)["spec"]["reason"] == "SecretRotated"


def test_a_release_that_migrates_still_is_waited_for() -> None:
    """It is refused only when its end is known; Stalled would say that nothing changes by itself."""
    world = World(builders.spec())
    world.settle()
    world.edit(image=builders.NEXT_IMAGE)
    world.policy(rollbackTo=1)
    world.settle()
    assert world.said("Reconciling") == ("True", "RollbackTargetMigrating")
    world.run()
    assert world.said("Ready") == ("True", "Serving")
    assert {each["spec"]["image"] for each in world.of_kind("DeliveryRelease").values()} == {builders.IMAGE}
