"""DeliveryTasks (factor XII, F12-1, F12-2): one Job each, in the release that serves."""

import contextlib
from datetime import UTC, datetime
from typing import Any

import pytest

from delivery_operator.engine import tasks
from delivery_operator.engine.decide import decide
from delivery_operator.engine.plan import Plan, SetStatus, aim
from delivery_operator.engine.snapshot import Obstacle, Refusal
from delivery_operator.render import bundle as bundles
from delivery_operator.render import names
from tests.unit.support import builders
from tests.unit.support.world import Killed, World

SEED = {"seed": {"command": ["order", "seed"], "timeoutSeconds": 60, "backoffLimit": 2}}


def a_service(**changes: Any) -> World:
    return World(builders.spec(migrate=False, tasks=SEED, **changes))


@pytest.fixture
def world() -> World:
    """A service that serves, with a named task."""
    world = a_service()
    world.run()
    return world


def of(world: World, name: str = "seed-1") -> dict[str, Any]:
    return world.objects["DeliveryTask", name]


def status(world: World, name: str = "seed-1") -> dict[str, Any]:
    found: dict[str, Any] = of(world, name)["status"]
    return found


def job(world: World, name: str = "seed-1") -> dict[str, Any]:
    return world.objects["Job", name]


def test_a_named_task_runs_in_the_release_that_serves(world: World) -> None:
    world.task()
    world.settle()
    found = job(world)
    (owner,) = found["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"]) == ("DeliveryTask", "seed-1")
    labels = found["spec"]["template"]["metadata"]["labels"]
    assert (labels[names.ROLE], labels[names.RELEASE], labels[names.SERVICE]) == ("task", "1", "order")
    container = found["spec"]["template"]["spec"]["containers"][0]
    assert (container["image"], container["command"]) == (builders.IMAGE, ["order", "seed"])
    assert (found["spec"]["activeDeadlineSeconds"], found["spec"]["backoffLimit"]) == (60, 2)
    assert status(world)["phase"] == "Running"
    assert (status(world)["release"], status(world)["job"]) == ("order-r1", "seed-1")


def test_its_environment_is_that_of_the_processes(world: World) -> None:
    world.task()
    world.settle()
    pods = [each["spec"]["template"]["spec"] for each in (job(world), world.deployment("relay"))]
    assert pods[0]["containers"][0]["envFrom"] == pods[1]["containers"][0]["envFrom"]
    assert pods[0]["serviceAccountName"] == pods[1]["serviceAccountName"]
    assert "DATABASE_URL" in {each["name"] for each in pods[0]["containers"][0]["env"]}


def test_arguments_are_added_and_a_deadline_of_its_own_counts(world: World) -> None:
    world.task(task="seed", args=["--orders", "10"], timeoutSeconds=5)
    world.settle()
    assert job(world)["spec"]["template"]["spec"]["containers"][0]["command"] == ["order", "seed", "--orders", "10"]
    assert job(world)["spec"]["activeDeadlineSeconds"] == 5


def test_a_command_of_its_own_runs_as_well(world: World) -> None:
    world.task(command=["order", "shell"])
    world.settle()
    assert job(world)["spec"]["template"]["spec"]["containers"][0]["command"] == ["order", "shell"]
    assert job(world)["spec"]["activeDeadlineSeconds"] == 3600


def test_the_result_is_recorded(world: World) -> None:
    world.task()
    world.settle()
    world.end_job("seed-1", message="10 orders")
    world.settle()
    told = status(world)
    assert (told["phase"], told["exitCode"], told["output"]) == ("Succeeded", 0, "10 orders")
    assert told["startedAt"] < told["finishedAt"]
    assert "reason" not in told
    assert world.plan() == Plan()


@pytest.mark.parametrize(
    ("code", "reason", "said"),
    [
        (3, "TaskFailed", "the task failed with exit code 3; the end of its output: password=***"),
        (137, "TimedOut", "the task took longer than its timeoutSeconds and was stopped"),
    ],
)
def test_a_failure_says_how(world: World, code: int, reason: str, said: str) -> None:
    """Invariant 8: the output is redacted."""
    world.task()
    world.settle()
    message = "password=hunter2" if reason == "TaskFailed" else ""
    world.end_job("seed-1", code, message, reason="DeadlineExceeded" if reason == "TimedOut" else "")
    world.settle()
    assert (status(world)["phase"], status(world)["reason"]) == ("Failed", reason)
    assert status(world)["message"] == said
    assert world.said("Ready") == ("True", "Serving"), "a task is not the service"


def test_what_keeps_its_pod_from_running_is_told(world: World) -> None:
    world.task()
    world.settle()
    waiting = {"state": {"waiting": {"reason": "ErrImagePull", "message": "not found"}}}
    world.add(builders.pod(job(world), name="seed-1-x1", container=waiting))
    world.settle()
    assert status(world)["reason"] == "ImagePullFailed"


def test_an_end_without_evidence_is_waited_for(world: World) -> None:
    world.task()
    world.settle()
    world.end_job("seed-1", 3)
    world.delete("Pod", "seed-1-x1")
    assert world.plan().look_again_after == 1.0
    world.tick(60)
    world.settle()
    assert status(world)["phase"] == "Failed"
    assert "exitCode" not in status(world)


@pytest.mark.parametrize("writes", range(1, 4))
def test_killed_after_any_write_it_runs_once(world: World, writes: int) -> None:
    world.task()
    with contextlib.suppress(Killed):
        world.settle(kill_after=writes)
    world.run()
    assert world.jobs.total() == 1
    assert status(world)["phase"] == "Succeeded"


def test_a_job_that_was_deleted_is_not_made_again(world: World) -> None:
    world.task()
    world.settle()
    world.delete("Job", "seed-1")
    world.settle()
    assert (status(world)["phase"], status(world)["reason"]) == ("Failed", "TaskLost")
    assert status(world)["release"] == "order-r1"
    world.run()
    assert world.jobs.total() == 1


def test_before_the_first_release_serves_it_waits() -> None:
    world = a_service()
    world.task()
    world.settle()
    assert (status(world)["phase"], status(world)["reason"]) == ("Pending", "NoActiveRelease")
    world.run()
    assert status(world)["phase"] == "Succeeded"


def test_an_unknown_task_fails_and_names_those_there_are(world: World) -> None:
    world.task(task="feed", ttlSecondsAfterFinished=5)
    world.settle()
    assert (status(world)["phase"], status(world)["reason"]) == ("Failed", "TaskUnknown")
    assert "(there are: seed)" in status(world)["message"]
    world.tick(5)
    world.settle()
    assert ("DeliveryTask", "seed-1") not in world.objects


def test_without_named_tasks_there_are_none() -> None:
    world = World(builders.spec(migrate=False))
    world.run()
    world.task()
    world.settle()
    assert "(there are: none)" in status(world)["message"]


def test_a_task_that_this_operator_cannot_read_fails(world: World) -> None:
    world.task(task="seed", timeoutSeconds="soon")
    world.settle()
    assert (status(world)["phase"], status(world)["reason"]) == ("Failed", "InvalidSpec")


def test_a_service_that_cannot_be_read_starts_none(world: World) -> None:
    world.task()
    world.edit(processes={"web": {"command": "oops"}})
    world.settle()
    assert (status(world)["phase"], status(world)["reason"]) == ("Pending", "InvalidSpec")


def test_while_paused_none_starts_and_none_is_deleted(world: World) -> None:
    world.task("done", task="seed", ttlSecondsAfterFinished=0)
    world.settle()
    world.end_job("done")
    world.edit(paused=True)
    world.task()
    world.settle()
    assert (status(world)["phase"], status(world)["reason"]) == ("Pending", "Paused")
    assert status(world, "done")["phase"] == "Succeeded", "a result is recorded all the same"
    world.edit(paused=False)
    world.run()
    assert status(world)["phase"] == "Succeeded"
    assert ("DeliveryTask", "done") not in world.objects


def test_a_task_is_deleted_when_its_time_is_over(world: World) -> None:
    world.task(task="seed", ttlSecondsAfterFinished=100)
    world.settle()
    world.end_job("seed-1")
    assert world.settle().look_again_after == 100
    world.tick(99)
    assert world.settle().look_again_after == 1
    world.tick(1)
    world.settle()
    assert ("DeliveryTask", "seed-1") not in world.objects
    assert ("Job", "seed-1") not in world.objects


def test_a_name_that_is_taken_is_waited_for(world: World) -> None:
    world.add({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "seed-1"}, "spec": {}, "status": {"x": 1}})
    world.task()
    world.settle()
    assert (status(world)["phase"], status(world)["reason"]) == ("Pending", "NameTaken")
    world.delete("Job", "seed-1")
    world.settle()
    assert status(world)["phase"] == "Running"


@pytest.mark.parametrize(
    ("lack", "reason"),
    [
        ("obstacle", "EnvironmentMissing"),
        ("fault", "TemplateInvalid"),
        ("templates", "TemplateInvalid"),
    ],
)
def test_what_the_platform_lacks_is_waited_for(world: World, lack: str, reason: str) -> None:
    if lack == "obstacle":
        world.obstacle = Obstacle("EnvironmentMissing", "DeliveryEnvironment default does not exist")
    elif lack == "fault":
        world.template_fault = "template job.yaml.j2: broken"
    else:
        world.bundle = bundles.Bundle({**builders.BUNDLE.sources, "job": "{{ nothing }}"})
    world.task()
    world.settle()
    assert (status(world)["phase"], status(world)["reason"]) == ("Pending", reason)


def test_a_binding_of_the_release_that_serves_is_waited_for(world: World) -> None:
    provisioned = {"apiVersion": "databases.example.com/v1", "kind": "Postgres", "name": "db"}
    binding = {"name": "db", "type": "postgresql", "provisionedService": provisioned, "env": {"DATABASE_URL": "url"}}
    world.bind(db="db-credentials")
    world.edit(backingServices=[binding])
    world.run()
    world.bind()
    world.unbound = {"db": "Postgres db does not exist (needed for db)"}
    world.task()
    world.settle()
    assert status(world)["reason"] == "BindingNotReady"
    assert status(world)["message"] == "Postgres db does not exist (needed for db)"


def test_a_job_whose_labels_somebody_took_away_is_followed_all_the_same(world: World) -> None:
    world.task("seed-1")
    world.settle()
    before = status(world, "seed-1")
    assert before["phase"] == "Running"
    for labels in ({}, {names.SERVICE: "order", names.RELEASE: "x"}):
        world.edit_metadata("Job", "seed-1", labels=labels)
        world.settle()
        assert status(world, "seed-1") == before


def test_a_refused_job_is_told_in_the_task_and_holds_up_nothing(world: World) -> None:
    world.task("a-refused")
    world.task("b-fine")
    world.observe()
    refusal = Refusal(("Job", "a-refused"), "exceeded quota: jobs")
    writes = decide(world.snapshot(refusal)).writes
    assert all(isinstance(write, SetStatus) for write in writes)
    for write in writes:
        world.write(write)
    assert status(world, "a-refused")["reason"] == "JobRefused"
    assert "exceeded quota: jobs" in status(world, "a-refused")["message"]
    assert world.said("Ready") == ("True", "Serving")
    assert decide(world.snapshot(refusal)) == Plan(), "the same refusal is no news"
    first = decide(world.snapshot()).writes[0]
    assert first.manifest["metadata"]["name"] == "b-fine", "those not tried yet come first"  # type: ignore[union-attr]


def test_a_refused_job_does_not_hold_up_the_services_status() -> None:
    world = a_service()
    world.run()
    world.task()
    world.edit(image=builders.NEXT_IMAGE)
    world.observe()
    writes = decide(world.snapshot(Refusal(("Job", "seed-1"), "no"))).writes
    assert [write.target["kind"] for write in writes if isinstance(write, SetStatus)] == ["DeliveryTask"]


def test_one_that_is_being_deleted_is_left_alone(world: World) -> None:
    world.task()
    body = of(world)
    world.add({**body, "metadata": {**body["metadata"], "deletionTimestamp": "2026-03-01T12:00:00Z"}})
    assert world.plan() == Plan()


NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def orphan(**told: Any) -> dict[str, Any]:
    return {
        "kind": "DeliveryTask",
        "metadata": {"name": "seed-1", "namespace": "shop", "uid": "u", "resourceVersion": "1"},
        "spec": {"service": "order", "task": "seed", "ttlSecondsAfterFinished": 60},
        "status": told,
    }


def test_without_a_service_a_task_waits_for_it() -> None:
    (write,) = tasks.without_service([orphan(phase="Pending")], NOW).writes
    assert isinstance(write, SetStatus)
    assert (write.status["phase"], write.status["reason"]) == ("Pending", "ServiceMissing")
    assert tasks.without_service([orphan(**write.status)], NOW) == tasks.Chores()


def test_a_task_whose_service_was_deleted_is_lost() -> None:
    (write,) = tasks.without_service([orphan(phase="Running", uid="j")], NOW).writes
    assert isinstance(write, SetStatus)
    assert (write.status["phase"], write.status["reason"]) == ("Failed", "TaskLost")


def test_a_finished_task_of_a_deleted_service_goes_in_its_time() -> None:
    done = orphan(phase="Succeeded", finishedAt="2026-03-01T11:59:30Z")
    assert tasks.without_service([done], NOW) == tasks.Chores((), 30.0)


def test_a_refused_write_of_the_service_holds_up_no_task() -> None:
    world = a_service()
    world.run()
    world.task()
    world.change("Deployment", "order-web", replicas=9)
    refusal = Refusal(("Deployment", "order-web"), "the policy says no")
    for _ in range(5):
        world.observe()
        for write in decide(world.snapshot(refusal)).writes:
            world.write(write)
    assert status(world)["phase"] == "Running"
    assert world.running_jobs()
    assert world.said("Stalled") == ("True", "WriteRefused")
    assert world.deployment("web")["spec"]["replicas"] == 9


def test_a_refused_write_of_a_task_that_runs_is_not_sent_again_at_once() -> None:
    world = a_service()
    world.run()
    world.task()
    while status(world).get("phase") != "Running":
        for write in world.plan().writes:
            world.write(write)
    world.observe()
    (resume,) = world.plan().writes
    told = decide(world.snapshot(Refusal(aim(resume), "the policy says no"))).writes
    assert [type(write) for write in told] == [SetStatus]


def test_a_sidecar_that_keeps_a_task_from_its_end_is_named(world: World) -> None:
    world.task()
    world.settle()
    ended = {"exitCode": 0, "finishedAt": world.now.strftime("%Y-%m-%dT%H:%M:%SZ")}
    pod = builders.pod(world.objects["Job", "seed-1"], name="seed-1-x1", container={"state": {"terminated": ended}})
    pod["status"]["containerStatuses"].append(builders.status(name="istio-proxy", state={"running": {}}))
    world.add(pod)
    assert world.settle().look_again_after == 30
    world.tick(30)
    world.settle()
    assert (status(world)["phase"], status(world)["reason"]) == ("Running", "SidecarRunsOn")
