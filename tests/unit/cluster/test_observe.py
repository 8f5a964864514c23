"""The snapshot: everything about one service, and no secret value in it (invariant 8)."""

import base64
from typing import Any

import pytest

from delivery_operator.api.release import ReferenceKind
from delivery_operator.cluster.bindings import Bindings
from delivery_operator.cluster.discovery import Discovery
from delivery_operator.cluster.environments import Environments
from delivery_operator.cluster.locks import Locks
from delivery_operator.cluster.observe import Observer
from delivery_operator.cluster.reach import Reach
from delivery_operator.cluster.referenced import Referenced
from delivery_operator.cluster.store import Store
from delivery_operator.render.manifests import pack
from delivery_operator.render.names import HOLDER_NAMESPACE, ROLE, SERVICE
from tests.unit.support import builders
from tests.unit.support.api import FakeApi

ORDER = ("shop", "order")
PASSWORD = "postgres://order:hunter2@db/order"  # noqa: S105 what the test looks for


class Scene:
    """A store with one service in it."""

    def __init__(self, fields: dict[str, Any]) -> None:
        self.api = FakeApi()
        self.store = Store()
        referenced = Referenced(self.api, b"k" * 32, Reach((None,)), "system", lambda _: None)
        discovery = Discovery(self.api)
        self.observer = Observer(
            self.store,
            referenced,
            Environments(
                self.api,
                self.store,
                referenced,
                builders.BUNDLE,
                "system",
                None,
                reach=Reach((None,)),
                named=lambda _: None,
            ),
            Bindings(self.api, discovery),
            Locks(self.api, self.store, "system", Reach((None,)), lambda _: None),
            discovery,
        )
        self.service = builders.service(fields)
        self.store.put(self.service)
        data = {"url": base64.b64encode(PASSWORD.encode()).decode()}
        self.api.put({"kind": "Secret", "metadata": {"name": "db-credentials", "namespace": "shop"}, "data": data})

    def put(self, body: dict[str, Any]) -> None:
        body["metadata"]["labels"] = {**body["metadata"].get("labels", {}), SERVICE: "order"}
        self.store.put(body)


@pytest.fixture
def scene() -> Scene:
    return Scene(builders.spec())


def child(kind: str, name: str) -> dict[str, Any]:
    return {"kind": kind, "metadata": {"name": name, "namespace": "shop", "uid": name, "resourceVersion": "2"}}


async def test_objects_are_sorted_by_what_they_are(scene: Scene) -> None:
    for each in (
        {**child("DeliveryRelease", "order-r1"), "spec": {"service": "order", "number": 1, "manifests": pack([])}},
        child("Deployment", "order-web"),
        child("Job", "order-r1-migrate"),
    ):
        scene.put(each)
    scene.put(builders.pod(scene.service, name="order-web-x1"))
    seen = await scene.observer.observe(ORDER)
    assert seen is not None
    assert seen.service == scene.service
    assert [each["metadata"]["name"] for each in seen.releases] == ["order-r1"]
    assert set(seen.children) == {("Deployment", "order-web"), ("Job", "order-r1-migrate")}
    assert [each["metadata"]["name"] for each in seen.pods] == ["order-web-x1"]
    assert set(seen.referenced) == {(ReferenceKind.SECRET, "db-credentials")}


@pytest.mark.parametrize(("digest", "asked"), [(builders.BUNDLE.digest, True), ("other", False)])
async def test_a_service_that_its_environment_names_is_asked_to_take_its_templates(
    scene: Scene,
    digest: str,
    asked: bool,  # noqa: FBT001 of a table
) -> None:
    status = {"upgrade": {"templates": digest, "inProgress": ["shop/order"]}}
    body = {"kind": "DeliveryEnvironment", "metadata": {"name": "default"}, "spec": {}, "status": status}
    scene.store.put(scene.api.put(body))
    seen = await scene.observer.observe(ORDER)
    assert seen is not None
    assert seen.renew is asked


async def test_secret_values_are_blanked_out_of_what_pods_say(scene: Scene) -> None:
    said = {"message": f"cannot connect to {PASSWORD}, password hunter2", "exitCode": 1}
    scene.put(builders.pod(scene.service, container={"state": {"terminated": said}}))
    seen = await scene.observer.observe(ORDER)
    assert seen is not None
    assert "hunter2" not in str(seen.pods)
    terminated = seen.pods[0]["status"]["containerStatuses"][0]["state"]["terminated"]
    assert terminated == {"message": "cannot connect to ***, password ***", "exitCode": 1}
    held = scene.store.get("Pod", "shop", "pod")
    assert held is not None
    assert "containerStatuses" in held["status"]


async def test_secret_values_are_blanked_out_of_what_init_containers_say_too(scene: Scene) -> None:
    """Invariant 8: it is kept, since nobody else says why a pod does not come to its program."""
    pod = builders.pod(scene.service)
    said = {"message": f"cannot connect to {PASSWORD}", "exitCode": 1}
    pod["status"] = {"initContainerStatuses": [builders.status(name="init", state={"terminated": said})]}
    scene.put(pod)
    seen = await scene.observer.observe(ORDER)
    assert seen is not None
    (told,) = seen.pods[0]["status"]["initContainerStatuses"]
    assert told["state"]["terminated"] == {"message": "cannot connect to ***", "exitCode": 1}


def release(scene: Scene, number: int, secret: str, **spec: object) -> None:
    """Keep a release that referred to a Secret."""
    held = [{"kind": "Secret", "name": secret, "hash": "0123"}]
    stored = {"service": "order", "number": number, "content": builders.spec(), "manifests": pack([])}
    body = {**child("DeliveryRelease", f"order-r{number}"), "spec": {**stored, "references": held, **spec}}
    body["metadata"]["ownerReferences"] = [
        {"kind": "DeliveryService", "name": "order", "uid": scene.service["metadata"]["uid"], "controller": True}
    ]
    scene.put(body)


@pytest.mark.parametrize("case", ["its own", "copied", "optional"])
async def test_what_a_pod_of_an_older_release_says_is_blanked_by_what_that_refers_to(scene: Scene, case: str) -> None:
    """Invariant 8: the spec of today may name another Secret; and a provisioned service that named it may be gone.

    A copy has the manifests of its source, and what it recorded itself is by what provisioned services named then. What
    is optional is on record only where it was there.
    """
    data = {"key": base64.b64encode(b"sk_live_0123").decode()}
    scene.api.put({"kind": "Secret", "metadata": {"name": "stripe-v1", "namespace": "shop"}, "data": data})
    optional = {"STRIPE_KEY": {"secretKeyRef": {"name": "stripe-v1", "key": "key"}, "optional": True}}
    if case == "optional":
        release(scene, 1, "other", content=builders.spec(config=optional))
    else:
        release(scene, 1, "stripe-v1")
    if case == "copied":
        release(scene, 2, "stripe-v2", copyOf=1)
    said = {"message": "invalid key sk_live_0123", "exitCode": 1}
    labels = builders.process_labels("web", 2 if case == "copied" else 1)
    scene.put(builders.pod(scene.service, labels=labels, container={"lastState": {"terminated": said}}))
    seen = await scene.observer.observe(ORDER)
    assert seen is not None
    assert seen.pods[0]["status"]["containerStatuses"][0]["lastState"]["terminated"]["message"] == "invalid key ***"


async def test_the_name_of_an_image_stays_readable(scene: Scene) -> None:
    """Only messages are blanked: a value such as `order` would take the image's name with it."""
    scene.put(builders.pod(scene.service, container={}))
    seen = await scene.observer.observe(ORDER)
    assert seen is not None
    assert seen.pods[0]["status"]["containerStatuses"][0]["image"] == builders.IMAGE


async def test_a_service_that_is_gone_is_forgotten(scene: Scene) -> None:
    await scene.observer.observe(ORDER)
    scene.store.remove(scene.service)
    assert await scene.observer.observe(ORDER) is None
    scene.service["metadata"]["resourceVersion"] = "9"
    scene.store.put(scene.service)
    await scene.observer.observe(ORDER)
    assert scene.api.requests == ["get Secret db-credentials"] * 2, "its content was dropped, and read anew"


async def test_pods_that_ended_are_seen_until_the_service_is_gone(scene: Scene) -> None:
    labels = {**builders.process_labels("web", 1), SERVICE: "order"}
    end = {"exitCode": 0, "startedAt": "2026-03-01T11:00:00Z", "finishedAt": "2026-03-01T12:00:04Z"}
    pod = builders.pod(scene.service, labels=labels, container={"state": {"terminated": end}})
    pod["metadata"] |= {"deletionTimestamp": "2026-03-01T12:00:23Z", "deletionGracePeriodSeconds": 23}
    scene.put(pod)
    scene.store.remove(pod)
    seen = await scene.observer.observe(ORDER)
    assert seen is not None
    assert {process: entry["result"] for process, entry in seen.shutdowns.items()} == {"web": "Clean"}
    scene.store.remove(scene.service)
    await scene.observer.observe(ORDER)
    assert scene.store.lifetimes.of(ORDER) == {}


async def test_a_spec_that_cannot_be_read_refers_to_nothing() -> None:
    """The engine reports it; here it must not be in the way."""
    scene = Scene({"image": "order:1", "processes": {}, "config": "oops"})
    seen = await scene.observer.observe(ORDER)
    assert seen is not None
    assert seen.referenced == {}
    assert scene.api.requests == []


async def test_a_release_to_go_back_to_says_what_is_referred_to(scene: Scene) -> None:
    """Its content counts, not the spec's: today's credentials of what it needs."""
    content = {**scene.service["spec"], "backingServices": []}
    old = child("DeliveryRelease", "order-r1")
    old["metadata"]["ownerReferences"] = [{"uid": "uid-of-order", "controller": True}]
    old["spec"] = {"number": 1, "service": "order", "content": content, "manifests": pack([])}
    scene.put(old)
    scene.service["spec"]["release"] = {"rollbackTo": 1}
    scene.service["metadata"]["resourceVersion"] = "9"
    scene.store.put(scene.service)
    seen = await scene.observer.observe(ORDER)
    assert seen is not None
    assert seen.referenced == {}


async def test_the_platform_is_seen(scene: Scene) -> None:
    scene.service["spec"]["environment"] = "production"
    scene.service["metadata"]["resourceVersion"] = "9"
    scene.store.put(scene.service)
    seen = await scene.observer.observe(ORDER)
    assert seen is not None
    assert seen.obstacle is not None
    metadata = {"name": "production"}
    scene.store.put(scene.api.put({"kind": "DeliveryEnvironment", "metadata": metadata, "spec": {"tier": "staging"}}))
    task = {**child("DeliveryTask", "seed-1"), "spec": {"service": "order"}}
    scene.store.put(task)
    seen = await scene.observer.observe(ORDER)
    assert seen is not None
    assert (seen.obstacle, seen.platform.environment.tier, list(seen.tasks)) == (None, "staging", [task])
    assert scene.observer.tasks_without_service(ORDER) == [task]


async def test_a_release_with_work_to_do_shows_the_leases_of_its_databases(scene: Scene) -> None:
    """Invariant 3: of its own bindings, whatever the spec says by now; none once there is nothing left to do."""
    bindings = [{"name": "db", "type": "mysql", "secret": "legacy", "env": {"DATABASE_URL": "url"}}]
    content = {**scene.service["spec"], "backingServices": bindings}
    job = {"kind": "Job", "metadata": {"labels": {ROLE: "migrate"}}, "spec": {}}
    release = child("DeliveryRelease", "order-r1")
    release["metadata"]["ownerReferences"] = [{"uid": "uid-of-order", "controller": True}]
    release["spec"] = {"number": 1, "service": "order", "content": content, "manifests": pack([job])}
    scene.put(release)
    data = {"url": base64.b64encode(b"mysql://u:hunter22@pg/order").decode()}
    scene.api.put({"kind": "Secret", "metadata": {"name": "legacy", "namespace": "shop"}, "data": data})
    seen = await scene.observer.observe(ORDER)
    assert seen is not None
    ((place, (lease,)),) = seen.databases.items()
    assert place == ("legacy", "mysql")
    assert (seen.locks, seen.lock_namespace) == ({}, "system")
    labels = {SERVICE: "payment", HOLDER_NAMESPACE: "pay"}
    held = {"kind": "Lease", "metadata": {"name": lease, "namespace": "system", "labels": labels}, "spec": {}}
    scene.store.put(scene.api.put(held))
    seen = await scene.observer.observe(ORDER)
    assert seen is not None
    assert set(seen.locks) == {lease}
    assert not any(kind == "Lease" for kind, _ in seen.children)
    release["metadata"]["resourceVersion"] = "9"
    scene.put({**release, "status": {"phase": "Active"}})
    seen = await scene.observer.observe(ORDER)
    assert seen is not None
    assert (seen.databases, seen.locks) == ({}, {})


async def test_the_leases_of_a_service_that_is_gone_are_seen(scene: Scene) -> None:
    labels = {SERVICE: "gone", HOLDER_NAMESPACE: "shop"}
    scene.store.put({"kind": "Lease", "metadata": {**child("Lease", "db")["metadata"], "labels": labels}, "spec": {}})
    assert len(scene.observer.locks_without_service(("shop", "gone"))) == 1
