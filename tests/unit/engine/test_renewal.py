"""A renewal: new templates and nothing else, asked for by a wave of the environment; no migration runs again."""

from typing import Any

import pytest

from delivery_operator.engine.plan import Plan
from delivery_operator.render import bundle as bundles
from delivery_operator.render import names
from delivery_operator.render.bundle import Bundle
from tests.unit.support import builders
from tests.unit.support.builders import MIGRATE
from tests.unit.support.world import SECRET, World


def marked(limit: int) -> Bundle:
    """Templates that differ in what a Deployment keeps."""
    deployment = builders.BUNDLE.sources["deployment"]
    text = deployment.replace("revisionHistoryLimit: 2", f"revisionHistoryLimit: {limit}")
    return bundles.Bundle({**builders.BUNDLE.sources, "deployment": text})


NEW = marked(3)
BROKEN = bundles.Bundle({**builders.BUNDLE.sources, "deployment": "{{ nothing }}"})


def serving(**changes: Any) -> World:
    world = World(builders.spec(**changes))
    world.run()
    return world


def limit(world: World) -> int:
    return int(world.deployment("web")["spec"]["revisionHistoryLimit"])


def renewing(bundle: Bundle = NEW, **changes: Any) -> World:
    """A service in the middle of a renewal."""
    world = serving(**changes)
    world.bundle, world.renew = bundle, True
    world.settle()
    return world


def failed() -> World:
    """A service whose renewal has failed, and which serves with what it had."""
    world = renewing()
    world.pods_do_not_come("web", overdue=True)
    world.settle()
    world.pods_come()
    world.settle()
    assert world.phases() == {1: "Active", 2: "Failed"}
    return world


def test_new_templates_make_no_release_of_themselves() -> None:
    """Invariant 2."""
    world = serving()
    world.bundle = NEW
    assert world.plan() == Plan()


def test_asked_for_they_make_one_with_the_same_content_and_no_migration() -> None:
    """Invariant 3: the migration has succeeded already, on this very database."""
    world = serving()
    world.bundle, world.renew = NEW, True
    world.run()
    assert world.phases() == {1: "Superseded", 2: "Active"}
    assert limit(world) == 3
    before, after = world.release(1)["spec"], world.release(2)["spec"]
    assert (after["reason"], after["renewalOf"]) == ("TemplatesChanged", 1)
    assert after["templates"] == NEW.digest
    assert [after[each] for each in ("content", "digest", "references", "image")] == [
        before[each] for each in ("content", "digest", "references", "image")
    ]
    assert list(world.jobs.values()) == [1], "that of the first release"
    assert world.said("MigrationSucceeded") == ("True", "NoMigration")
    assert "renews release 1, which has migrated" in world.condition("MigrationSucceeded")["message"]
    assert world.plan() == Plan(), "and it is made once"


def test_asked_for_with_templates_that_it_has_nothing_is_done() -> None:
    world = serving()
    world.renew = True
    assert world.plan() == Plan()


def test_its_pods_are_replaced_as_those_of_any_release() -> None:
    """Invariant 4."""
    world = renewing()
    assert world.phases() == {1: "Active", 2: "Pending"}
    assert world.runs("web") == "2"
    assert world.said("Ready") == ("False", "RollingOut")


def test_a_renewal_of_a_renewal_stands_on_the_same_migration() -> None:
    world = renewing()
    world.run()
    world.bundle = marked(4)
    world.run()
    assert world.release(3)["spec"]["renewalOf"] == 1
    assert limit(world) == 4
    assert list(world.jobs.values()) == [1]


def test_the_release_after_a_renewal_migrates() -> None:
    world = renewing()
    world.run()
    world.edit(image=builders.NEXT_IMAGE)
    world.run()
    assert "renewalOf" not in world.release(3)["spec"]
    assert sorted(world.jobs.values()) == [1, 1]


def test_content_that_changes_at_the_same_moment_makes_an_ordinary_release() -> None:
    """A service that gets a new release by other means has the new templates too."""
    world = serving()
    world.bundle, world.renew = NEW, True
    world.edit(image=builders.NEXT_IMAGE)
    world.run()
    assert max(world.phases()) == 2
    assert world.release(2)["spec"]["reason"] == "ImageChanged"
    assert "renewalOf" not in world.release(2)["spec"]
    assert limit(world) == 3


def test_a_service_without_all_of_its_pods_is_left_alone() -> None:
    world = serving()
    world.pods_do_not_come("web")
    world.bundle, world.renew = NEW, True
    world.settle()
    assert world.phases() == {1: "Active"}
    world.pods_come()
    world.settle()
    assert max(world.phases()) == 2


def test_a_paused_service_is_left_alone() -> None:
    world = serving(paused=True)
    world.edit(paused=False)
    world.run()
    world.edit(paused=True)
    world.bundle, world.renew = NEW, True
    world.settle()
    assert world.phases() == {1: "Active"}


def test_without_its_secret_a_service_is_not_renewed() -> None:
    world = serving()
    world.contents.pop(SECRET)
    world.bundle, world.renew = NEW, True
    world.settle()
    assert world.phases() == {1: "Active"}


def test_broken_templates_renew_nothing() -> None:
    world = serving()
    world.bundle, world.renew, world.template_fault = NEW, True, "template job.yaml.j2: broken"
    assert world.plan() == Plan()


def test_a_template_that_does_not_fit_this_service_leaves_it_serving_and_says_so() -> None:
    world = renewing(BROKEN)
    assert world.phases() == {1: "Active"}
    assert world.said("Stalled") == ("True", "TemplateInvalid")
    world.renew = False
    world.settle()
    assert world.said("Ready") == ("True", "Serving"), "once it is asked no more"


def test_a_contract_step_comes_before_a_renewal_and_is_not_run_again() -> None:
    """A renewal made earlier would let the step of the release it renews be forgotten."""
    world = serving(release={"migrate": MIGRATE, "contract": MIGRATE})
    assert world.release(1)["status"]["contract"]["result"] == "Succeeded"
    world.bundle, world.renew = NEW, True
    world.run()
    assert max(world.phases()) == 2
    assert "ContractSucceeded" not in {each["type"] for each in world.status["conditions"]}
    assert sorted(world.jobs.values()) == [1, 1], "the migration and the contract step of the first release"


@pytest.mark.parametrize("code", [None, 3])
def test_a_contract_step_that_has_not_succeeded_holds_a_renewal_back(code: int | None) -> None:
    world = World(builders.spec(release={"contract": MIGRATE}))
    world.settle()
    world.pods_come()
    world.settle()
    if code is not None:
        world.end_job("order-r1-contract", code=code)
        world.settle()
    world.bundle, world.renew = NEW, True
    world.settle()
    assert world.phases() == {1: "Active"}


def test_one_that_fails_is_rolled_back_as_any() -> None:
    """Invariant 4."""
    world = failed()
    assert limit(world) == 2
    assert world.runs("web") == "1"
    assert world.said("Stalled") == ("True", "RolloutFailed")
    assert world.plan() == Plan(), "and it is not tried again of itself"


def test_one_that_failed_is_retried_without_a_migration() -> None:
    world = failed()
    world.annotate(names.RETRY, "order-r2")
    world.run()
    assert (world.release(3)["spec"]["reason"], world.release(3)["spec"]["renewalOf"]) == ("Retry", 1)
    assert world.phases()[3] == "Active"
    assert list(world.jobs.values()) == [1]


def test_a_retry_of_another_content_is_none() -> None:
    """A changed Secret may name another database."""
    world = failed()
    world.annotate(names.RETRY, "order-r2")
    world.contents[SECRET] = {"url": "postgres://other"}
    world.run()
    assert "renewalOf" not in world.release(3)["spec"]
    assert sorted(world.jobs.values()) == [1, 1]


def test_one_that_failed_is_followed_by_one_with_mended_templates() -> None:
    world = failed()
    world.bundle = marked(4)
    world.run()
    assert (world.release(3)["spec"]["reason"], world.release(3)["spec"]["renewalOf"]) == ("TemplatesChanged", 1)
    assert limit(world) == 4
    assert world.said("Ready") == ("True", "Serving")


def test_going_back_to_the_old_templates_mends_it_too() -> None:
    world = failed()
    world.bundle = builders.BUNDLE
    world.run()
    assert world.phases()[3] == "Active"
    assert world.said("Ready") == ("True", "Serving")


def test_one_that_is_rolled_out_gives_way_to_one_with_mended_templates() -> None:
    world = renewing()
    world.bundle = marked(4)
    world.run()
    assert world.phases() == {1: "Superseded", 2: "Superseded", 3: "Active"}
    assert list(world.jobs.values()) == [1]


def test_a_rollback_to_the_release_before_brings_its_templates_back() -> None:
    """The content is the same: it is the manifests that make the difference (invariant 5)."""
    world = renewing()
    world.run()
    world.policy(rollbackTo=1)
    world.run()
    assert world.release(3)["spec"]["copyOf"] == 1
    assert limit(world) == 2
    assert world.plan() == Plan(), "although a wave asks for it: it has gone back as it was"
    world.policy(rollbackTo=None)
    world.run()
    assert (world.release(4)["spec"]["renewalOf"], limit(world)) == (3, 3)
    assert list(world.jobs.values()) == [1]


def test_a_rollback_to_a_renewal_runs_it_again() -> None:
    """Its migration is that of the release it renews, which has succeeded."""
    world = renewing()
    world.run()
    world.edit(image=builders.NEXT_IMAGE)
    world.run()
    world.policy(rollbackTo=2)
    world.run()
    assert world.release(4)["spec"]["copyOf"] == 2
    assert world.said("Ready") == ("True", "Serving")
    assert limit(world) == 3
