"""The cluster's own controllers, one small step at a time: between any two of them the operator may look, or not."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any, Final

from delivery_operator.engine.objects import condition_is
from delivery_operator.render import names
from tests.unit.support import builders
from tests.unit.support.world import World

_RUNS: Final = {"state": {"running": {"startedAt": "2026-03-01T12:00:00Z"}}}
_READY: Final = {**_RUNS, "ready": True}

Exits = Callable[[str], int]
"""Name of a Job to the code its pod ends with."""
Stuck = Callable[[str, int], bool]
"""Process and number of a release: whether its pods never become ready."""


def succeeds(_job: str) -> int:
    """Every Job ends well."""
    return 0


def ready(_process: str, _release: int) -> bool:
    """No pod stays unready."""
    return False


class Controllers:
    """Those of Jobs and Deployments, the scheduler and the kubelet."""

    def __init__(self, exits: Exits, stuck: Stuck) -> None:
        self._exits = exits
        self._stuck = stuck

    def step(self, world: World) -> str:
        """Make the first step there is to make; answers which, or with nothing when there is none."""
        for name, job in world.of_kind("Job").items():
            if not (job.get("status") or {}).get("conditions") and not job["spec"].get("suspend"):
                return self._job(world, name, job)
        for name, deployment in world.of_kind("Deployment").items():
            step = self._deployment(world, name, deployment)
            if step:
                return step
        return ""

    def _job(self, world: World, name: str, job: dict[str, Any]) -> str:
        pod = world.of_kind("Pod").get(f"{name}-x1")
        code = self._exits(name)
        if pod is None:
            world.add(_pod(job, f"{name}-x1", _RUNS))
            return f"the pod of Job {name} starts"
        if "running" in pod["status"]["containerStatuses"][0]["state"]:
            at = world.now.strftime("%Y-%m-%dT%H:%M:%SZ")
            end = {"exitCode": code, "message": '{"schemaHead": "0001"}', "finishedAt": at}
            world.add(_pod(job, f"{name}-x1", {"state": {"terminated": end}}))
            return f"the pod of Job {name} ends"
        world.end_job(name, code, '{"schemaHead": "0001"}')
        return f"Job {name} ends"

    def _deployment(self, world: World, name: str, deployment: dict[str, Any]) -> str:
        process = name.removeprefix("order-")
        template = deployment["spec"]["template"]["metadata"]["labels"]
        release = int(template[names.RELEASE])
        status = deployment.get("status") or {}
        replicas = deployment["spec"]["replicas"]
        pod = f"{name}-{release}-{template.get('pod-template-hash', 'x')}"
        if status.get("observedGeneration") != deployment["metadata"]["generation"]:
            if pod not in world.of_kind("Pod"):
                world.pods_do_not_come(process)
                world.add(_pod(deployment, pod, _RUNS))
                world.started[process, release] += 1
                return f"a pod of Deployment {name} starts"
            world.set_pods(process, replicas=replicas, updatedReplicas=replicas, availableReplicas=replicas)
            return f"Deployment {name} is told of"
        if status.get("availableReplicas") == status.get("updatedReplicas") == replicas == status.get("replicas"):
            return ""
        if self._stuck(process, release):
            overdue = not condition_is(deployment, "Progressing")
            world.pods_do_not_come(process, overdue=True)
            return "" if overdue else f"Deployment {name} is overdue"
        for old, body in world.of_kind("Pod").items():
            if body["metadata"]["ownerReferences"][0]["name"] == name and old != pod:
                world.delete("Pod", old)
        world.add(_pod(deployment, pod, _READY))
        world.set_pods(process, replicas=replicas, updatedReplicas=replicas, availableReplicas=replicas)
        return f"the pods of Deployment {name} are ready"


def _pod(owner: dict[str, Any], name: str, container: dict[str, Any]) -> dict[str, Any]:
    labels = deepcopy(owner["spec"]["template"]["metadata"]["labels"])
    return builders.pod(owner, name=name, labels=labels, container=container)
