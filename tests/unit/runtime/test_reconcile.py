"""One reconcile: plan after plan until nothing is left to write, and what becomes of one that cannot be finished."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import structlog

from delivery_operator.cluster.act import Actor, WriteRefused
from delivery_operator.cluster.bindings import Bindings
from delivery_operator.cluster.discovery import Discovery
from delivery_operator.cluster.environments import Environments
from delivery_operator.cluster.errors import Refused, Terminating, Unavailable, WebhookFailed
from delivery_operator.cluster.locks import Locks
from delivery_operator.cluster.observe import Observer
from delivery_operator.cluster.reach import Reach
from delivery_operator.cluster.referenced import Referenced
from delivery_operator.cluster.resources import Resource
from delivery_operator.cluster.store import Store
from delivery_operator.engine.decide import decide
from delivery_operator.engine.drift import AT_ONCE
from delivery_operator.engine.plan import Plan
from delivery_operator.engine.snapshot import Snapshot
from delivery_operator.render import names
from delivery_operator.render.names import MANAGER
from delivery_operator.runtime import reconcile
from delivery_operator.runtime.metrics import Metrics
from delivery_operator.runtime.queue import MOST_SECONDS, Queue
from delivery_operator.runtime.reconcile import MOST_PLANS, PATIENCE, NotConverging, Reconciler
from tests.unit.support import builders
from tests.unit.support.api import FakeApi
from tests.unit.support.clock import Clock, settle
from tests.unit.support.merge import applied

ORDER = ("shop", "order")
FIELDS = builders.spec(migrate=False, backingServices=[])


class Scene:
    """A reconciler with its API server."""

    def __init__(self, api: FakeApi | None = None) -> None:
        self.api = api or FakeApi()
        self.store = Store()
        self.queue = Queue()
        self.metrics = Metrics()
        self.written: list[str] = []
        self.reach = Reach((None,))
        referenced = Referenced(self.api, b"k" * 32, self.reach, "system", self.queue.add)
        discovery = Discovery(self.api)
        environments = Environments(
            self.api, self.store, referenced, builders.BUNDLE, "system", None, reach=self.reach, named=lambda _: None
        )
        self.reconciler = Reconciler(
            self.store,
            Observer(
                self.store,
                referenced,
                environments,
                Bindings(self.api, discovery),
                Locks(self.api, self.store, "system", self.reach, self.queue.add),
                discovery,
            ),
            environments,
            Actor(self.api, self.store, self._wrote, lambda _: None),
            self.queue,
            self.metrics,
            self.reach,
        )

    def _wrote(self, verb: str, body: Mapping[str, Any]) -> None:
        self.written.append(f"{verb} {body['kind']}")

    def service(self, name: str = "order", fields: Mapping[str, Any] = FIELDS) -> None:
        body = builders.service(fields, name=name, uid=f"uid-of-{name}")
        del body["metadata"]["resourceVersion"]
        self.store.put(self.api.put(body))

    def run_pods(self) -> None:
        """Give every Deployment its pods."""
        for (kind, *_), body in list(self.api.objects.items()):
            if kind == "Deployment":
                pods = dict.fromkeys(("replicas", "updatedReplicas", "availableReplicas"), body["spec"]["replicas"])
                status = {**pods, "observedGeneration": body["metadata"]["generation"]}
                self.store.put(self.api.put({**body, "status": status}))

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = self.api.objects["DeliveryService", "shop", "order"]["status"]
        return found

    def said(self, kind: str) -> tuple[str, str]:
        (found,) = [each for each in self.status()["conditions"] if each["type"] == kind]
        return found["status"], found["reason"]

    def count(self, result: str) -> float:
        labels = {"result": result}
        return self.metrics.registry.get_sample_value("delivery_operator_reconciles_total", labels) or 0.0

    async def work(self, *results: str) -> None:
        """Let one worker work off the queue, with these results, then end it."""
        worker = asyncio.create_task(self.reconciler.work())
        await settle()
        assert {result: self.count(result) for result in results} == {each: results.count(each) for each in results}
        self.queue.close()
        await worker


@pytest.fixture
def scene() -> Scene:
    scene = Scene()
    scene.service()
    return scene


async def test_a_reconcile_goes_as_far_as_it_can(scene: Scene) -> None:
    """A new service costs its children, one release and one status (design, section 5)."""
    assert await scene.reconciler.reconcile(ORDER) is None
    assert scene.said("Ready") == ("False", "RollingOut")
    children = len(scene.api.objects) - 2
    assert len(scene.written) == children + 2
    assert scene.written[0] == "create DeliveryRelease"
    assert scene.written[-1] == "patch-status DeliveryService"


async def test_nothing_is_done_where_the_operator_is_not_let_in(scene: Scene) -> None:
    """What it knows of it is old, or not all there is: the LIST that finds it open names the service."""
    scene.reach.set(None, is_open=False)
    assert await scene.reconciler.reconcile(ORDER) is None
    assert scene.written == []
    scene.reach.set(None, is_open=True)
    await scene.reconciler.reconcile(ORDER)
    assert scene.written


async def test_a_status_that_was_written_needs_no_other_look(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three looks for a new service: a release, its children, the status."""
    plans = []

    def kept(snapshot: Snapshot) -> Plan:
        plans.append(decide(snapshot))
        return plans[-1]

    monkeypatch.setattr(reconcile, "decide", kept)
    await scene.reconciler.reconcile(ORDER)
    assert len(plans) == 3


async def test_news_of_a_write_that_overtake_its_answer_ask_for_no_other_look(scene: Scene) -> None:
    """They are in the store when the next look begins."""
    scene.reconciler.actor._written = lambda _verb, _body: scene.queue.add(ORDER)  # noqa: SLF001
    scene.queue.add(ORDER)
    await scene.work("done", "done")  # the status' own news come after the last look began


async def test_a_second_reconcile_writes_nothing(scene: Scene) -> None:
    """Invariant 2: a reconcile reads its own writes and knows that they are made."""
    await scene.reconciler.reconcile(ORDER)
    scene.written.clear()
    requests = len(scene.api.requests)
    await scene.reconciler.reconcile(ORDER)
    assert scene.written == []
    assert len(scene.api.requests) == requests, "and asks nothing"


async def test_a_pod_that_ended_is_told_of_and_then_forgotten(scene: Scene) -> None:
    """F9-10: the status remembers it."""
    await scene.reconciler.reconcile(ORDER)
    scene.written.clear()
    labels = {**builders.process_labels("web", 1), names.SERVICE: "order"}
    end = {"exitCode": 137, "startedAt": "2026-03-01T11:00:00Z", "finishedAt": "2026-03-01T12:00:24Z"}
    body = builders.pod(builders.service(FIELDS), labels=labels, container={"state": {"terminated": end}})
    body["metadata"] |= {"deletionTimestamp": "2026-03-01T12:00:23Z", "deletionGracePeriodSeconds": 23}
    scene.store.put(body)
    scene.store.remove(body)
    await scene.reconciler.reconcile(ORDER)
    assert scene.said("ShutdownClean") == ("False", "KilledAtDeadline")
    assert scene.written == ["patch-status DeliveryService"]
    assert scene.store.lifetimes.of(ORDER) == {}
    await scene.reconciler.reconcile(ORDER)
    assert scene.written == ["patch-status DeliveryService"]


async def test_a_service_that_is_gone_is_nothing_to_do(scene: Scene) -> None:
    assert await scene.reconciler.reconcile(("shop", "gone")) is None
    assert scene.api.requests == []


async def test_releases_are_counted(scene: Scene) -> None:
    await scene.reconciler.reconcile(ORDER)
    sample = scene.metrics.registry.get_sample_value("delivery_operator_releases_total", {"outcome": "cut"})
    assert sample == 1.0


async def test_a_refusal_is_in_the_status_and_is_tried_again_later(scene: Scene) -> None:
    scene.api.failures.append(Refused("POST", "exceeded quota: releases", code=403))
    with pytest.raises(WriteRefused):
        await scene.reconciler.reconcile(ORDER)
    assert scene.said("Stalled") == ("True", "WriteRefused")
    assert scene.written == ["patch-status DeliveryService"]

    scene.api.failures.append(Refused("POST", "exceeded quota: releases", code=403))
    with pytest.raises(WriteRefused):
        await scene.reconciler.reconcile(ORDER)
    assert scene.written == ["patch-status DeliveryService"], "the same refusal is no news"

    await scene.reconciler.reconcile(ORDER)
    assert scene.said("Stalled") == ("False", "NotStalled")


async def test_in_a_namespace_that_goes_nothing_is_made_and_nothing_is_retried(scene: Scene) -> None:
    scene.api.failures.append(Terminating("POST", "is being terminated", code=403))
    assert await scene.reconciler.reconcile(ORDER) is None
    assert scene.written == []


async def test_a_webhook_that_does_not_answer_is_told_once_it_lasts(scene: Scene) -> None:
    """A moment's silence is no news; one that lasts is somebody's to mend, and the status says whose."""
    for failures in range(PATIENCE + 1):
        assert "conditions" not in scene.api.objects["DeliveryService", "shop", "order"].get("status", {}), failures
        scene.api.failures.append(WebhookFailed("POST", 'failed calling webhook "judge.example.com"', code=500))
        with pytest.raises(WriteRefused):
            await scene.reconciler.reconcile(ORDER)
        scene.queue.add_failed(ORDER)
    assert scene.said("Stalled") == ("True", "WriteRefused")
    assert "judge.example.com" in next(each["message"] for each in scene.status()["conditions"])


class Mutating(FakeApi):
    """An API server with a webhook that changes every Deployment as it is written."""

    def __init__(self, change: Mapping[str, Any]) -> None:
        super().__init__()
        self.change = change

    async def apply(
        self, resource: Resource, body: Mapping[str, Any], *, manager: str = MANAGER, force: bool = True
    ) -> dict[str, Any]:
        answer = await super().apply(resource, body, manager=manager, force=force)
        if resource.kind != "Deployment":
            return answer
        return self.put(applied(answer, {}, self.change))


async def test_a_webhook_that_changes_what_is_written_is_not_fought_at_full_speed() -> None:
    scene = Scene(Mutating({"spec": {"replicas": 99}}))
    scene.service()
    again = await scene.reconciler.reconcile(ORDER)
    assert again is not None
    assert 0 < again <= 10
    assert scene.written.count("apply Deployment") == 2 * (1 + AT_ONCE)
    (in_sync,) = [each for each in scene.status()["conditions"] if each["type"] == "InSync"]
    assert in_sync["reason"] == "Contested"
    assert "Deployment order-web: spec.replicas was changed by an unknown field manager" in in_sync["message"]
    assert scene.metrics.registry.get_sample_value("delivery_operator_drift_repairs_total", {"kind": "Deployment"}) == 6


async def test_a_service_that_does_not_come_to_rest_is_stopped_and_named() -> None:
    """A hot loop would cost the API server everything (invariant 10)."""
    scene = Scene(Mutating({"metadata": {"annotations": {names.MANIFEST: "of another manifest"}}}))
    scene.service()
    with pytest.raises(NotConverging, match=r"Apply Deployment"):
        await scene.reconciler.reconcile(ORDER)
    assert len([each for each in scene.written if each == "apply Deployment"]) <= 2 * MOST_PLANS


async def test_a_bug_in_one_service_ends_no_worker(scene: Scene) -> None:
    """Invariant 10."""
    scene.service("payment")
    await scene.reconciler.reconcile(ORDER)
    release = scene.api.objects["DeliveryRelease", "shop", "order-r1"]
    scene.store.put(scene.api.put({**release, "spec": {**release["spec"], "manifests": "not what we wrote"}}))
    scene.queue.add(ORDER)
    scene.queue.add(("shop", "payment"))
    with structlog.testing.capture_logs() as events:
        await scene.work("bug", "done")
    assert [each["event"] for each in events if each["log_level"] == "error"] == ["reconcile failed"]
    assert ("DeliveryRelease", "shop", "payment-r1") in scene.api.objects
    assert scene.queue.working == 0


async def test_what_failed_comes_back_later_and_what_is_done_does_not(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    scene.api.failures.append(Unavailable("POST", "try again", code=429, retry_after=5.0))
    scene.queue.add(ORDER)
    worker = asyncio.create_task(scene.reconciler.work())
    await clock.advance(0)
    assert (scene.count("retry"), scene.count("done")) == (1, 0)
    await clock.advance(4.9)
    assert scene.count("done") == 0, "the API server asked for five seconds"
    await clock.advance(0.2)
    assert scene.count("done") == 1
    await clock.advance(1000)
    assert scene.count("done") == 1
    scene.queue.close()
    await worker


class Hanging(FakeApi):
    """An API server that takes requests for one service and never answers."""

    async def create(self, resource: Resource, body: Mapping[str, Any]) -> dict[str, Any]:
        if body["metadata"]["name"].startswith("order-"):
            await asyncio.Event().wait()
        return await super().create(resource, body)


async def test_a_reconcile_that_hangs_is_given_up_and_begun_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Invariant 10: its worker is for others too."""
    scene = Scene(Hanging())
    scene.service()
    scene.service("payment")
    clock = Clock(monkeypatch)
    scene.queue.add(ORDER)
    scene.queue.add(("shop", "payment"))
    worker = asyncio.create_task(scene.reconciler.work())
    await clock.advance(0)
    await clock.advance(MOST_SECONDS - 1)
    assert (scene.count("retry"), scene.count("done")) == (0, 0)
    await clock.advance(2)
    assert (scene.count("retry"), scene.count("done")) == (1, 1)
    assert ("DeliveryRelease", "shop", "payment-r1") in scene.api.objects
    scene.api.__class__ = FakeApi
    await clock.advance(1)
    assert scene.count("done") == 2
    scene.queue.close()
    await worker


async def test_a_namespace_whose_requests_hang_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Invariant 10: as many services as there are workers wait for answers, and a thousand more for a worker."""
    clock = Clock(monkeypatch)
    scene = Scene(Hanging())
    scene.reconciler.queue.close()
    scene.queue = Queue(limit=4)
    scene.reconciler = replace(scene.reconciler, queue=scene.queue)
    for number in range(1000):
        scene.service(f"order-{number}")
        scene.queue.add(("shop", f"order-{number}"))
    workers = [asyncio.create_task(scene.reconciler.work()) for _ in range(8)]
    await clock.advance(0)
    assert (scene.queue.working, len(scene.queue)) == (4, 996)
    for _ in range(50):
        scene.queue.add(("quiet", "no-such-service"))
        scene.queue.add(("calm", "no-such-service"))
        await clock.advance(0)
    assert scene.count("done") == 100, "no time has passed"
    for worker in workers:
        worker.cancel()
    await asyncio.gather(*workers, return_exceptions=True)


async def test_a_refused_service_is_counted_and_retried(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    scene.api.failures.append(Refused("POST", "exceeded quota", code=403))
    scene.queue.add(ORDER)
    worker = asyncio.create_task(scene.reconciler.work())
    await clock.advance(0)
    assert (scene.count("refused"), scene.count("done")) == (1, 0)
    await clock.advance(1)
    assert scene.count("done") == 1
    scene.queue.close()
    await worker


async def test_a_plan_that_asks_to_look_again_is_kept(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Objects that name the Secret of a binding are not watched."""
    clock = Clock(monkeypatch)
    target = {"apiVersion": "databases.example.com/v1", "kind": "Database", "name": "order"}
    binding = {"name": "db", "type": "postgresql", "provisionedService": target, "env": {"DATABASE_URL": "url"}}
    scene.service(fields=builders.spec(backingServices=[binding]))
    scene.queue.add(ORDER)
    worker = asyncio.create_task(scene.reconciler.work())
    await clock.advance(0)
    assert scene.count("done") == 1
    await clock.advance(5.1)
    assert scene.count("done") == 2
    scene.queue.close()
    await worker


def environment(scene: Scene, **spec: Any) -> None:
    metadata = {"name": "default"}
    scene.store.put(scene.api.put({"kind": "DeliveryEnvironment", "metadata": metadata, "spec": spec}))


def environment_status(scene: Scene) -> dict[str, Any]:
    found: dict[str, Any] = scene.api.objects["DeliveryEnvironment", "", "default"]["status"]
    return found


async def test_an_environment_is_told_how_its_templates_are_and_once(scene: Scene) -> None:
    environment(scene)
    scene.queue.add(("", "default"))
    await scene.work("done")
    assert environment_status(scene)["templates"] == builders.BUNDLE.digest
    scene.written.clear()
    await scene.reconciler.reconcile_environment("default")
    assert scene.written == []


async def test_other_templates_have_their_services_looked_at(scene: Scene) -> None:
    environment(scene)
    await scene.reconciler.reconcile_environment("default")
    assert len(scene.queue) == 0
    environment(scene, templates={"configMap": "missing"})
    await scene.reconciler.reconcile_environment("default")
    assert await scene.queue.get() == ORDER
    assert environment_status(scene)["conditions"][0]["reason"] == "TemplateInvalid"


async def test_an_environment_that_cannot_be_read_is_told_so(scene: Scene) -> None:
    environment(scene, tier="moon")
    await scene.reconciler.reconcile_environment("default")
    assert environment_status(scene)["conditions"][0]["reason"] == "InvalidSpec"


async def test_a_service_whose_turn_it_is_to_take_new_templates_is_looked_at_and_takes_them(scene: Scene) -> None:
    await scene.reconciler.reconcile(ORDER)
    scene.run_pods()
    await scene.reconciler.reconcile(ORDER)
    assert scene.said("Ready") == ("True", "Serving")
    limit = builders.BUNDLE.sources["deployment"].replace("revisionHistoryLimit: 2", "revisionHistoryLimit: 3")
    data = {"deployment.yaml.j2": limit}
    scene.api.put({"kind": "ConfigMap", "metadata": {"name": "ours", "namespace": "system"}, "data": data})
    environment(scene, templates={"configMap": "ours"}, upgrade={"mode": "waves"})
    await scene.reconciler.reconcile_environment("default")
    assert environment_status(scene)["upgrade"]["inProgress"] == ["shop/order"]
    assert await scene.queue.get() == ORDER
    await scene.reconciler.reconcile(ORDER)
    release = scene.api.objects["DeliveryRelease", "shop", "order-r2"]["spec"]
    assert (release["reason"], release["renewalOf"]) == ("TemplatesChanged", 1)
    scene.run_pods()
    await scene.reconciler.reconcile(ORDER)
    await scene.reconciler.reconcile_environment("default")
    assert environment_status(scene)["upgrade"]["phase"] == "Done"


async def test_a_window_that_is_closed_is_waited_for(scene: Scene) -> None:
    await scene.reconciler.reconcile(ORDER)
    scene.run_pods()
    await scene.reconciler.reconcile(ORDER)
    release = scene.api.objects["DeliveryRelease", "shop", "order-r1"]
    scene.store.put(scene.api.put({**release, "spec": {**release["spec"], "templates": "old"}}))
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).strftime("%a")
    window = {"days": [tomorrow], "startTime": "00:00", "endTime": "00:01"}
    environment(scene, upgrade={"mode": "waves"}, maintenanceWindow=window)
    again = await scene.reconciler.reconcile_environment("default")
    assert environment_status(scene)["upgrade"]["phase"] == "WaitingForWindow"
    assert again is not None
    assert 0 < again <= timedelta(days=1).total_seconds()


async def test_an_environment_that_is_gone_is_nothing_to_do(scene: Scene) -> None:
    await scene.reconciler.reconcile_environment("gone")
    assert scene.written == []


def task(scene: Scene, name: str = "shell-1") -> None:
    body = {
        "apiVersion": "delivery.dev/v1alpha1",
        "kind": "DeliveryTask",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {"service": "order", "command": ["sh"]},
        "status": {"phase": "Pending"},
    }
    scene.store.put(scene.api.put(body))


def task_status(scene: Scene, name: str = "shell-1") -> dict[str, Any]:
    found: dict[str, Any] = scene.api.objects["DeliveryTask", "shop", name]["status"]
    return found


async def test_a_task_without_its_service_is_told_so_and_once() -> None:
    scene = Scene()
    task(scene)
    assert await scene.reconciler.reconcile(ORDER) is None
    assert task_status(scene)["reason"] == "ServiceMissing"
    scene.written.clear()
    await scene.reconciler.reconcile(ORDER)
    assert scene.written == []


async def test_a_service_that_is_gone_leaves_no_lease_behind() -> None:
    """Invariant 3: others wait for it no longer than anything of it runs."""
    scene = Scene()
    labels = {names.SERVICE: "order", names.HOLDER_NAMESPACE: "shop", names.HOLDER_UID: "u", names.RELEASE: "1"}
    metadata = {"name": "db", "namespace": "system", "labels": labels}
    scene.store.put(scene.api.put({"kind": "Lease", "metadata": metadata, "spec": {}}))
    assert await scene.reconciler.reconcile(ORDER) is None
    assert scene.api.objects == {}
    assert scene.written == ["delete Lease"]


async def test_a_task_is_counted(scene: Scene) -> None:
    task(scene)
    await scene.reconciler.reconcile(ORDER)
    assert task_status(scene)["reason"] == "NoActiveRelease"
    release = scene.api.objects["DeliveryRelease", "shop", "order-r1"]
    scene.store.put(scene.api.put({**release, "status": {"phase": "Active"}}))
    await scene.reconciler.reconcile(ORDER)
    assert task_status(scene)["phase"] == "Running"
    sample = scene.metrics.registry.get_sample_value("delivery_operator_tasks_total", {"outcome": "running"})
    assert sample == 1.0


class Refusing(FakeApi):
    """An API server whose policy does not let some objects be created."""

    def __init__(self) -> None:
        super().__init__()
        self.refused: set[tuple[str, str]] = set()

    async def create(self, resource: Resource, body: Mapping[str, Any]) -> dict[str, Any]:
        if (resource.kind, body["metadata"]["name"]) in self.refused:
            raise Refused(f"POST {resource.plural}", "the policy says no", code=403)
        return await super().create(resource, body)


@pytest.fixture
async def refusing() -> Scene:
    """A service that serves, whose next release the API server refuses."""
    api = Refusing()
    scene = Scene(api)
    scene.service()
    await scene.reconciler.reconcile(ORDER)
    release = api.objects["DeliveryRelease", "shop", "order-r1"]
    scene.store.put(api.put({**release, "status": {"phase": "Active"}}))
    service = api.objects["DeliveryService", "shop", "order"]
    scene.store.put(api.put({**service, "spec": {**service["spec"], "image": builders.NEXT_IMAGE}}))
    api.refused.add(("DeliveryRelease", "order-r2"))
    return scene


async def test_what_is_done_beside_a_refused_write_is_counted(refusing: Scene) -> None:
    task(refusing)
    for _ in range(2):
        with pytest.raises(WriteRefused, match="DeliveryRelease order-r2"):
            await refusing.reconciler.reconcile(ORDER)
    assert task_status(refusing)["phase"] == "Running"
    sample = refusing.metrics.registry.get_sample_value("delivery_operator_tasks_total", {"outcome": "running"})
    assert sample == 1.0


async def test_of_two_refusals_both_are_told_and_neither_holds_up_the_rest(refusing: Scene) -> None:
    """A task whose Job is refused comes after the others then, as without the first refusal."""
    for name in ("a-refused", "b-fine"):
        task(refusing, name)
    assert isinstance(refusing.api, Refusing)
    refusing.api.refused.add(("Job", "a-refused"))
    for _ in range(3):
        with pytest.raises(WriteRefused, match="DeliveryRelease order-r2"):
            await refusing.reconciler.reconcile(ORDER)
    assert refusing.said("Stalled") == ("True", "WriteRefused")
    assert task_status(refusing, "a-refused")["reason"] == "JobRefused"
    assert task_status(refusing, "b-fine")["phase"] == "Running"
    sample = refusing.metrics.registry.get_sample_value("delivery_operator_tasks_total", {"outcome": "running"})
    assert sample == 1.0, "it was begun in the plan whose next write was refused"
