"""How many pods there are and who decides it (F8-2, F8-3): today's spec, never a release."""

from typing import Any

import pytest

from delivery_operator.render import names
from delivery_operator.render.manifests import Manifest, render, scaling
from delivery_operator.render.platform import KEDA, Platform
from tests.unit.support import builders

QUEUE = {"type": "redis", "name": "jobs", "addressFrom": "REDIS_ADDR"}


def children(process: dict[str, Any], *served: str) -> dict[str, Manifest]:
    """What one process has, by kind."""
    spec = builders.parsed({"image": "order:v1", "processes": {"web": {"command": ["web"], **process}}})
    service = ("order", "shop", spec, builders.BUNDLE, Platform(served=frozenset(served)))
    return {each["kind"]: each for each in (*render(*service), *scaling(*service))}


def deciders(found: dict[str, Manifest]) -> set[str]:
    return found.keys() & {"HorizontalPodAutoscaler", "ScaledObject", "PodDisruptionBudget"}


@pytest.mark.parametrize(
    ("process", "served", "replicas", "expected"),
    [
        pytest.param({}, (), 1, set(), id="one pod"),
        pytest.param({"replicas": 0}, (), 0, set(), id="none"),
        pytest.param({"replicas": 2}, (), 2, {"PodDisruptionBudget"}, id="two"),
        pytest.param({"singleton": True}, (), 1, set(), id="a singleton"),
        pytest.param(
            {"scaling": {"min": 2, "max": 5, "cpu": 70}},
            (),
            None,
            {"HorizontalPodAutoscaler", "PodDisruptionBudget"},
            id="by cpu",
        ),
        pytest.param({"scaling": {"max": 1, "cpu": 70}}, (), None, {"HorizontalPodAutoscaler"}, id="one at most"),
        pytest.param(
            {"scaling": {"min": 1, "max": 5, "memory": 70}},
            (KEDA,),
            None,
            {"HorizontalPodAutoscaler", "PodDisruptionBudget"},
            id="KEDA is there and not needed",
        ),
        pytest.param(
            {"scaling": {"max": 5, "queue": QUEUE}},
            (KEDA,),
            None,
            {"ScaledObject", "PodDisruptionBudget"},
            id="by a queue",
        ),
        pytest.param(
            {"scaling": {"max": 5, "cpu": 70, "queue": QUEUE}},
            (),
            None,
            {"HorizontalPodAutoscaler", "PodDisruptionBudget"},
            id="by cpu, where nobody reads the queue",
        ),
        pytest.param(
            {"scaling": {"min": 3, "max": 5, "queue": QUEUE}},
            (),
            3,
            {"PodDisruptionBudget"},
            id="the least, where nobody reads the queue",
        ),
    ],
)
def test_who_decides(
    process: dict[str, Any], served: tuple[str, ...], replicas: int | None, expected: set[str]
) -> None:
    """Invariant 7: where an autoscaler decides, the Deployment says nothing of replicas."""
    found = children(process, *served)
    deployment = found["Deployment"]
    assert deciders(found) == expected
    assert deployment["spec"].get("replicas") == replicas
    marked = deployment["metadata"]["annotations"].get(names.REPLICAS)
    assert marked == (names.AUTOSCALED if replicas is None else None)
    assert names.REPLICAS not in deployment["spec"]["template"]["metadata"]["annotations"]
    for kind in deciders(found):
        assert found[kind]["metadata"]["name"] == "order-web"


def test_a_scheduled_process_has_neither_deployment_nor_budget() -> None:
    found = children({"schedule": "@daily"})
    assert found.keys() == {"ServiceAccount", "NetworkPolicy", "CronJob"}


def test_both_measures_decide_together() -> None:
    found = children({"scaling": {"min": 2, "max": 5, "cpu": 70, "memory": 80}})["HorizontalPodAutoscaler"]["spec"]
    assert found == {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "order-web"},
        "minReplicas": 2,
        "maxReplicas": 5,
        "metrics": [
            {
                "type": "Resource",
                "resource": {"name": name, "target": {"type": "Utilization", "averageUtilization": use}},
            }
            for name, use in (("cpu", 70), ("memory", 80))
        ],
    }


@pytest.mark.parametrize(
    ("queue", "metadata"),
    [
        pytest.param(
            {"type": "kafka", "name": "orders", "consumerGroup": "delivery", "addressFrom": "BROKERS"},
            {
                "bootstrapServersFromEnv": "BROKERS",
                "consumerGroup": "delivery",
                "topic": "orders",
                "lagThreshold": "100",
            },
            id="kafka",
        ),
        pytest.param(
            {"type": "rabbitmq", "name": "mails", "addressFrom": "AMQP_URL", "target": 20},
            {"hostFromEnv": "AMQP_URL", "queueName": "mails", "mode": "QueueLength", "value": "20"},
            id="rabbitmq",
        ),
        pytest.param(QUEUE, {"addressFromEnv": "REDIS_ADDR", "listName": "jobs", "listLength": "100"}, id="redis"),
        pytest.param(
            {**QUEUE, "passwordFrom": "REDIS_PASSWORD"},
            {
                "addressFromEnv": "REDIS_ADDR",
                "passwordFromEnv": "REDIS_PASSWORD",
                "listName": "jobs",
                "listLength": "100",
            },
            id="redis with a password",
        ),
    ],
)
def test_a_queue_is_a_trigger_beside_the_measures(queue: dict[str, Any], metadata: dict[str, str]) -> None:
    """Addresses and passwords are the process's own variables: no secret is copied (invariant 8)."""
    found = children({"scaling": {"min": 1, "max": 5, "memory": 80, "queue": queue}}, KEDA)["ScaledObject"]["spec"]
    assert found == {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "order-web"},
        "minReplicaCount": 1,
        "maxReplicaCount": 5,
        "triggers": [
            {"type": queue["type"], "metadata": metadata},
            {"type": "memory", "metricType": "Utilization", "metadata": {"value": "80"}},
        ],
    }
