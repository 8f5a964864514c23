"""What is kept of earlier looks is used only while what it was made of is the same."""

from delivery_operator.engine import overlay, wish
from delivery_operator.engine.history import Release
from delivery_operator.engine.memo import Content, Same
from tests.unit.support import builders
from tests.unit.support.world import World


def test_equal_content_is_found_again_and_other_content_of_the_same_object_is_not() -> None:
    kept = {Content("uid-1", {"image": "a"}): "a"}
    assert kept[Content("uid-1", {"image": "a"})] == "a"
    assert Content("uid-1", {"image": "b"}) not in kept
    assert Content("uid-2", {"image": "a"}) not in kept


def test_the_same_thing_is_found_again_and_one_that_equals_it_is_not() -> None:
    thing = ["a"]
    kept = {Same(thing): "a"}
    assert kept[Same(thing)] == "a"
    assert Same(["a"]) not in kept
    assert Same(thing) != thing


def test_a_spec_is_read_once_for_each_content() -> None:
    service = builders.service(builders.spec())
    again = builders.service(builders.spec())
    assert wish.read(again) is wish.read(service)
    changed = builders.service(builders.spec(image="registry.example.com/shop/order:v9.9.9"))
    assert wish.read(changed).image == "registry.example.com/shop/order:v9.9.9"


def test_children_are_built_once_for_what_they_are_made_of() -> None:
    """A look that finds everything as it was pays for no manifest; a change of what takes effect at once does."""
    world = World(builders.spec())
    world.run()
    first, second = world.snapshot(), world.snapshot()
    spec = wish.read(first.service)
    release = Release(world.release(1))
    built, kept = overlay.children(release, first, spec), overlay.children(Release(world.release(1)), second, spec)
    assert all(one is other for one, other in zip(built, kept, strict=True))
    world.edit(processes={"web": {**builders.spec()["processes"]["web"], "replicas": 7}})
    scaled = overlay.children(release, world.snapshot(), wish.read(world.objects["DeliveryService", "order"]))
    web = next(each for each in scaled if (each["kind"], each["metadata"]["name"]) == ("Deployment", "order-web"))
    assert web["spec"]["replicas"] == 7
