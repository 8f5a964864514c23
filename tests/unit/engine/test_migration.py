"""Reading how a migration Job ended (F12-6)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from delivery_operator.engine import migration
from delivery_operator.engine.jobs import Running, Unclear
from delivery_operator.engine.migration import Ended
from delivery_operator.engine.objects import Object
from tests.unit.support import builders

NOW = datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)
END = "2026-03-01T12:00:25Z"


def job(*conditions: dict[str, Any], **status: Any) -> dict[str, Any]:
    metadata = {"name": "order-r1-migrate", "namespace": "shop", "uid": "uid-of-job"}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata,
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
    seen = migration.observe(job(is_true("Failed", reason="DeadlineExceeded")), [], NOW + timedelta(minutes=1))
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
