"""Reading how a migration Job ended (F12-6)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from delivery_operator.engine import jobs, migration
from delivery_operator.engine.jobs import Running, Unclear
from delivery_operator.engine.migration import Ended
from delivery_operator.engine.objects import Object
from delivery_operator.engine.pods import Problem
from delivery_operator.render import names
from tests.unit.support import builders

NOW = datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)
END = "2026-03-01T12:00:25Z"


def job(*conditions: dict[str, Any], **status: Any) -> dict[str, Any]:
    metadata = {"name": "order-r1-migrate", "namespace": "shop", "uid": "uid-of-job"}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata,
        "spec": {
            "activeDeadlineSeconds": 600,
            "template": {"spec": {"containers": [{"name": "migrator"}]}},
        },
        "status": {"conditions": list(conditions), **status},
    }


def is_true(kind: str, **more: str) -> dict[str, Any]:
    return {"type": kind, "status": "True", "lastTransitionTime": END, **more}


def pod(owner: Object, code: int | None, message: str = "", at: str = END, name: str = "x1") -> dict[str, Any]:
    end = {"message": message, "finishedAt": at, **({"exitCode": code} if code is not None else {})}
    return builders.pod(owner, name=name, container={"state": {"terminated": end}})


COMPLETE = job(is_true("Complete"), startTime="2026-03-01T12:00:00Z", completionTime=END)
FAILED = job(is_true("Failed", reason="BackoffLimitExceeded"), startTime="2026-03-01T12:00:00Z")


@pytest.mark.parametrize(
    "running",
    [
        pytest.param({**job(), "status": None}, id="no status yet"),
        pytest.param(job({"type": "Suspended", "status": "True"}), id="another condition"),
        pytest.param(job({"type": "Failed", "status": "False"}), id="a condition that does not hold"),
    ],
)
def test_a_job_without_an_end_runs(running: dict[str, Any]) -> None:
    assert migration.observe(running, [], NOW) == Running()


@pytest.mark.parametrize("kind", ["Complete", "SuccessCriteriaMet"])
def test_a_job_that_succeeded(kind: str) -> None:
    done = job(is_true(kind), startTime="2026-03-01T12:00:00Z", completionTime=END)
    seen = migration.observe(done, [pod(done, 0)], NOW)
    assert isinstance(seen, Ended)
    assert seen.succeeded
    assert seen.cause == ""
    assert seen.record == {
        "job": "order-r1-migrate",
        "uid": "uid-of-job",
        "result": "Succeeded",
        "exitCode": 0,
        "durationSeconds": 25,
    }


def test_success_is_never_recorded_with_the_exit_code_of_an_attempt_that_failed() -> None:
    """The Job may be seen complete before the pod that completed it; the one before it failed."""
    early = pod(COMPLETE, 1, "lock timeout")
    assert migration.observe(COMPLETE, [early], NOW) == Unclear()
    later = migration.observe(COMPLETE, [early], NOW + timedelta(minutes=1))
    assert isinstance(later, Ended)
    assert later.succeeded
    assert "exitCode" not in later.record
    both = migration.observe(COMPLETE, [early, pod(COMPLETE, 0, '{"schemaHead": "0007"}', name="x2")], NOW)
    assert isinstance(both, Ended)
    assert (both.record["exitCode"], both.record["schemaHead"]) == (0, "0007")


def test_a_job_that_failed_says_how() -> None:
    seen = migration.observe(FAILED, [pod(FAILED, 3, "boom")], NOW)
    assert isinstance(seen, Ended)
    assert not seen.succeeded
    assert seen.record["result"] == "Failed"
    assert (seen.record["exitCode"], seen.record["output"]) == (3, "boom")
    assert seen.cause == "the migration failed with exit code 3; the end of its output: boom"


def test_of_several_attempts_the_last_one_counts() -> None:
    first = pod(FAILED, 1, "first", at="2026-03-01T12:00:05Z", name="x1")
    last = pod(FAILED, 2, "last", at="2026-03-01T12:00:20Z", name="x2")
    for order in ([first, last], [last, first]):
        seen = migration.observe(FAILED, order, NOW)
        assert isinstance(seen, Ended)
        assert seen.record["exitCode"] == 2


def test_a_pod_that_has_no_exit_code_gives_none() -> None:
    seen = migration.observe(FAILED, [pod(FAILED, None)], NOW)
    assert isinstance(seen, Ended)
    assert "exitCode" not in seen.record
    assert seen.cause == "the migration failed"


def test_pods_of_others_do_not_count() -> None:
    other = {**FAILED, "metadata": {**FAILED["metadata"], "uid": "uid-of-another"}}
    orphan = pod(FAILED, 9)
    del orphan["metadata"]["ownerReferences"]
    running = builders.pod(FAILED, container={"state": {"running": {}}})
    unscheduled = {**builders.pod(FAILED), "status": None}
    assert migration.observe(FAILED, [pod(other, 9), orphan, running, unscheduled], NOW) == Unclear()


def test_evidence_is_waited_for_only_so_long() -> None:
    assert migration.observe(FAILED, [], NOW) == Unclear()
    assert isinstance(migration.observe(FAILED, [], NOW + timedelta(seconds=6)), Ended)


def test_evidence_is_waited_for_from_the_first_sign_of_success() -> None:
    """SuccessCriteriaMet comes before Complete and has no completionTime beside it."""
    assert migration.observe(job(is_true("SuccessCriteriaMet")), [], NOW) == Unclear()


def test_a_job_without_times_is_not_waited_for() -> None:
    """Only a clock could end the waiting, and there is no time to count from."""
    seen = migration.observe(job({"type": "Failed", "status": "True"}), [], NOW)
    assert isinstance(seen, Ended)
    assert "durationSeconds" not in seen.record


def test_a_deadline_is_told_in_the_specs_words() -> None:
    seen = migration.observe(
        job(is_true("Failed", reason="DeadlineExceeded"), failed=1), [], NOW + timedelta(minutes=1)
    )
    assert isinstance(seen, Ended)
    assert seen.cause == "the migration took longer than spec.release.migrate.timeoutSeconds and was stopped"


def test_clocks_that_disagree_give_no_negative_duration() -> None:
    done = job(is_true("Complete"), startTime="2026-03-01T12:00:26Z", completionTime=END)
    seen = migration.observe(done, [pod(done, 0)], NOW)
    assert isinstance(seen, Ended)
    assert seen.record["durationSeconds"] == 0


@pytest.mark.parametrize(
    ("message", "head"),
    [
        pytest.param('{"schemaHead": "0007"}', "0007", id="the contract"),
        pytest.param('{"schemaHead": 7}', None, id="not a string"),
        pytest.param('["0007"]', None, id="not an object"),
        pytest.param("{}", None, id="nothing said"),
        pytest.param("applied 3 migrations", None, id="plain output"),
        pytest.param("", None, id="nothing"),
    ],
)
def test_the_schema_head_is_read_from_the_termination_message(message: str, head: str | None) -> None:
    seen = migration.observe(COMPLETE, [pod(COMPLETE, 0, message)], NOW)
    assert isinstance(seen, Ended)
    assert seen.record.get("schemaHead") == head


# What is put beside the migrator: a mesh's sidecar.

BEGAN = "2026-03-01T12:00:00Z"
PROXY = builders.status(name="istio-proxy", ready=True, state={"running": {}})


def beside(pod: dict[str, Any], container: dict[str, Any]) -> dict[str, Any]:
    pod["status"]["containerStatuses"].append(container)
    return pod


def proxy_ended(code: int, at: str = END) -> dict[str, Any]:
    return builders.status(name="istio-proxy", state={"terminated": {"exitCode": code, "finishedAt": at}})


def test_a_sidecars_end_is_not_taken_for_the_migrators() -> None:
    both = beside(pod(FAILED, 1, "no such column", at="2026-03-01T12:00:20Z"), proxy_ended(0))
    seen = migration.observe(FAILED, [both], NOW)
    assert isinstance(seen, Ended)
    assert (seen.record["exitCode"], seen.record["output"]) == (1, "no such column")
    assert seen.cause == "the migration failed with exit code 1; the end of its output: no such column"


def test_a_sidecars_end_does_not_hide_the_schema_head() -> None:
    both = beside(pod(COMPLETE, 0, '{"schemaHead": "0007"}', at="2026-03-01T12:00:20Z"), proxy_ended(0))
    seen = migration.observe(COMPLETE, [both], NOW)
    assert isinstance(seen, Ended)
    assert seen.record["schemaHead"] == "0007"


def test_a_failure_of_a_sidecar_is_told_as_such() -> None:
    both = beside(beside(pod(FAILED, 0), proxy_ended(2)), builders.status(name="good", state={"running": {}}))
    seen = migration.observe(FAILED, [both], NOW)
    assert isinstance(seen, Ended)
    assert seen.cause == (
        "the migration failed with exit code 0: what failed is container istio-proxy beside its program; see "
        "`kubectl logs -n shop job/order-r1-migrate -c istio-proxy`"
    )


@pytest.mark.parametrize(
    ("at", "told"),
    [
        pytest.param("2026-03-01T12:00:20Z", True, id="long before its deadline"),
        pytest.param("2026-03-01T12:10:01Z", False, id="it was stopped itself"),
        pytest.param("", False, id="nobody knows when"),
    ],
)
def test_a_sidecar_that_kept_a_job_until_its_deadline_is_told(at: str, *, told: bool) -> None:
    late = job(is_true("Failed", reason="DeadlineExceeded"), startTime=BEGAN)
    seen = migration.observe(late, [beside(pod(late, 0, at=at), proxy_ended(143))], NOW)
    assert isinstance(seen, Ended)
    assert ("container istio-proxy beside it ran on" in seen.cause) is told


def test_without_a_start_nobody_can_say_who_outlived_the_deadline() -> None:
    late = job(is_true("Failed", reason="DeadlineExceeded"))
    seen = migration.observe(late, [beside(pod(late, 0), proxy_ended(143))], NOW)
    assert isinstance(seen, Ended)
    assert "istio-proxy" not in seen.cause


def test_a_sidecar_that_outlives_the_program_is_told_once_it_has_had_its_time() -> None:
    """The Job's pod ends with its last container: a sidecar that does not end holds the Job until its deadline."""
    running = job(startTime=BEGAN)
    own = [beside(pod(running, 0), PROXY)]
    early = jobs.trouble(running, own, NOW, "the migration")
    assert early == jobs.Trouble(None, 25)
    late = jobs.trouble(running, own, NOW + timedelta(seconds=25), "the migration")
    assert late.problem is not None
    assert late.problem.reason == "SidecarRunsOn"
    assert late.problem.message == (
        "the program of the migration has ended with exit code 0, but container istio-proxy beside it runs on and "
        "keeps the pod from ending: have it injected as a native sidecar (an init container with restartPolicy "
        "Always), which ends with the program, or not into Jobs"
    )


def test_a_pod_that_is_going_is_held_by_nobody() -> None:
    running = job(startTime=BEGAN)
    going = beside(pod(running, 0), PROXY)
    going["metadata"]["deletionTimestamp"] = END
    alone = [going, pod(running, 0), beside(builders.pod(running, container={"state": {"running": {}}}), PROXY)]
    assert jobs.trouble(running, alone, NOW + timedelta(minutes=5), "the migration") == jobs.Trouble(None)


def test_a_migrator_without_its_image_has_not_started_whatever_runs_beside_it() -> None:
    waits = {"state": {"waiting": {"reason": "ErrImagePull"}}}
    held = {**job(), "spec": {**job()["spec"], "suspend": False}}
    assert migration.cannot_start(held, [beside(builders.pod(held, container=waits), PROXY)], NOW)
    runs = builders.status(name="istio-proxy", **waits)
    assert not migration.cannot_start(
        held, [beside(builders.pod(held, container={"state": {"running": {}}}), runs)], NOW
    )


def test_a_container_that_fails_before_the_migrator_starts_is_told() -> None:
    """With restartPolicy Never its failure is the pod's, and the migrator has no end of its own."""
    failed = builders.pod(FAILED, container={"state": {"waiting": {"reason": "PodInitializing"}}})
    ended = {"state": {"terminated": {"exitCode": 2, "finishedAt": END}}}
    failed["status"]["initContainerStatuses"] = [
        builders.status(name="copy", state={"terminated": {"exitCode": 0}}),
        builders.status(name="vault-agent-init", **ended),
    ]
    seen = migration.observe(FAILED, [failed], NOW + timedelta(minutes=1))
    assert isinstance(seen, Ended)
    assert seen.cause == (
        "the migration failed: container vault-agent-init (init) failed before its program; see `kubectl logs -n shop "
        "job/order-r1-migrate -c vault-agent-init`"
    )


INITIALIZING = {"state": {"waiting": {"reason": "PodInitializing"}}}


@pytest.mark.parametrize(
    ("before", "phase", "stuck"),
    [
        pytest.param(
            {"state": {"waiting": {"reason": "ImagePullBackOff"}}}, "Pending", True, id="its init has no image"
        ),
        pytest.param({"state": {"terminated": {"exitCode": 2}}}, "Failed", True, id="its init failed"),
        pytest.param({"state": {"running": {}}}, "Pending", False, id="its init runs, and the migrator may any moment"),
    ],
)
def test_what_waits_for_its_init_containers_has_not_started(before: dict[str, Any], phase: str, *, stuck: bool) -> None:
    held = {**job(), "spec": {**job()["spec"], "suspend": False}}
    waits = builders.pod(held, container=INITIALIZING)
    waits["status"] |= {"phase": phase, "initContainerStatuses": [builders.status(name="vault-agent-init", **before)]}
    assert migration.cannot_start(held, [waits], NOW) is stuck


# A Job whose pods nobody makes: only Events tell of it.

BEGUN = job(startTime=BEGAN, ready=0, uncountedTerminatedPods={})
TOLD = "kubectl describe job order-r1-migrate -n shop tells why"


def test_a_job_that_gets_no_pod_is_told_with_the_command_that_says_why() -> None:
    early = jobs.trouble(BEGUN, [], NOW - timedelta(seconds=20), "the migration")
    assert early == jobs.Trouble(None, 20)
    late = jobs.trouble(BEGUN, [], NOW, "the migration")
    assert late.problem == Problem("PodsRefused", f"the migration has no pod; {TOLD}")
    assert late.look_again_after is None


@pytest.mark.parametrize(
    "status",
    [
        pytest.param({}, id="its controller has not seen it"),
        pytest.param({"startTime": BEGAN, "active": 1}, id="its pod has not been seen yet"),
        pytest.param({"startTime": BEGAN, "failed": 1}, id="it had a pod, which is gone"),
        pytest.param({"startTime": BEGAN, "terminating": 1}, id="its pod is going"),
    ],
)
def test_a_job_that_is_not_known_to_lack_pods_runs(status: dict[str, Any]) -> None:
    assert jobs.trouble(job(**status), [], NOW + timedelta(minutes=5), "the migration") == jobs.Trouble(None)
    assert not migration.cannot_start(job(**status), [], NOW + timedelta(minutes=5))


def test_a_job_that_somebody_suspended_is_not_refused_its_pods() -> None:
    suspended = {**BEGUN, "spec": {**BEGUN["spec"], "suspend": True}}
    assert jobs.trouble(suspended, [], NOW, "the migration") == jobs.Trouble(None)


def test_a_deadline_that_passed_without_a_pod_says_so() -> None:
    late = job(is_true("Failed", reason="DeadlineExceeded"), startTime=BEGAN)
    seen = migration.observe(late, [], NOW + timedelta(minutes=1))
    assert isinstance(seen, Ended)
    assert seen.cause == (
        "the migration took longer than spec.release.migrate.timeoutSeconds and was stopped: it never had a pod; "
        f"{TOLD}"
    )


def test_a_migration_whose_pods_are_refused_gives_way() -> None:
    assert migration.cannot_start(BEGUN, [], NOW)
    assert not migration.cannot_start(BEGUN, [], NOW - timedelta(seconds=1))


@pytest.mark.parametrize(
    ("conditions", "node", "stuck"),
    [
        pytest.param([{"type": "PodScheduled", "status": "False"}], "", True, id="it fits on no node"),
        pytest.param([], "", False, id="the scheduler has not looked at it"),
        pytest.param([], builders.NODE, False, id="its node has not begun"),
    ],
)
def test_a_pod_without_a_node_has_not_started(conditions: list[dict[str, Any]], node: str, *, stuck: bool) -> None:
    waits = builders.pod(BEGUN, conditions=conditions)
    waits["spec"]["nodeName"] = node
    assert migration.cannot_start(BEGUN, [waits], NOW) is stuck


PROXY_FIRST = [{"name": "proxy"}, {"name": "migrator"}]


def of_own_template(containers: list[dict[str, Any]], role: str = "migrate") -> dict[str, Any]:
    """A Job whose template is a platform's own."""
    metadata = {"name": "order-r1-migrate", "namespace": "shop", "uid": "u", "labels": {names.ROLE: role}}
    spec = {"template": {"spec": {"containers": containers}}, "suspend": False}
    status = {"startTime": "2026-03-01T12:00:00Z"}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec, "status": status}


def with_statuses(job: dict[str, Any], **states: dict[str, Any]) -> dict[str, Any]:
    made = builders.pod(job, name="m", container={})
    said = [{"name": name, "image": "i", "restartCount": 0, **state} for name, state in states.items()]
    return {**made, "status": {**made["status"], "containerStatuses": said}}


RUNS: dict[str, Any] = {"state": {"running": {}}}
NOT_PULLED: dict[str, Any] = {"state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}}


@pytest.mark.parametrize("containers", [PROXY_FIRST, [{"name": "proxy"}, {"name": "anything"}]])
def test_a_migration_that_runs_is_not_taken_away_for_a_container_beside_it(containers: list[dict[str, Any]]) -> None:
    """Of a template of a platform's own; where no name says which is the program, none of them must have started."""
    job = of_own_template(containers)
    runs, waits = containers[1]["name"], {each["name"]: NOT_PULLED for each in containers}
    assert not migration.cannot_start(job, [with_statuses(job, proxy=NOT_PULLED, **{runs: RUNS})], NOW)
    assert migration.cannot_start(job, [with_statuses(job, **waits)], NOW)


@pytest.mark.parametrize(
    "status",
    [
        pytest.param({"ready": 1}, id="news of its pod are late"),
        pytest.param({"failed": 1}, id="an attempt ran, and its pod is gone"),
        pytest.param({"uncountedTerminatedPods": {"failed": ["u"]}}, id="its counts are late"),
        pytest.param({"succeeded": 1}, id="it is about to have ended"),
    ],
)
def test_what_the_job_itself_says_to_have_run_has_run(status: dict[str, Any]) -> None:
    job = of_own_template([{"name": "migrator"}])
    pod = with_statuses(job, migrator=NOT_PULLED)
    assert migration.cannot_start(job, [pod], NOW)
    job["status"] |= status
    assert not migration.cannot_start(job, [pod], NOW)
    assert not migration.cannot_start(job, [], NOW + timedelta(hours=1))
