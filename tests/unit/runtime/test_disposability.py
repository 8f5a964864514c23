"""What is counted and logged of how pods start and end (F9-1, F9-10)."""

from typing import Any

import pytest
import structlog

from delivery_operator.api.status import ShutdownResult
from delivery_operator.engine.endings import Ending
from delivery_operator.render import names
from delivery_operator.runtime.disposability import Tally
from delivery_operator.runtime.metrics import Metrics

POD: dict[str, Any] = {
    "kind": "Pod",
    "metadata": {"name": "order-web-x1", "namespace": "shop", "labels": {names.SERVICE: "order"}},
}


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(f"delivery_operator_{name}", {"namespace": "shop", **labels})


def test_a_start_is_measured(metrics: Metrics) -> None:
    Tally(metrics, counting=True).began(POD, 7.0)
    assert value(metrics, "pod_start_seconds_bucket", le="5.0") == 0
    assert value(metrics, "pod_start_seconds_bucket", le="10.0") == 1


@pytest.mark.parametrize(
    ("result", "label"),
    [
        (ShutdownResult.CLEAN, "clean"),
        (ShutdownResult.FAILED, "failed"),
        (ShutdownResult.KILLED, "killed"),
        (None, "unknown"),
    ],
)
def test_an_end_is_counted_by_its_result(metrics: Metrics, result: ShutdownResult | None, label: str) -> None:
    Tally(metrics, counting=True).ended(POD, Ending("web", 7, result, 0, 23, 4 if result else None))
    assert value(metrics, "pod_shutdowns_total", result=label) == 1
    assert value(metrics, "pod_shutdown_seconds_count") == (1 if result else None)


def test_one_that_stands_by_counts_nothing(metrics: Metrics) -> None:
    """The leader has counted the pod already."""
    idle = Tally(metrics)
    idle.began(POD, 7.0)
    idle.ended(POD, Ending("web", 7, ShutdownResult.KILLED, 137, 23, 24))
    assert value(metrics, "pod_start_seconds_count") is None
    assert value(metrics, "pod_shutdowns_total", result="killed") is None


def test_the_buckets_fit_every_grace(metrics: Metrics) -> None:
    Tally(metrics, counting=True).ended(POD, Ending("web", 7, ShutdownResult.KILLED, 137, 7200, 7200))
    assert value(metrics, "pod_shutdown_seconds_bucket", le="3600.0") == 0
    assert value(metrics, "pod_shutdown_seconds_bucket", le="7200.0") == 1


@pytest.mark.parametrize(
    ("pod", "service"), [(POD, "order"), ({**POD, "metadata": {**POD["metadata"], "labels": {}}}, None)]
)
def test_the_log_names_the_pod_that_was_killed(metrics: Metrics, pod: dict[str, Any], service: str | None) -> None:
    with structlog.testing.capture_logs() as lines:
        Tally(metrics, counting=True).ended(pod, Ending("web", 7, ShutdownResult.CLEAN, 0, 23, 4))
        Tally(metrics, counting=True).ended(pod, Ending("web", 7, ShutdownResult.KILLED, 137, 23, 24))
    assert lines == [
        {
            "event": "pod did not end well",
            "log_level": "warning",
            "namespace": "shop",
            "service": service,
            "process": "web",
            "release_number": 7,
            "pod": "order-web-x1",
            "result": "killed",
            "exit_code": 137,
            "seconds": 24,
            "grace_seconds": 23,
        }
    ]
