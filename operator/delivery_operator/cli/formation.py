"""The formation as it is in the cluster: the processes of services, with their pods, autoscalers and schedules."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from delivery_operator.cli.durations import span
from delivery_operator.cli.session import Cluster
from delivery_operator.cli.terminal import Cell, worded
from delivery_operator.cli.times import age, next_run, parse
from delivery_operator.cluster.api import Body
from delivery_operator.cluster.resources import AUTOSCALERS, CRON_JOBS, DEPLOYMENTS, PODS
from delivery_operator.render.names import PROCESS, RELEASE, SERVICE

HEADER = ("SERVICE", "PROCESS", "READY", "UPDATED", "RESTARTS", "SCALING", "RELEASE", "IMAGE")
CRON_HEADER = ("SERVICE", "PROCESS", "SCHEDULE", "LAST", "NEXT", "RUNNING", "RELEASE", "IMAGE")


async def formation(cluster: Cluster, service: str | None, now: datetime) -> list[dict[str, Any]]:
    """Read the processes of one service, or of all of the namespace, ordered by service and process.

    Args:
        cluster: where.
        service: name of a DeliveryService; None for all.
        now: for the next run of scheduled processes.
    """
    selector = f"{SERVICE}={service}" if service else SERVICE
    listed = {
        resource.kind: (await cluster.api.list(resource, cluster.namespace, selector=selector)).items
        for resource in (DEPLOYMENTS, CRON_JOBS, AUTOSCALERS, PODS)
    }
    scalers = {each["spec"]["scaleTargetRef"]["name"]: each["spec"] for each in listed["HorizontalPodAutoscaler"]}
    restarts = _restarts(listed["Pod"])
    found = [_process(each, scalers, restarts) for each in listed["Deployment"]]
    found += [_scheduled(each, now) for each in listed["CronJob"]]
    return sorted(found, key=lambda each: (each["service"], each["process"]))


def rows(processes: Iterable[dict[str, Any]]) -> list[tuple[Cell, ...]]:
    """Write the processes that run all the time as rows under HEADER."""
    return [
        (
            each["service"],
            each["process"],
            _ready(each),
            str(each["updated"]),
            str(each["restarts"]),
            f"{scaling['min']}-{scaling['max']}" if (scaling := each["scaling"]) else "",
            f"r{each['release']}" if each["release"] else "",
            each["image"],
        )
        for each in processes
        if not each["schedule"]
    ]


def cron_rows(processes: Iterable[dict[str, Any]], now: datetime) -> list[tuple[Cell, ...]]:
    """Write the scheduled processes as rows under CRON_HEADER."""
    return [
        (
            each["service"],
            each["process"],
            each["schedule"] + (" (suspended)" if each["suspended"] else ""),
            f"{age(each['lastRun'], now)} ago" if each["lastRun"] else "never",
            f"in {span((parse(each['nextRun']) - now).total_seconds())}" if each["nextRun"] else "",
            str(each["running"]),
            f"r{each['release']}" if each["release"] else "",
            each["image"],
        )
        for each in processes
        if each["schedule"]
    ]


def _process(deployment: Body, scalers: dict[str, Body], restarts: dict[tuple[str, str], int]) -> dict[str, Any]:
    status = deployment.get("status") or {}
    scaler = scalers.get(deployment["metadata"]["name"])
    service, process = _whose(deployment)
    return {
        "service": service,
        "process": process,
        "wanted": deployment["spec"].get("replicas", 1),
        "ready": status.get("readyReplicas", 0),
        "updated": status.get("updatedReplicas", 0),
        "restarts": restarts[service, process],
        "scaling": {"min": scaler.get("minReplicas", 1), "max": scaler["maxReplicas"]} if scaler else None,
        "schedule": None,
        **_released(deployment, deployment["spec"]["template"]),
    }


def _scheduled(cron_job: Body, now: datetime) -> dict[str, Any]:
    spec, status = cron_job["spec"], cron_job.get("status") or {}
    service, process = _whose(cron_job)
    suspended = bool(spec.get("suspend"))
    due = None if suspended else next_run(spec["schedule"], spec.get("timeZone"), now)
    return {
        "service": service,
        "process": process,
        "schedule": spec["schedule"],
        "suspended": suspended,
        "lastRun": status.get("lastScheduleTime"),
        "nextRun": due.isoformat() if due else None,
        "running": len(status.get("active") or ()),
        **_released(cron_job, spec["jobTemplate"]["spec"]["template"]),
    }


def _released(workload: Body, template: Body) -> dict[str, Any]:
    labels = workload["metadata"]["labels"]
    number = labels.get(RELEASE)
    return {
        "release": int(number) if number else None,
        "image": template["spec"]["containers"][0]["image"],
    }


def _whose(workload: Body) -> tuple[str, str]:
    labels = workload["metadata"]["labels"]
    return labels[SERVICE], labels.get(PROCESS, "")


def _restarts(pods: Iterable[Body]) -> dict[tuple[str, str], int]:
    counts: dict[tuple[str, str], int] = defaultdict(int)
    for pod in pods:
        for container in (pod.get("status") or {}).get("containerStatuses") or ():
            counts[_whose(pod)] += container["restartCount"]
    return counts


def _ready(process: dict[str, Any]) -> Cell:
    text = worded("")
    text.append(f"{process['ready']}/{process['wanted']}", "" if process["ready"] >= process["wanted"] else "yellow")
    return text
