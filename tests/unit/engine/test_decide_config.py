"""Factor III and IV: a Secret, ConfigMap or key that is missing holds back a release and takes nothing down (F3-9)."""

from copy import deepcopy

import pytest

from delivery_operator.api.release import ReferenceKind
from tests.unit.support import builders
from tests.unit.support.builders import NEXT_IMAGE
from tests.unit.support.world import SECRET, Killed, World

FLAGS = (ReferenceKind.CONFIG_MAP, "flags")


@pytest.mark.parametrize(
    ("contents", "reason", "named"),
    [
        pytest.param({}, "SecretMissing", "Secret db-credentials does not exist", id="no Secret"),
        pytest.param({SECRET: {}}, "SecretKeyMissing", "Secret db-credentials has no key url", id="no key"),
    ],
)
def test_a_missing_secret_holds_back_the_first_release(
    contents: dict[tuple[ReferenceKind, str], dict[str, str]], reason: str, named: str
) -> None:
    world = World(builders.spec())
    world.contents = contents
    world.settle()
    assert world.phases() == {}
    assert world.said("ConfigReady") == ("False", reason)
    assert world.said("Ready") == ("False", reason)
    assert world.said("MigrationSucceeded") == ("Unknown", "NoRelease")
    assert world.said("Stalled") == ("False", "NotStalled")
    assert f"{named} (needed for DATABASE_URL)" in world.condition("ConfigReady")["message"]


def test_what_runs_stays_when_its_secret_goes() -> None:
    """Invariant 4."""
    world = World(builders.spec())
    world.run()
    before = deepcopy(world.of_kind("Deployment"))
    world.contents.clear()
    world.edit(image=NEXT_IMAGE)
    world.settle()
    assert world.phases() == {1: "Active"}
    assert world.of_kind("Deployment") == before
    assert world.said("ConfigReady") == ("False", "SecretMissing")


@pytest.mark.parametrize("migrate", [True, False])
def test_a_release_whose_secret_goes_before_it_has_begun_waits_for_it(*, migrate: bool) -> None:
    """Its Job or its pods could not start."""
    world = World(builders.spec(migrate=migrate))
    with pytest.raises(Killed):
        world.settle(kill_after=1)
    assert world.phases() == {1: "Pending"}
    kept = dict(world.contents)
    world.contents.clear()
    world.settle()
    assert world.of_kind("Job") == {}
    assert world.of_kind("Deployment") == {}
    assert world.said("Ready") == ("False", "SecretMissing")
    world.contents.update(kept)
    world.run()
    assert world.said("Ready") == ("True", "Serving")


def test_a_secret_that_comes_heals() -> None:
    world = World(builders.spec())
    world.contents.clear()
    world.settle()
    world.contents[SECRET] = {"url": "postgres://db/order"}
    world.run()
    assert world.said("ConfigReady") == ("True", "Resolved")
    assert world.said("Ready") == ("True", "Serving")


def test_a_secret_that_comes_back_as_it_was_makes_no_release() -> None:
    world = World(builders.spec())
    world.run()
    kept = dict(world.contents)
    world.contents.clear()
    world.settle()
    world.contents.update(kept)
    world.settle()
    assert world.phases() == {1: "Active"}
    assert world.said("Ready") == ("True", "Serving")


def test_drift_is_repaired_while_a_secret_is_missing() -> None:
    world = World(builders.spec())
    world.run()
    world.contents.clear()
    world.change("Deployment", "order-web", replicas=0)
    world.settle()
    assert world.deployment("web")["spec"]["replicas"] == 2


def test_a_release_under_way_goes_on_while_a_secret_is_missing() -> None:
    """It was cut when the Secret was there; its migration must not be left half watched."""
    world = World(builders.spec())
    world.settle()
    world.contents.clear()
    world.job_ends(1)
    world.settle()
    assert world.phases() == {1: "RollingOut"}
    assert world.said("Ready") == ("False", "SecretMissing")


@pytest.mark.parametrize(
    ("contents", "reason"),
    [
        pytest.param({SECRET: {"url": "x"}}, "ConfigMapMissing", id="no ConfigMap"),
        pytest.param({SECRET: {"url": "x"}, FLAGS: {}}, "ConfigMapKeyMissing", id="no key"),
    ],
)
def test_a_config_map_counts_like_a_secret(
    contents: dict[tuple[ReferenceKind, str], dict[str, str]], reason: str
) -> None:
    world = World(builders.spec(config={"FLAGS": {"configMapKeyRef": {"name": "flags", "key": "all"}}}))
    world.contents = contents
    world.settle()
    assert world.said("ConfigReady") == ("False", reason)


def test_an_optional_reference_holds_back_nothing_and_is_taken_up_when_it_comes() -> None:
    """F3-7: a service runs without it, and with it as soon as it is there."""
    optional = {"SENTRY_DSN": {"secretKeyRef": {"name": "sentry", "key": "dsn"}, "optional": True}}
    world = World(builders.spec(config=optional))
    world.run()
    assert world.phases() == {1: "Active"}
    world.contents[ReferenceKind.SECRET, "sentry"] = {"dsn": "https://sentry"}
    world.run()
    assert world.phases() == {1: "Superseded", 2: "Active"}


def test_everything_that_is_missing_is_named_at_once() -> None:
    world = World(builders.spec(config={"FLAGS": {"configMapKeyRef": {"name": "flags", "key": "all"}}}))
    world.contents = {}
    world.settle()
    message = world.condition("ConfigReady")["message"]
    assert "ConfigMap flags" in message
    assert "Secret db-credentials" in message
