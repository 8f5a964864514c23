"""Whether a release's processes run: every Deployment has all of its new pods available (invariant 4)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from delivery_operator.engine import pods
from delivery_operator.engine.objects import Key, Object, condition, labels, name
from delivery_operator.engine.overlay import least
from delivery_operator.engine.pods import Problem
from delivery_operator.render import names
from delivery_operator.render.manifests import Manifest


@dataclass(frozen=True)
class Health:
    """How the Deployments of a release stand.

    Attributes:
        waiting: processes that are not wholly available yet.
        overdue: processes whose Deployment went without progress past its deadline.
        problem: the most telling cause among the pods, if there is one.
        programs: of those that wait, the name of the container that runs the program.
    """

    waiting: tuple[str, ...]
    overdue: tuple[str, ...]
    problem: Problem | None
    programs: Mapping[str, str]

    @property
    def healthy(self) -> bool:
        """Whether every process is wholly available with the wanted pods."""
        return not self.waiting


def observe(
    wanted: Sequence[Manifest],
    live: Mapping[Key, Object],
    service_pods: Sequence[Object],
    release: int,
    *,
    settled: bool = False,
) -> Health:
    """Hold the Deployments among the wanted manifests against what lives.

    Args:
        wanted: what the release should have.
        live: what there is.
        service_pods: the service's pods, in which a cause is looked for.
        release: number of the release.
        settled: whether it serves already. Then a Deployment that its controller has not looked at since its last
            change is judged by what it was before: an autoscaler changes it all day, and Ready must not follow.
    """
    programs: dict[str, str] = {}
    overdue, problem = [], None
    for manifest in wanted:
        if manifest["kind"] != "Deployment":
            continue
        process = labels(manifest)[names.PROCESS]
        deployment = live.get(("Deployment", name(manifest)))
        if deployment is not None and _available(deployment, manifest, wanted, settled=settled):
            continue
        programs[process] = pods.program(manifest)
        if deployment is None:
            continue
        if _overdue(deployment):
            overdue.append(process)
        namespace = manifest["metadata"]["namespace"]
        problem = problem or pods.problem(
            pods.of_process(service_pods, process, release),
            f"process {process}",
            f"kubectl logs -n {namespace} deployment/{name(manifest)} --previous",
            programs[process],
        )
        problem = problem or _paused(deployment, process, namespace)
        problem = problem or _not_created(deployment, process)
    return Health(tuple(programs), tuple(overdue), problem, programs)


def _available(deployment: Object, manifest: Manifest, wanted: Sequence[Manifest], *, settled: bool) -> bool:
    status = deployment.get("status") or {}
    replicas = manifest["spec"].get("replicas")
    behind = status.get("observedGeneration", 0) < deployment["metadata"]["generation"]
    if behind and not (settled and replicas is None):
        return False
    if replicas is None:
        # With every change of load the autoscaler has pods started: they are not waited for, or the service would not
        # be Ready each time. New pods replace old ones only as they become available, so none is old when all serve.
        all_new = status.get("updatedReplicas", 0) == status.get("replicas", 0)
        return bool(all_new and status.get("availableReplicas", 0) >= least(manifest, wanted))
    # More pods than are wanted, by somebody whose change is left, serve as well; with fewer the service lacks some.
    replicas = max(replicas, deployment["spec"].get("replicas", replicas))
    return bool(
        status.get("updatedReplicas", 0) == replicas
        and status.get("availableReplicas", 0) == replicas
        and status.get("replicas", 0) == replicas
    )


def _overdue(deployment: Object) -> bool:
    status = deployment.get("status") or {}
    progressing = condition(deployment, "Progressing")
    return bool(
        progressing
        and progressing.get("reason") == "ProgressDeadlineExceeded"
        and status.get("observedGeneration", 0) >= deployment["metadata"]["generation"]
    )


def _paused(deployment: Object, process: str, namespace: str) -> Problem | None:
    """Report a rollout that somebody paused: its controller makes no new pods, and no deadline counts.

    Where all pods are of the newest template nothing is left to roll out, and those that go are replaced all the same.
    """
    status = deployment.get("status") or {}
    made = status.get("updatedReplicas", 0)
    done = made >= deployment["spec"].get("replicas", 1) and made == status.get("replicas", 0)
    if done or not deployment["spec"].get("paused"):
        return None
    resume = f"kubectl rollout resume -n {namespace} deployment/{name(deployment)}"
    return Problem("RolloutPaused", f"process {process} is not rolled out: its Deployment was paused; {resume}")


def _not_created(deployment: Object, process: str) -> Problem | None:
    """Report pods that the API server refuses, e.g. for a quota."""
    refused = condition(deployment, "ReplicaFailure")
    if refused is None or refused["status"] != "True":
        return None
    return Problem("PodsRefused", f"process {process} gets no pods: {refused.get('message', '')}")
