"""How many pods a process has, and who decides it (F8-2, F8-3, F0-5)."""

from dataclasses import dataclass
from typing import Any

from delivery_operator.api.process import Process
from delivery_operator.api.scaling import QueueLength, QueueType, Scaling
from delivery_operator.render.platform import KEDA, Platform


@dataclass(frozen=True)
class Autoscaler:
    """Who decides.

    Attributes:
        template: name of its template.
        data: what the template sees as `scaling`.
    """

    template: str
    data: dict[str, Any]


def autoscaler(process: Process, platform: Platform) -> Autoscaler | None:
    """Choose a process's autoscaler; None when it has none, or nothing in the cluster can measure what it names."""
    scaling = process.scaling
    if scaling is None:
        return None
    bounds = {"min": scaling.min, "max": scaling.max}
    if scaling.queue and KEDA in platform.served:
        return Autoscaler("scaledobject", {**bounds, "triggers": [_queue(scaling.queue), *_compute(scaling)]})
    metrics = {"cpu": scaling.cpu, "memory": scaling.memory}
    measured = [{"name": name, "utilization": percent} for name, percent in metrics.items() if percent is not None]
    return Autoscaler("horizontalpodautoscaler", {**bounds, "metrics": measured}) if measured else None


def replicas(process: Process, platform: Platform) -> int | None:
    """How many pods a Deployment is to have; None when an autoscaler decides."""
    if autoscaler(process, platform):
        return None
    return process.scaling.min if process.scaling else process.pods


def disruptible(process: Process, platform: Platform) -> bool:
    """Whether a node may take one pod at a time: there are, or may be, two (F9-11)."""
    most = process.scaling.max if process.scaling and autoscaler(process, platform) else replicas(process, platform)
    return process.schedule is None and most is not None and most > 1


def _compute(scaling: Scaling) -> list[dict[str, Any]]:
    """KEDA's triggers for what a HorizontalPodAutoscaler measures (https://keda.sh/docs/latest/scalers/cpu)."""
    return [
        {"type": name, "metricType": "Utilization", "metadata": {"value": str(percent)}}
        for name, percent in (("cpu", scaling.cpu), ("memory", scaling.memory))
        if percent is not None
    ]


def _queue(queue: QueueLength) -> dict[str, Any]:
    """KEDA's trigger for a queue; addresses and passwords are read from the process's own variables.

    https://keda.sh/docs/latest/scalers/
    """
    target = str(queue.target)
    if queue.type is QueueType.KAFKA:
        metadata: dict[str, str | None] = {
            "bootstrapServersFromEnv": queue.address_from,
            "consumerGroup": queue.consumer_group,
            "topic": queue.name,
            "lagThreshold": target,
        }
    elif queue.type is QueueType.RABBITMQ:
        metadata = {
            "hostFromEnv": queue.address_from,
            "queueName": queue.name,
            "mode": "QueueLength",
            "value": target,
        }
    else:
        metadata = {
            "addressFromEnv": queue.address_from,
            "passwordFromEnv": queue.password_from,
            "listName": queue.name,
            "listLength": target,
        }
    return {"type": queue.type.value, "metadata": metadata}
