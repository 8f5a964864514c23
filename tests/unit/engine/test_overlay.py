"""From stored manifests to what is applied today."""

from copy import deepcopy

from delivery_operator.engine import overlay
from delivery_operator.engine.history import History, Release
from delivery_operator.engine.objects import labels
from delivery_operator.render import names
from tests.unit.support import builders
from tests.unit.support.world import World


def released(world: World) -> Release:
    world.observe()
    seen = world.snapshot()
    newest = History.of(seen.service, seen.releases).newest
    assert newest is not None
    return newest


def test_every_child_leads_back_to_its_service_and_every_job_to_its_release() -> None:
    """OP-5, F12-6: the Job goes with its release, everything else with the service."""
    world = World(builders.spec())
    world.run()
    release = released(world)
    for child in overlay.children(release, world.snapshot(), builders.parsed(world.service["spec"])):
        (owner,) = child["metadata"]["ownerReferences"]
        assert (owner["kind"], owner["uid"], owner["controller"]) == ("DeliveryService", "uid-of-order", True)
        assert labels(child)[names.SERVICE] == "order"
    job = overlay.job(release, names.MIGRATE)
    assert job is not None
    (owner,) = job["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"]) == ("DeliveryRelease", "order-r1")
    assert overlay.job(release, "seed") is None


def test_stored_manifests_are_not_changed() -> None:
    """They are shared between decisions."""
    world = World(builders.spec())
    world.run()
    release = released(world)
    before = deepcopy(release.manifests)
    overlay.children(release, world.snapshot(), builders.parsed(builders.spec()))
    overlay.job(release, names.MIGRATE)
    assert release.manifests == before


def test_the_digest_of_a_manifest_changes_with_any_field_of_it() -> None:
    world = World(builders.spec())
    world.run()
    release = released(world)

    def seals(replicas: int) -> dict[str, str]:
        processes = {"web": {**builders.WEB, "replicas": replicas}, "relay": builders.RELAY}
        children = overlay.children(release, world.snapshot(), builders.parsed(builders.spec(processes=processes)))
        return {
            f"{each['kind']} {each['metadata']['name']}": each["metadata"]["annotations"][names.MANIFEST]
            for each in children
        }

    two, three = seals(2), seals(3)
    assert {name for name in two if two[name] != three[name]} == {"Deployment order-web"}


def test_only_deployments_carry_the_release_number() -> None:
    """A label that changes with every release on a Service would be one write more each."""
    world = World(builders.spec())
    world.run()
    children = overlay.children(released(world), world.snapshot(), builders.parsed(world.service["spec"]))
    assert {each["kind"] for each in children if names.RELEASE in labels(each)} == {"Deployment"}
