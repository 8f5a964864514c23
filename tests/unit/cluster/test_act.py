"""Carrying out a plan: each answer goes into the store, and a world that is not as seen ends the plan quietly."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery_operator.cluster.act import Actor, WriteRefused, merge_patch
from delivery_operator.cluster.errors import Refused, Unavailable
from delivery_operator.cluster.store import Store
from delivery_operator.engine.changes import Changes
from delivery_operator.engine.drift import Drift
from delivery_operator.engine.plan import Apply, Create, Delete, HandOver, Plan, Resume, SetStatus, Write
from delivery_operator.render.names import HOLDER_NAMESPACE, SERVICE
from tests.unit.support import builders
from tests.unit.support.api import FakeApi

ORDER = ("shop", "order")
OWNER = {"apiVersion": "delivery.dev/v1alpha1", "kind": "DeliveryService", "name": "order", "controller": True}


def manifest(
    kind: str = "Deployment", name: str = "order-web", *, owner: str = "uid-of-order", **more: Any
) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": kind,
        "metadata": {
            "name": name,
            "namespace": "shop",
            "labels": {SERVICE: "order"},
            "ownerReferences": [{**OWNER, "uid": owner}],
        },
        "spec": {"service": "order"} if kind == "DeliveryRelease" else {"replicas": 1},
        **more,
    }


class Scene:
    """An actor with its API server and store."""

    def __init__(self) -> None:
        self.api = FakeApi()
        self.store = Store()
        self.written: list[str] = []
        self.told: list[Write] = []
        self.actor = Actor(
            self.api,
            self.store,
            lambda verb, body: self.written.append(f"{verb} {body['kind']}"),
            self.told.append,
        )

    async def act(self, *writes: Write) -> None:
        await self.actor.act(ORDER, Plan(writes))

    def seen(self, body: dict[str, Any]) -> dict[str, Any]:
        """An object that is on the server and in the store."""
        kept = self.api.put(body)
        self.store.put(kept)
        return kept

    def held(self, kind: str = "Deployment", name: str = "order-web") -> dict[str, Any] | None:
        return self.store.get(kind, "shop", name)

    def there(self, kind: str = "Deployment", name: str = "order-web") -> dict[str, Any] | None:
        return self.api.objects.get((kind, "shop", name))


@pytest.fixture
def scene() -> Scene:
    return Scene()


async def test_what_is_created_is_in_the_store_at_once(scene: Scene) -> None:
    await scene.act(Create(manifest("ConfigMap", "order-config")))
    assert scene.held("ConfigMap", "order-config") == scene.there("ConfigMap", "order-config")
    assert scene.written == ["create ConfigMap"]


async def test_a_create_that_meets_our_own_object_takes_it_in_and_stops(scene: Scene) -> None:
    """A stale view made the plan; the rest of it may be wrong as well."""
    existing = scene.api.put(manifest("Job", "order-r1-migrate"))
    await scene.act(Create(manifest("Job", "order-r1-migrate")), Create(manifest("ConfigMap", "order-config")))
    assert scene.held("Job", "order-r1-migrate") == existing
    assert scene.there("ConfigMap", "order-config") is None
    assert scene.written == []


async def test_a_release_of_a_deleted_namesake_is_waited_for(scene: Scene) -> None:
    scene.api.put(manifest("DeliveryRelease", "order-r1", owner="uid-of-the-deleted"))
    with pytest.raises(Unavailable, match="belongs to a deleted service"):
        await scene.act(Create(manifest("DeliveryRelease", "order-r1")))


async def test_a_release_of_our_own_that_was_not_seen_is_taken_in(scene: Scene) -> None:
    existing = scene.api.put(manifest("DeliveryRelease", "order-r1"))
    await scene.act(Create(manifest("DeliveryRelease", "order-r1")))
    assert scene.held("DeliveryRelease", "order-r1") == existing


async def test_an_object_that_went_between_two_requests_ends_the_plan(scene: Scene) -> None:
    scene.api.put(manifest("DeliveryRelease", "order-r1"))
    original = scene.api.get

    async def get(*arguments: Any) -> dict[str, Any]:
        scene.api.objects.clear()
        return await original(*arguments)

    scene.api.get = get  # type: ignore[method-assign,assignment] # the race itself
    await scene.act(Create(manifest("DeliveryRelease", "order-r1")))
    assert scene.held("DeliveryRelease", "order-r1") is None


@pytest.mark.parametrize(
    ("change", "made"),
    [
        pytest.param({}, True, id="unchanged"),
        pytest.param({"generation": 2}, False, id="another spec by now"),
        pytest.param({"uid": "uid-of-a-namesake"}, False, id="another service of that name"),
        pytest.param({"deletionTimestamp": "2026-03-01T12:00:00Z"}, False, id="being deleted"),
    ],
)
async def test_a_release_is_made_from_the_spec_of_now(scene: Scene, change: dict[str, Any], *, made: bool) -> None:
    """A stale view of the spec must not make a release, which cannot be taken back (F5-2)."""
    service = scene.seen(builders.service(builders.spec()))
    scene.api.put({**service, "metadata": {**service["metadata"], **change}})
    await scene.act(Create(manifest("DeliveryRelease", "order-r1"), service))
    assert (scene.there("DeliveryRelease", "order-r1") is not None) is made
    held = scene.held("DeliveryService", "order")
    assert held is not None
    assert held["metadata"]["resourceVersion"] == "102", "what was read is known now"


async def test_no_release_is_made_for_a_service_that_is_gone(scene: Scene) -> None:
    service = scene.seen(builders.service(builders.spec()))
    scene.api.objects.clear()
    await scene.act(Create(manifest("DeliveryRelease", "order-r1"), service))
    assert scene.api.objects == {}
    assert scene.held("DeliveryService", "order") is None


async def test_an_apply_makes_what_is_not_there(scene: Scene) -> None:
    await scene.act(Apply(manifest(), uid=None))
    assert scene.held() == scene.there()
    assert scene.written == ["apply Deployment"]
    assert scene.api.requests == ["apply Deployment order-web"], "one request is enough"


async def test_an_apply_never_takes_over_what_it_did_not_see(scene: Scene) -> None:
    """Invariant 7: the store holds only what carries our label, so a foreign object is not in it."""
    foreign = {**manifest(), "metadata": {"name": "order-web", "namespace": "shop"}, "spec": {"replicas": 9}}
    existing = scene.api.put(foreign)
    await scene.act(Apply(manifest(), uid=None))
    assert scene.there() == existing
    assert scene.held() == existing, "the next decision sees it"
    assert scene.written == []


async def test_what_was_set_back_is_remembered_and_what_could_not_be_is_not(scene: Scene) -> None:
    seen = scene.seen(manifest())
    drift = Drift(("Deployment", "order-web"))
    await scene.act(Apply(manifest(), uid="of-another", drift=drift))
    assert scene.store.repairs.of(ORDER) == {}
    await scene.act(Apply(manifest(), uid=seen["metadata"]["uid"], drift=drift))
    await scene.act(Apply(manifest(spec={"replicas": 5}), uid=seen["metadata"]["uid"]))
    assert scene.store.repairs.of(ORDER)[drift.key].times == 1


async def test_an_apply_changes_exactly_the_object_that_was_seen(scene: Scene) -> None:
    seen = scene.seen(manifest())
    await scene.act(Apply(manifest(spec={"replicas": 5}), uid=seen["metadata"]["uid"]))
    there = scene.there()
    assert there is not None
    assert there["spec"] == {"replicas": 5}
    assert scene.held() == there


@pytest.mark.parametrize("replaced", [True, False])
async def test_an_object_that_is_another_one_by_now_is_not_applied_to(scene: Scene, *, replaced: bool) -> None:
    seen = scene.seen(manifest())
    scene.api.objects.clear()
    existing = scene.api.put(manifest(owner="uid-of-another", spec={"replicas": 9})) if replaced else None
    await scene.act(Apply(manifest(), uid=seen["metadata"]["uid"]), Create(manifest("ConfigMap", "order-config")))
    assert scene.there() == existing
    assert scene.held() == existing
    assert scene.there("ConfigMap", "order-config") is None


async def test_a_deletion_takes_exactly_the_object_that_was_seen(scene: Scene) -> None:
    seen = scene.seen(manifest())
    await scene.act(Delete(seen))
    assert scene.there() is None
    assert scene.held() is None
    assert scene.written == ["delete Deployment"]


async def test_an_object_that_changed_since_is_not_deleted(scene: Scene) -> None:
    """Invariant 7: UID and resourceVersion are preconditions."""
    seen = scene.seen(manifest())
    changed = scene.api.put({**seen, "spec": {"replicas": 9}})
    await scene.act(Delete(seen), Create(manifest("ConfigMap", "order-config")))
    assert scene.there() == changed
    assert scene.held() == changed
    assert scene.there("ConfigMap", "order-config") is None
    assert scene.written == []


async def test_what_is_gone_already_counts_as_deleted_and_the_plan_goes_on(scene: Scene) -> None:
    seen = scene.seen(manifest())
    scene.api.objects.clear()
    await scene.act(Delete(seen), Create(manifest("ConfigMap", "order-config")))
    assert scene.held() is None
    assert scene.there("ConfigMap", "order-config") is not None
    assert scene.written == ["create ConfigMap"]


async def test_an_event_of_the_last_version_does_not_bring_back_what_we_deleted(scene: Scene) -> None:
    seen = scene.seen(manifest())
    await scene.act(Delete(seen))
    assert scene.store.put(seen) is None


async def test_a_status_is_replaced(scene: Scene) -> None:
    seen = scene.seen({**builders.service(builders.spec()), "status": {"a": 1, "b": 2}})
    await scene.act(SetStatus(seen, {"b": 3}))
    there = scene.there("DeliveryService", "order")
    assert there is not None
    assert there["status"] == {"b": 3}
    assert scene.held("DeliveryService", "order") == there


@pytest.mark.parametrize("gone", [True, False])
async def test_a_status_is_not_written_on_another_version_than_it_was_decided_on(scene: Scene, *, gone: bool) -> None:
    seen = scene.seen(manifest("DeliveryRelease", "order-r1", status={"phase": "Pending"}))
    if gone:
        scene.api.objects.clear()
    changed = None if gone else scene.api.put({**seen, "status": {"phase": "Active"}})
    await scene.act(SetStatus(seen, {"phase": "Failed"}), Create(manifest("ConfigMap", "order-config")))
    assert scene.there("DeliveryRelease", "order-r1") == changed
    assert scene.held("DeliveryRelease", "order-r1") == changed
    assert scene.there("ConfigMap", "order-config") is None


@pytest.mark.parametrize("write", [Create(manifest()), Apply(manifest(), uid=None), Delete(manifest())])
async def test_a_refusal_names_what_was_refused(scene: Scene, write: Write) -> None:
    scene.api.failures.append(Refused("PATCH /apis", "exceeded quota", code=403))
    body = write.target if isinstance(write, Delete) else None
    if body is not None:
        seen = scene.seen(manifest())
        write = Delete(seen)
    with pytest.raises(WriteRefused, match="Deployment order-web: exceeded quota") as caught:
        await scene.act(write)
    assert caught.value.target == ("Deployment", "order-web")
    assert caught.value.error.code == 403


async def test_an_api_server_that_is_away_ends_the_plan_with_its_error(scene: Scene) -> None:
    scene.api.failures.append(Unavailable("PATCH /apis", "timeout"))
    with pytest.raises(Unavailable):
        await scene.act(Apply(manifest(), uid=None), Create(manifest("ConfigMap", "order-config")))
    assert scene.api.objects == {}


VALUES = st.recursive(
    st.booleans() | st.integers(2, 9) | st.text(max_size=3) | st.lists(st.integers(2, 9), max_size=2),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.sampled_from("abc"), VALUES, max_size=3)


def merged(target: Any, patch: Any) -> Any:
    """RFC 7386, section 2, as it stands there."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result


@given(OBJECTS, OBJECTS)
def test_a_merge_patch_turns_the_old_object_into_the_new_one(old: dict[str, Any], new: dict[str, Any]) -> None:
    assert merged(old, merge_patch(old, new)) == new


@given(OBJECTS)
def test_a_merge_patch_between_equals_is_empty(old: dict[str, Any]) -> None:
    assert merge_patch(old, old) == {}


async def test_the_number_of_pods_is_handed_over_as_it_is(scene: Scene) -> None:
    """Another field manager has it before ours drops it; what somebody changed meanwhile is looked at again."""
    seen = scene.seen(manifest(spec={"replicas": 5}))
    await scene.act(HandOver(seen, 5))
    held = scene.held()
    assert held is not None
    assert held["managers"] == ["delivery-operator-scale"]
    scene.api.put({**held, "spec": {"replicas": 7}})
    scene.written.clear()
    await scene.act(HandOver(seen, 5))
    held = scene.held()
    assert held is not None
    assert (held["spec"], scene.written) == ({"replicas": 7}, [])


async def test_the_status_of_what_has_no_namespace_is_written(scene: Scene) -> None:
    environment = {"kind": "DeliveryEnvironment", "metadata": {"name": "production"}, "spec": {}}
    seen = scene.seen(environment)
    await scene.act(SetStatus(seen, {"observedGeneration": 1}))
    held = scene.store.get("DeliveryEnvironment", "", "production")
    assert held is not None
    assert held["status"] == {"observedGeneration": 1}
    scene.api.drop("DeliveryEnvironment", "", "production")
    await scene.act(SetStatus(held, {"observedGeneration": 2}))
    assert scene.store.get("DeliveryEnvironment", "", "production") is None


async def test_a_release_says_who_made_its_changes_by_the_word_of_the_api_server(scene: Scene) -> None:
    """The store holds no managedFields of services, so they are those of the object that is read again."""
    fields: dict[str, Any] = {"f:spec": {"f:image": {}}}
    managed = [{"manager": "flux", "operation": "Apply", "time": "2026-03-01T12:00:00Z", "fieldsV1": fields}]
    body = builders.service(builders.spec())
    seen = scene.seen({**body, "metadata": {**body["metadata"], "managedFields": managed}})
    made_from = scene.held("DeliveryService", "order")
    assert made_from is not None
    assert "managedFields" not in made_from["metadata"]
    release = manifest("DeliveryRelease", "order-r1", spec={"service": "order", "number": 1, "image": builders.IMAGE})
    await scene.act(Create(release, made_from=made_from, changes=Changes((("spec", "image"),))))
    there = scene.there("DeliveryRelease", "order-r1")
    assert there is not None
    assert [(each["manager"], each["fields"]) for each in there["spec"]["changedBy"]] == [("flux", ["spec.image"])]
    (told,) = scene.told
    assert isinstance(told, Create)
    assert told.manifest["spec"] == there["spec"], "it is told as it was made"
    assert seen["metadata"]["managedFields"] == managed


async def test_a_held_job_is_resumed_and_marked(scene: Scene) -> None:
    seen = scene.seen(manifest("Job", "order-r1-migrate", spec={"suspend": True}))
    await scene.act(Resume(seen))
    held = scene.held("Job", "order-r1-migrate")
    assert held is not None
    assert (held["spec"], held["metadata"]["annotations"]) == ({"suspend": False}, {"delivery.dev/resumed": "true"})
    assert scene.written == ["patch Job"]


@pytest.mark.parametrize("gone", [True, False])
async def test_a_job_is_not_resumed_on_another_version_than_was_seen(scene: Scene, *, gone: bool) -> None:
    """Invariant 3: the one that runs is the one on record."""
    seen = scene.seen(manifest("Job", "order-r1-migrate", spec={"suspend": True}))
    if gone:
        scene.api.objects.clear()
    there = None if gone else scene.api.put({**seen, "metadata": {**seen["metadata"], "uid": "uid-of-another"}})
    await scene.act(Resume(seen))
    assert scene.there("Job", "order-r1-migrate") == there
    assert scene.held("Job", "order-r1-migrate") == there
    assert scene.written == []


async def test_a_lease_that_another_one_was_faster_to_take_is_taken_in(scene: Scene) -> None:
    metadata = {"name": "db", "namespace": "system", "labels": {SERVICE: "order", HOLDER_NAMESPACE: "shop"}}
    taken = scene.api.put({"kind": "Lease", "metadata": metadata, "spec": {}})
    await scene.act(Create({"kind": "Lease", "metadata": metadata, "spec": {}}))
    assert scene.store.get("Lease", "system", "db") == taken
    assert scene.written == []
