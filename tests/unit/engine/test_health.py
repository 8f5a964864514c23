"""Whether a release's Deployments have all of their pods (invariant 4)."""

from typing import Any

import pytest

from delivery_operator.engine import health
from delivery_operator.engine.objects import key
from delivery_operator.render import names
from delivery_operator.render.manifests import Manifest
from tests.unit.support import builders

TEMPLATE = {"spec": {"containers": [{"name": "order"}]}}
WANTED: Manifest = {
    "kind": "Deployment",
    "metadata": {"name": "order-web", "namespace": "shop", "labels": {names.PROCESS: "web"}},
    "spec": {"replicas": 2, "template": TEMPLATE},
}
FULL = {"observedGeneration": 3, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2}


def live(status: dict[str, Any] | None) -> dict[str, Any]:
    return {**WANTED, "metadata": {**WANTED["metadata"], "generation": 3}, "status": status}


@pytest.mark.parametrize(
    ("status", "healthy"),
    [
        pytest.param(FULL, True, id="all pods are new and available"),
        pytest.param(None, False, id="no status yet"),
        pytest.param({**FULL, "observedGeneration": 2}, False, id="a status of an older generation"),
        pytest.param({**FULL, "updatedReplicas": 1}, False, id="an old pod counts for the number"),
        pytest.param({**FULL, "availableReplicas": 1}, False, id="a pod is not ready"),
        pytest.param({**FULL, "replicas": 3}, False, id="an old pod is still there"),
    ],
)
def test_health_is_exact(status: dict[str, Any] | None, *, healthy: bool) -> None:
    seen = health.observe([WANTED], {key(WANTED): live(status)}, [], 1)
    assert seen.healthy is healthy
    assert seen.waiting == (() if healthy else ("web",))


@pytest.mark.parametrize(("settled", "healthy"), [(True, True), (False, False)])
def test_an_autoscalers_change_is_not_waited_for_once_a_release_serves(*, settled: bool, healthy: bool) -> None:
    """Invariant 11: the controller is a moment behind with every change, and Ready must not flap with it."""
    scaled = {**WANTED, "spec": {"template": TEMPLATE}}
    behind = {key(WANTED): live({**FULL, "observedGeneration": 2})}
    assert health.observe([scaled], behind, [], 1, settled=settled).healthy is healthy
    assert not health.observe([WANTED], behind, [], 1, settled=settled).healthy, "a number is ours, and waited for"


def test_a_rollout_that_somebody_paused_is_told_with_what_resumes_it() -> None:
    """Invariant 11: its controller makes no pods, and says nothing of a deadline."""
    found = live({**FULL, "updatedReplicas": 0})
    found["spec"] = {**found["spec"], "paused": True}
    problem = health.observe([WANTED], {key(WANTED): found}, [], 1).problem
    assert problem is not None
    assert problem.reason == "RolloutPaused"
    assert "kubectl rollout resume -n shop deployment/order-web" in problem.message


CRASHED = {"restartCount": 3, "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}}


@pytest.mark.parametrize(
    ("updated", "crash", "reason"),
    [
        pytest.param(2, True, "CrashLoop", id="nothing is left to roll out: to resume it would mend nothing"),
        pytest.param(1, True, "CrashLoop", id="it was paused midway, and what came does not run"),
        pytest.param(2, False, None, id="a pod that is not ready yet"),
        pytest.param(1, False, "RolloutPaused", id="midway"),
        pytest.param(3, False, "RolloutPaused", id="all are made, and an old one is still there"),
    ],
)
def test_of_a_paused_rollout_the_true_cause_is_told(updated: int, *, crash: bool, reason: str | None) -> None:
    all_there = max(2, updated)
    found = live({**FULL, "replicas": all_there, "updatedReplicas": min(2, updated), "availableReplicas": 1})
    found["spec"] = {**found["spec"], "paused": True}
    labels = builders.process_labels("web", 1)
    pods = [builders.pod(builders.service({}), labels=labels, container=CRASHED)] if crash else []
    problem = health.observe([WANTED], {key(WANTED): found}, pods, 1).problem
    assert (problem and problem.reason) == reason


def test_a_deployment_that_is_not_there_is_waited_for() -> None:
    assert health.observe([WANTED], {}, [], 1).waiting == ("web",)


def test_a_process_of_no_pods_is_healthy_without_any() -> None:
    wanted = {**WANTED, "spec": {"replicas": 0, "template": TEMPLATE}}
    scaled = {**live({"observedGeneration": 3}), "spec": {"replicas": 0}}
    assert health.observe([wanted], {key(WANTED): scaled}, [], 1).healthy


@pytest.mark.parametrize(
    ("condition", "generation", "overdue"),
    [
        pytest.param({"type": "Progressing", "reason": "ProgressDeadlineExceeded"}, 3, True, id="past its deadline"),
        pytest.param({"type": "Progressing", "reason": "ReplicaSetUpdated"}, 3, False, id="in progress"),
        pytest.param({"type": "Progressing", "reason": "ProgressDeadlineExceeded"}, 2, False, id="an older rollout"),
    ],
)
def test_the_deadline(condition: dict[str, Any], generation: int, *, overdue: bool) -> None:
    status = {"observedGeneration": generation, "conditions": [{**condition, "status": "False"}]}
    seen = health.observe([WANTED], {key(WANTED): live(status)}, [], 1)
    assert seen.overdue == (("web",) if overdue else ())


def test_other_kinds_have_no_health() -> None:
    assert health.observe([{**WANTED, "kind": "Service"}], {}, [], 1).healthy


def test_refused_pods_count_while_they_are_refused() -> None:
    refused = {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota"}
    for status, problem in (("True", "PodsRefused"), ("False", None)):
        conditions = [{**refused, "status": status}]
        seen = health.observe([WANTED], {key(WANTED): live({"conditions": conditions})}, [], 1)
        assert (seen.problem.reason if seen.problem else None) == problem
