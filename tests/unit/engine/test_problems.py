"""status.problems: all that is wrong at once, bounded, and the same while the same is wrong (invariant 11)."""

import pytest

from delivery_operator.api.reasons import STANDING
from delivery_operator.api.release import ReferenceKind
from delivery_operator.api.status import DeliveryServiceStatus
from delivery_operator.engine.decide import decide
from delivery_operator.engine.history import History
from delivery_operator.engine.plan import SetStatus
from delivery_operator.engine.problems import REPLACED_SECONDS
from delivery_operator.engine.problems import of as problems_of
from delivery_operator.engine.snapshot import Obstacle, Refusal
from tests.unit.support import builders
from tests.unit.support.builders import MIGRATE, NEXT_IMAGE, RELAY, WEB, pod, process_labels
from tests.unit.support.world import SECRET, World

CRASHING = {"restartCount": 2, "state": {"running": {}}, "lastState": {"terminated": {"exitCode": 1}}}
UNPULLED = {"state": {"waiting": {"reason": "ErrImagePull", "message": "manifest unknown"}}}


@pytest.fixture
def serving() -> World:
    world = World(builders.spec())
    world.run()
    return world


def problems(world: World) -> list[tuple[str, str, str]]:
    """Severity, reason and object of each problem of a settled world."""
    world.settle()
    assert world.plan().writes == ()
    DeliveryServiceStatus.model_validate(world.status)
    return [
        (each["severity"], each["reason"], f"{each['object']['kind']} {each['object']['name']}")
        for each in world.status.get("problems", ())
    ]


def test_a_service_that_is_well_or_under_way_has_none(serving: World) -> None:
    assert "problems" not in serving.status
    serving.edit(image=NEXT_IMAGE)
    assert problems(serving) == []
    serving.job_ends(2)
    assert problems(serving) == []


def test_every_missing_reference_is_a_problem_of_its_own(serving: World) -> None:
    del serving.contents[SECRET]
    serving.contents[ReferenceKind.CONFIG_MAP, "flags"] = {}
    serving.unbound["cache"] = "Cache main names no Secret yet"
    source = {"apiVersion": "example.com/v1", "kind": "Cache", "name": "main"}
    serving.edit(
        config={
            "FLAGS": {"configMapKeyRef": {"name": "flags", "key": "all"}},
            "DSN": {"secretKeyRef": {"name": "sentry", "key": "dsn"}},
        },
        backingServices=[
            *serving.service["spec"]["backingServices"],
            {"name": "cache", "type": "redis", "provisionedService": source, "env": {"REDIS_ADDR": "addr"}},
        ],
    )
    assert problems(serving) == [
        ("Error", "ConfigMapKeyMissing", "ConfigMap flags"),
        ("Error", "SecretMissing", "Secret db-credentials"),
        ("Error", "SecretMissing", "Secret sentry"),
        ("Warning", "BindingNotReady", "Cache main"),
    ]
    found = serving.status["problems"][1]
    assert found["message"] == "Secret db-credentials does not exist (needed for DATABASE_URL)"
    assert found["remedy"] == STANDING["SecretMissing"].remedy


def test_every_process_that_fails_is_a_problem_of_its_own(serving: World) -> None:
    for process, container in (("web", CRASHING), ("relay", UNPULLED)):
        serving.set_pods(process, replicas=1, updatedReplicas=1, availableReplicas=0)
        serving.pod_says(process, 1, container)
    assert problems(serving) == [
        ("Error", "CrashLoop", "Deployment order-web"),
        ("Error", "ImagePullFailed", "Deployment order-relay"),
    ]


def test_pods_that_were_replaced_and_run_on_are_a_warning(serving: World) -> None:
    """What made them is gone, so nobody ends them, and the Service sends them calls."""
    serving.edit(image=NEXT_IMAGE)
    serving.run()
    replica_set = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": "order-web-old"}}
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "order-nightly-1"}}
    for owner, process, number in ((replica_set, "web", 1), (replica_set, "relay", 2), (job, "nightly", 1)):
        labels = process_labels(process, number)
        serving.add(pod(owner, name=f"{process}-{number}", labels=labels, container={"ready": True}))
    assert problems(serving) == [], "they may not have been asked yet"
    again = serving.plan().look_again_after
    assert again is not None
    assert again == pytest.approx(REPLACED_SECONDS, abs=1)
    serving.tick(again)
    assert problems(serving) == [("Warning", "OlderReleaseRuns", "ReplicaSet order-web-old")]
    (found,) = serving.status["problems"]
    assert found["message"] == (
        "pods of process web of release 1 run on beside those of release order-r2; nobody has asked them to end"
    )
    assert "kubectl delete" in found["remedy"]
    assert serving.said("Ready") == ("True", "Serving")
    assert serving.plan().look_again_after is None
    serving.edit_metadata("Pod", "web-1", deletionTimestamp="2026-03-01T12:00:00Z")
    assert problems(serving) == []


def test_a_failed_release_and_a_missing_secret_are_both_told(serving: World) -> None:
    """Ready has room for one of them."""
    serving.edit(image=NEXT_IMAGE)
    serving.settle()
    serving.job_ends(2, code=3, message="no such table")
    serving.settle()
    del serving.contents[SECRET]
    assert problems(serving) == [
        ("Error", "MigrationFailed", "DeliveryRelease order-r2"),
        ("Error", "SecretMissing", "Secret db-credentials"),
    ]
    assert "no such table" in serving.status["problems"][0]["message"]
    assert "kubectl delivery retry order" in serving.status["problems"][0]["remedy"]


def test_what_a_next_release_lacks_is_a_problem_when_one_is_wanted(serving: World) -> None:
    serving.template_fault = "template job.yaml.j2: broken"
    assert problems(serving) == [], "a change of the platform team's is no news to a service that serves"
    serving.edit(
        image=NEXT_IMAGE,
        processes={"web": {**WEB, "expose": {"host": "a.example.com"}}, "relay": RELAY},
    )
    assert problems(serving) == [
        ("Error", "ExposureMissing", "DeliveryService order"),
        ("Error", "TemplateInvalid", "DeliveryEnvironment default"),
    ]


def test_without_an_environment_nothing_of_it_is_held_against_the_service(serving: World) -> None:
    serving.obstacle = Obstacle("EnvironmentMissing", "DeliveryEnvironment default does not exist")
    serving.edit(processes={"web": {**WEB, "expose": {}}, "relay": RELAY})
    assert problems(serving) == [("Error", "EnvironmentMissing", "DeliveryEnvironment default")]


def test_a_contract_step_that_failed_is_a_warning() -> None:
    world = World(builders.spec(migrate=False, release={"contract": MIGRATE}))
    world.settle()
    world.pods_come()
    world.settle()
    world.end_job("order-r1-contract", 4, "column is in use")
    assert problems(world) == [("Warning", "ContractFailed", "DeliveryService order")]
    assert world.said("Ready") == ("True", "Serving")


def test_a_spec_that_cannot_be_read_is_all_that_is_told() -> None:
    world = World(builders.spec(processes={"web": {**WEB, "port": {"number": "many"}}}))
    assert problems(world) == [("Error", "InvalidSpec", "DeliveryService order")]


def test_a_pause_is_for_information(serving: World) -> None:
    serving.edit(paused=True)
    assert problems(serving) == [("Info", "Paused", "DeliveryService order")]


def test_a_refused_write_names_what_was_refused(serving: World) -> None:
    serving.observe()
    refused = serving.snapshot(Refusal(("Deployment", "order-web"), "exceeded quota"))
    (write,) = decide(refused).writes
    assert isinstance(write, SetStatus)
    (problem,) = write.status["problems"]
    assert (problem["reason"], problem["object"]) == ("WriteRefused", {"kind": "Deployment", "name": "order-web"})


def test_a_failure_without_a_known_reason_is_an_error_without_a_remedy(serving: World) -> None:
    serving.add({**serving.release(1), "status": {"phase": "Failed"}})
    assert problems(serving) == [("Error", "Failed", "DeliveryRelease order-r1")]
    assert "remedy" not in serving.status["problems"][0]


def test_somebody_elses_deployment_is_none_of_ours(serving: World) -> None:
    body = serving.deployment("web")
    metadata = {**body["metadata"], "name": "order-other", "ownerReferences": []}
    serving.add({**body, "metadata": {**metadata, "uid": "uid-of-other"}, "status": {}})
    serving.pod_says("web", 1, CRASHING)
    assert problems(serving) == []


def test_a_remedy_has_the_name_of_the_service_and_no_links() -> None:
    ended = {"type": "ShutdownClean", "status": "False", "reason": "KilledAtDeadline", "message": "web was killed"}
    world = World(builders.spec())
    ready = {"type": "Ready", "status": "True", "reason": "Serving", "message": ""}
    world.observe()
    (found,) = problems_of(world.snapshot(), History(()), None, (), [ready, ended])
    assert (found["severity"], found["reason"]) == ("Warning", "KilledAtDeadline")
    assert "Drain a worker" in found["remedy"]
    assert "](" not in found["remedy"]


def test_many_problems_are_bounded_and_sorted(serving: World) -> None:
    names = {f"V{number:02}": {"secretKeyRef": {"name": f"s{number:02}", "key": "k"}} for number in range(40)}
    serving.edit(config=names)
    found = problems(serving)
    assert len(found) == 16
    assert found == sorted(found)


def test_a_long_message_is_cut(serving: World) -> None:
    serving.template_fault = "x" * 4096
    serving.edit(image=NEXT_IMAGE)
    problems(serving)
    assert len(serving.status["problems"][0]["message"]) == 512


def test_problems_go_when_they_are_mended(serving: World) -> None:
    kept = serving.contents.pop(SECRET)
    assert problems(serving)
    serving.contents[SECRET] = kept
    assert problems(serving) == []
    assert "problems" not in serving.status


SWEEP = {"command": ["order", "sweep"], "schedule": "*/10 * * * *"}
SEE = "see `kubectl logs -n shop -l delivery.dev/service=order,delivery.dev/process=sweep`"


@pytest.fixture
def scheduled() -> World:
    world = World(builders.spec(migrate=False, processes={"web": WEB, "sweep": SWEEP}))
    world.run()
    return world


def run_of(world: World, number: int, code: int | None) -> None:
    """Add a run of the schedule; one without an exit code has not ended."""
    cron = world.objects["CronJob", "order-sweep"]
    at = f"2026-03-01T12:0{number}:00Z"
    owned = pod(cron, name=f"sweep-{number}")["metadata"]
    end = {"type": "Failed" if code else "Complete", "status": "True", "lastTransitionTime": at}
    status = {} if code is None else {"conditions": [end]}
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": owned, "status": status}
    world.add({**job, "spec": cron["spec"]["jobTemplate"]["spec"]})
    ended = {"state": {"terminated": {"exitCode": code, "finishedAt": at, "message": f"at {at}"}}}
    body = pod(world.objects["Job", f"sweep-{number}"], name=f"sweep-{number}-x", container=ended if code else {})
    world.add({**body, "status": {**body["status"], "phase": "Pending" if code is None else "Failed"}})


def test_a_scheduled_process_whose_pods_cannot_start_is_a_warning(scheduled: World) -> None:
    """It is no part of what serves, so Ready says nothing of it."""
    cron = scheduled.objects["CronJob", "order-sweep"]
    made = pod(cron, name="x", labels=process_labels("sweep", 1), container=UNPULLED)
    made["metadata"]["creationTimestamp"] = f"{scheduled.now:%Y-%m-%dT%H:%M:%SZ}"
    made["metadata"]["ownerReferences"][0]["kind"] = "Job"
    scheduled.add(made)
    assert scheduled.settle().look_again_after == 300
    assert problems(scheduled) == [], "each run may wait for a node or an image for a while"
    scheduled.tick(300)
    assert problems(scheduled) == [("Warning", "ImagePullFailed", "CronJob order-sweep")]
    assert scheduled.status["problems"][0]["message"].startswith("process sweep cannot pull image")
    assert scheduled.said("Ready") == ("True", "Serving")
    scheduled.delete("Pod", "x")
    assert problems(scheduled) == []


def test_a_scheduled_process_whose_last_run_failed_is_a_warning_in_words_that_stay(scheduled: World) -> None:
    run_of(scheduled, 1, 0)
    assert problems(scheduled) == []
    scheduled.tick(3600)
    run_of(scheduled, 2, 3)
    assert problems(scheduled) == [("Warning", "ScheduledRunFailed", "CronJob order-sweep")]
    assert scheduled.status["problems"][0]["message"] == (
        f"the last run of process sweep failed with exit code 3; {SEE}"
    )
    before = len([each for each in scheduled.log if each.startswith("status")])
    run_of(scheduled, 3, 3)
    run_of(scheduled, 4, None)
    assert problems(scheduled)
    assert len([each for each in scheduled.log if each.startswith("status")]) == before, "invariant 11"
    run_of(scheduled, 5, 0)
    assert problems(scheduled) == []


def test_a_run_of_which_it_is_not_clear_yet_takes_nothing_back(scheduled: World) -> None:
    """Of one that was stopped at its deadline the pods are gone: its end is waited for, for a while."""
    scheduled.tick(3600)
    run_of(scheduled, 1, 3)
    assert problems(scheduled) == [("Warning", "ScheduledRunFailed", "CronJob order-sweep")]
    run_of(scheduled, 2, 3)
    scheduled.delete("Pod", "sweep-2-x")
    end = scheduled.objects["Job", "sweep-2"]["status"]["conditions"][0]
    end |= {"reason": "DeadlineExceeded", "lastTransitionTime": f"{scheduled.now:%Y-%m-%dT%H:%M:%SZ}"}
    before = list(scheduled.log)
    assert scheduled.settle().look_again_after == 10
    assert scheduled.log == before
    scheduled.tick(10)
    assert problems(scheduled) == [("Warning", "ScheduledRunFailed", "CronJob order-sweep")]
    assert "took longer than" in scheduled.status["problems"][0]["message"]


def test_a_warning_of_a_schedule_hides_no_error_of_the_same_name(scheduled: World) -> None:
    made = pod(scheduled.objects["CronJob", "order-sweep"], name="x", labels=process_labels("sweep", 1))
    made["metadata"]["creationTimestamp"] = "2026-02-01T00:00:00Z"
    made["status"]["containerStatuses"] = [{**UNPULLED, "name": "order", "image": "i"}]
    scheduled.add(made)
    scheduled.edit(release={"migrate": MIGRATE}, image=NEXT_IMAGE)
    scheduled.settle()
    job = scheduled.objects["Job", "order-r2-migrate"]
    scheduled.add(pod(job, name="m", container=UNPULLED))
    found = problems(scheduled)
    assert ("Error", "ImagePullFailed", "DeliveryService order") in found
    assert ("Warning", "ImagePullFailed", "CronJob order-sweep") in found


def test_somebody_elses_cron_job_is_none_of_ours(scheduled: World) -> None:
    cron = scheduled.objects["CronJob", "order-sweep"]
    metadata = {**cron["metadata"], "name": "order-other", "uid": "uid-of-other"}
    scheduled.add({**cron, "metadata": {**metadata, "ownerReferences": []}})
    scheduled.add({**cron, "metadata": {**metadata, "name": "order-bare", "uid": "uid-of-bare", "labels": {}}})
    for name in ("order-other", "order-bare"):
        owned = pod(scheduled.objects["CronJob", name], name=f"{name}-1")["metadata"]
        failed = {"conditions": [{"type": "Failed", "status": "True"}]}
        job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": owned, "status": failed}
        scheduled.add({**job, "spec": cron["spec"]["jobTemplate"]["spec"]})
    assert problems(scheduled) == []
