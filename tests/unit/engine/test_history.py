"""Releases: what makes one, and what is in it (factor V)."""

import json
from copy import deepcopy
from typing import Any

import pytest

from delivery_operator.api.release import DeliveryReleaseSpec
from delivery_operator.engine import wish
from delivery_operator.engine.history import History
from delivery_operator.engine.snapshot import Snapshot
from delivery_operator.engine.wish import Wish
from delivery_operator.render.canonical import digest
from delivery_operator.render.manifests import content, unpack
from tests.unit.support import builders
from tests.unit.support.world import SECRET, World

PINNED = "d268db87df91cf588d63cb09e99193fd3189d4c5f302b7ac43eaa82c9a4cc0da"


def snapshot(**changes: Any) -> Snapshot:
    world = World(builders.spec(**changes))
    world.observe()
    return world.snapshot()


def wanted(seen: Snapshot) -> Wish:
    history = History.of(seen.service, seen.releases)
    return wish.of(seen.service, builders.parsed(seen.service["spec"]), history, seen.children)


def test_a_release_is_complete() -> None:
    """Invariant 5: image, content, references, templates and manifests; the model of the CRD takes it."""
    seen = snapshot(codebase={"repository": "https://git.example.com/shop/order", "revision": "v1.0.0"})
    release = wish.cut(wanted(seen), seen, None)
    spec = DeliveryReleaseSpec.model_validate(release.manifest["spec"])
    assert release.made_from == seen.service
    assert (spec.service, spec.number, spec.image, spec.revision) == ("order", 1, builders.IMAGE, "v1.0.0")
    assert spec.templates == builders.BUNDLE.digest
    assert {manifest["kind"] for manifest in unpack(spec.manifests)} >= {"Deployment", "Service", "Job", "ConfigMap"}


def test_a_release_holds_no_secret_value() -> None:
    """Invariant 8."""
    world = World(builders.spec())
    world.contents[SECRET] = {"url": "postgres://order:hunter2@db"}
    world.run()
    release = world.release(1)
    assert "hunter2" not in json.dumps(release) + json.dumps(unpack(release["spec"]["manifests"]))
    assert [each["name"] for each in release["spec"]["references"]] == ["db-credentials"]


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        pytest.param({"image": builders.NEXT_IMAGE}, False, id="image"),
        pytest.param({"config": {"LOG_LEVEL": {"value": "debug"}}}, False, id="config"),
        pytest.param({"processes": {"web": builders.WEB}}, False, id="a process"),
        pytest.param({"release": {"migrate": {"command": ["order", "other"]}}}, False, id="the migration"),
        pytest.param(
            {"processes": {"web": {**builders.WEB, "replicas": 9}, "relay": builders.RELAY}}, True, id="replicas"
        ),
        pytest.param({"release": {"migrate": builders.MIGRATE, "onFailure": "hold"}}, True, id="failure policy"),
        pytest.param(
            {"release": {"migrate": builders.MIGRATE, "progressDeadlineSeconds": 60}}, True, id="progress deadline"
        ),
    ],
)
def test_what_makes_a_release(changes: dict[str, Any], *, same: bool) -> None:
    """F5-2: image and config do; scaling and policies take effect at once."""
    before, after = snapshot(), snapshot(**changes)
    digests = [wanted(each).digest(each) for each in (before, after)]
    assert (digests[0] == digests[1]) is same


def test_the_same_content_has_the_same_digest_in_every_version_of_the_operator() -> None:
    """Invariant 2: with another digest, an upgrade would release the whole fleet anew.

    Do not update this value: make the change so that old content keeps its digest.
    """
    assert digest(content(builders.parsed(builders.spec()))) == PINNED


def test_what_the_api_server_defaults_is_no_content() -> None:
    """Invariant 2: a field that is new in the model, and defaulted into old objects, makes no release."""
    plain = builders.spec()
    told = deepcopy(plain)
    told["imagePullSecrets"] = []
    told["processes"]["web"]["shutdown"] = {"preStopSeconds": 3, "drainSeconds": 15}
    told["environment"] = "default"
    assert content(builders.parsed(told)) == content(builders.parsed(plain))


def test_releases_of_a_deleted_namesake_are_not_ours() -> None:
    world = World(builders.spec())
    world.run()
    release = world.release(1)
    (owner,) = release["metadata"]["ownerReferences"]
    stranger = {**release["metadata"], "name": "order-r9", "ownerReferences": [{**owner, "uid": "uid-of-the-deleted"}]}
    world.add({**release, "metadata": stranger, "spec": {**release["spec"], "number": 9}})
    world.observe()
    seen = world.snapshot()
    newest = History.of(seen.service, seen.releases).newest
    assert newest is not None
    assert newest.number == 1


def test_releases_are_ordered_by_number_and_not_by_name() -> None:
    world = World(builders.spec(migrate=False))
    world.run()
    for number in range(2, 12):
        world.edit(image=f"{builders.IMAGE}-{number}")
        world.run()
    world.observe()
    seen = world.snapshot()
    history = History.of(seen.service, seen.releases)
    assert [release.number for release in history.releases] == list(range(1, 12))
