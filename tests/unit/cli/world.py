"""A namespace with a service in the middle of things, as the API server would have it."""

from datetime import UTC, datetime, timedelta
from typing import Any

from delivery_operator.cluster.resources import AUTOSCALERS, CRON_JOBS, DEPLOYMENTS, PODS, RELEASES, SERVICES, TASKS
from tests.unit.cli.apiserver import Object, Server

IMAGE = "registry.example.com/shop/order"


def ago(seconds: float) -> str:
    """A time this long ago; half a second more, so that no age is at the edge of the next."""
    return (datetime.now(UTC) - timedelta(seconds=seconds + 0.5)).strftime("%Y-%m-%dT%H:%M:%SZ")


def condition(kind: str, status: str, reason: str, message: str) -> Object:
    return {"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": ago(60)}


def service(**changes: Any) -> Object:
    failed = "release order-r2 failed: exit code 7: no such table: orders; release order-r1 serves"
    body: Object = {
        "apiVersion": "delivery.dev/v1alpha1",
        "kind": "DeliveryService",
        "metadata": {"name": "order", "namespace": "shop", "generation": 2},
        "spec": {
            "environment": "production",
            "codebase": {"repository": "https://git.example.com/shop/order", "revision": "v1.1.0"},
            "image": f"{IMAGE}:v1.1.0",
            "processes": {"web": {"command": ["order"]}, "sweep": {"command": ["sweep"], "schedule": "0 3 * * *"}},
            "backingServices": [
                {"name": "db", "type": "postgresql", "version": "15", "secret": "db", "env": {"DATABASE_URL": "url"}},
                {
                    "name": "cache",
                    "type": "redis",
                    "provisionedService": {"apiVersion": "x/v1", "kind": "Cache", "name": "main"},
                    "env": {"REDIS_ADDR": "addr"},
                },
            ],
            "tasks": {"seed": {"command": ["order", "seed"]}},
        },
        "status": {
            "observedGeneration": 2,
            "release": "order-r2",
            "phase": "Failed",
            "activeRelease": "order-r1",
            "image": f"{IMAGE}:v1.0.0",
            "problems": [
                {
                    "severity": "Error",
                    "reason": "MigrationFailed",
                    "object": {"kind": "DeliveryRelease", "name": "order-r2"},
                    "message": "the migration failed with exit code 7; the end of its output: no such table: orders",
                    "remedy": "read the output in the message, mend it, and `kubectl delivery retry order`",
                },
                {
                    "severity": "Warning",
                    "reason": "PodsUnavailable",
                    "object": {"kind": "DeliveryService", "name": "order"},
                    "message": "release order-r1 waits for pods of web",
                },
            ],
            "conditions": [
                condition("Ready", "False", "MigrationFailed", failed),
                condition("Reconciling", "False", "Idle", "nothing is under way"),
                condition("Stalled", "True", "MigrationFailed", failed),
                condition("ConfigReady", "True", "Resolved", "every referenced key is there"),
                condition("MigrationSucceeded", "False", "MigrationFailed", "the migration of release order-r2 failed"),
            ],
        },
    }
    return {**body, **changes}


def ready(**changes: Any) -> Object:
    body = service()
    del body["status"]["problems"]
    body["status"]["release"], body["status"]["phase"] = "order-r1", "Active"
    body["status"]["shutdown"] = [
        {"process": "sweep", "release": 1, "result": "Killed", "graceSeconds": 23, "exitCode": 137},
        {"process": "web", "release": 1, "result": "Clean", "graceSeconds": 65, "withinSeconds": 30},
        {"process": "work", "release": 1, "result": "Clean", "graceSeconds": 65},
    ]
    body["status"]["conditions"] = [
        condition("Ready", "True", "Serving", "release order-r1 serves"),
        condition("Stalled", "False", "NotStalled", "nothing is in the way"),
        condition("ConfigReady", "True", "Resolved", "every referenced key is there"),
    ]
    return {**body, **changes}


def release(number: int, phase: str, **status: Any) -> Object:
    return {
        "apiVersion": "delivery.dev/v1alpha1",
        "kind": "DeliveryRelease",
        "metadata": {
            "name": f"order-r{number}",
            "namespace": "shop",
            "creationTimestamp": ago(7200 / number),
            "labels": {"delivery.dev/service": "order"},
        },
        "spec": {
            "service": "order",
            "number": number,
            "image": f"{IMAGE}:v1.{number - 1}.0",
            "revision": f"v1.{number - 1}.0",
            **(
                {"reason": "SpecChanged", "changes": {"fields": ["spec"]}}
                if number == 1
                else {
                    "reason": "ImageChanged",
                    "changes": {"fields": ["spec.codebase.revision", "spec.image"]},
                    "changedBy": [
                        {
                            "manager": "kustomize-controller",
                            "operation": "Apply",
                            "time": ago(3600),
                            "fields": ["spec.codebase.revision", "spec.image"],
                        }
                    ],
                }
            ),
        },
        "status": {"phase": phase, **status},
    }


def labelled(kind: str, name: str, process: str, **fields: Any) -> Object:
    labels = {"delivery.dev/service": "order", "delivery.dev/process": process, "delivery.dev/release": "1"}
    metadata = {"name": name, "namespace": "shop", "labels": labels, "uid": name}
    return {"kind": kind, "metadata": metadata, **fields}


def pod(name: str, restarts: int, state: Object, *injected: str) -> Object:
    """A pod of web, whose own container has this state; of injected ones nothing is known yet."""
    containers = [{"name": each} for each in (*injected, "order")]
    report = {"name": "order", "restartCount": restarts, "state": state, "lastState": {}}
    return labelled("Pod", name, "web", spec={"containers": containers}, status={"containerStatuses": [report]})


def populate(server: Server, body: Object | None = None) -> None:
    """Put a service with all that goes with it onto the server."""
    server.put(SERVICES, body or service())
    failed = {"job": "order-r2-migrate", "uid": "u", "result": "Failed", "exitCode": 7}
    served = {"job": "order-r1-migrate", "uid": "u", "result": "Succeeded", "schemaHead": "0001"}
    server.put(RELEASES, release(1, "Active", migration=served, activeAt=ago(7000)))
    server.put(RELEASES, release(2, "Failed", migration=failed, reason="MigrationFailed", message="exit code 7"))
    template = {"spec": {"containers": [{"name": "order", "image": f"{IMAGE}:v1.0.0"}]}}
    server.put(
        DEPLOYMENTS,
        labelled(
            "Deployment",
            "order-web",
            "web",
            spec={"replicas": 3, "template": template},
            status={"readyReplicas": 2, "updatedReplicas": 3},
        ),
    )
    server.put(
        AUTOSCALERS,
        labelled(
            "HorizontalPodAutoscaler",
            "order-web",
            "web",
            spec={"scaleTargetRef": {"name": "order-web"}, "minReplicas": 2, "maxReplicas": 8},
        ),
    )
    server.put(
        CRON_JOBS,
        labelled(
            "CronJob",
            "order-sweep",
            "sweep",
            spec={"schedule": "0 3 * * *", "suspend": True, "jobTemplate": {"spec": {"template": template}}},
            status={"lastScheduleTime": ago(3600)},
        ),
    )
    for number, restarts in ((1, 0), (2, 5)):
        state = {"running": {}} if number == 1 else {"waiting": {"reason": "CrashLoopBackOff"}}
        server.put(PODS, pod(f"order-web-{number}", restarts, state))
    server.put(
        TASKS,
        {
            "kind": "DeliveryTask",
            "metadata": {"name": "order-seed-abcde", "namespace": "shop", "creationTimestamp": ago(5400)},
            "spec": {"service": "order", "task": "seed"},
            "status": {"phase": "Failed", "exitCode": 3, "reason": "TaskFailed", "message": "exit code 3"},
        },
    )
