"""From the manifests that should be to the writes that make them so, touching only what is ours (invariant 7)."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from delivery_operator.engine import drift, managers
from delivery_operator.engine.drift import Drift, Left, Rules, Verdict
from delivery_operator.engine.objects import Key, Object, key, labels, name, owned_by, owner, uid
from delivery_operator.engine.overlay import least
from delivery_operator.engine.plan import Apply, Create, Delete, HandOver, Write
from delivery_operator.engine.scaled import SCALERS
from delivery_operator.render import names
from delivery_operator.render.manifests import Manifest

PRUNED: Final = (
    "HTTPRoute",
    "GRPCRoute",
    "Ingress",
    "ScaledObject",
    "HorizontalPodAutoscaler",
    "CronJob",
    "Deployment",
    "PodDisruptionBudget",
    "PodMonitor",
    "PrometheusRule",
    "Service",
    "NetworkPolicy",
    "ConfigMap",
    "ServiceAccount",
)
"""Kinds that are deleted when no manifest asks for them any more, in this order. Jobs go with their owner."""

_HPA: Final = "HorizontalPodAutoscaler"


@dataclass(frozen=True)
class Taken:
    """A name this service needs that belongs to something else.

    Attributes:
        key: kind and name of the object.
        leaving: whether its owner is a deleted namesake of the wanted one: then it is about to go by itself.
    """

    key: Key
    leaving: bool


def taken(wanted: Iterable[Manifest], live: Mapping[Key, Object]) -> Taken | None:
    """Find the first name among the wanted that another owner has."""
    for manifest in wanted:
        found = live.get(key(manifest))
        if found is not None and not _ours(manifest, found):
            return Taken(key(manifest), leaving=_of_namesake(manifest, found))
    return None


@dataclass(frozen=True)
class Line:
    """What brings the live objects in line.

    Attributes:
        writes: in the order of the manifests; none for what is in line.
        left: drift that stands for now.
        again: seconds after which to look again; None when events suffice.
    """

    writes: Sequence[Write]
    left: Sequence[Left] = ()
    again: float | None = None


def line(
    wanted: Sequence[Manifest], live: Mapping[Key, Object], rules: Rules, settled: frozenset[Key] = frozenset()
) -> Line:
    """Plan what brings the live objects in line.

    Args:
        wanted: the manifests, in the order in which they are applied.
        live: what there is.
        rules: how drift is judged.
        settled: what has been there before, so that somebody deleted it when it is not.
    """
    writes: list[Write] = [Delete(scaler) for scaler in _dismissed(wanted, live)]
    verdicts = []
    for manifest in wanted:
        child = key(manifest)
        found = live.get(child)
        if found is None:
            gone = Drift(child) if child in settled else None
            verdict = rules.judge(gone) if gone else Verdict(repair=True)
            if verdict.repair:
                writes.append(_made(manifest, wanted, gone))
        else:
            verdict, changed = _held_against(manifest, found, rules, wanted, live)
            writes += changed
        verdicts.append(verdict)
    left = [verdict.left for verdict in verdicts if verdict.left]
    return Line(writes, left, min((verdict.again for verdict in verdicts if verdict.again), default=None))


def _made(manifest: Manifest, wanted: Sequence[Manifest], gone: Drift | None) -> Write:
    # What never changes is created, at three quarters of the API server's cost of an apply.
    if manifest.get("immutable"):
        return Create(manifest, drift=gone)
    return Apply(_with_first_pods(manifest, wanted), uid=None, drift=gone)


def _held_against(
    manifest: Manifest, found: Object, rules: Rules, wanted: Sequence[Manifest], live: Mapping[Key, Object]
) -> tuple[Verdict, list[Write]]:
    """Judge a child that is there."""
    changed = drift.ours(manifest, found)
    if _stuck_without_pods(manifest, found, wanted):
        # Before its autoscaler is there nobody can have set it to 0 but the spec of before.
        changed |= _scaled_by(_HPA, manifest, wanted) and not _scaled_by(_HPA, manifest, live.values())
        manifest = _numbered(manifest, least(manifest, wanted))
    elif _to_be_handed_over(manifest, found):
        return Verdict(), [HandOver(found, found["spec"]["replicas"]), Apply(manifest, uid=uid(found))]
    if changed:
        return Verdict(), [Apply(manifest, uid=uid(found))]
    drifted = drift.of(manifest, found)
    if drifted is None:
        return rules.in_line(key(manifest)), []
    verdict = rules.judge(drifted)
    return verdict, [Apply(manifest, uid=uid(found), drift=drifted)] if verdict.repair else []


def _with_first_pods(manifest: Manifest, wanted: Sequence[Manifest]) -> Manifest:
    """Begin an autoscaled Deployment with the pods it has at least; the number is handed over with the next look."""
    if manifest["kind"] != "Deployment" or "replicas" in manifest["spec"]:
        return manifest
    first = least(manifest, wanted)
    if first == 1:
        return manifest  # which is the API server's own default
    return _numbered(manifest, first)


def _numbered(manifest: Manifest, replicas: int) -> Manifest:
    """Set the number of pods of an autoscaled Deployment, which is ours until it is handed over."""
    annotations = {name: value for name, value in manifest["metadata"]["annotations"].items() if name != names.REPLICAS}
    metadata = {**manifest["metadata"], "annotations": annotations}
    return {**manifest, "metadata": metadata, "spec": {**manifest["spec"], "replicas": replicas}}


def _stuck_without_pods(manifest: Manifest, found: Object, wanted: Sequence[Manifest]) -> bool:
    """Whether a Deployment has no pods, and would have none for ever: by an autoscaler that takes 0 for a wish.

    A HorizontalPodAutoscaler leaves such a process alone, and KEDA does not:
    https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/#implicit-maintenance-mode-deactivation.
    Without a usable environment no autoscaler is among the manifests: what is to be handed over then may get one.
    """
    if manifest["kind"] != "Deployment" or "replicas" in manifest["spec"] or found["spec"]["replicas"] != 0:
        return False
    if _scaled_by("ScaledObject", manifest, wanted):
        return False
    return _to_be_handed_over(manifest, found) or _scaled_by(_HPA, manifest, wanted)


def _scaled_by(kind: str, manifest: Manifest, objects: Iterable[Object]) -> bool:
    process = labels(manifest)[names.PROCESS]
    return any(each["kind"] == kind and labels(each).get(names.PROCESS) == process for each in objects)


def _to_be_handed_over(manifest: Manifest, found: Object) -> bool:
    """Whether the number of pods is still ours and from now on an autoscaler's."""
    if manifest["kind"] != "Deployment" or "replicas" in manifest["spec"]:
        return False
    return (found["metadata"].get("annotations") or {}).get(names.REPLICAS) != names.AUTOSCALED


def _dismissed(wanted: Sequence[Manifest], live: Mapping[Key, Object]) -> list[Object]:
    """Find the autoscalers of processes whose number of pods the manifests, or another autoscaler of them, set.

    They would undo each other's writes, and KEDA's webhook refuses a second autoscaler of a Deployment: it goes first.
    """
    keep = {key(manifest) for manifest in wanted}
    numbered = {
        labels(manifest)[names.PROCESS]: manifest
        for manifest in wanted
        if manifest["kind"] in SCALERS or (manifest["kind"] == "Deployment" and "replicas" in manifest["spec"])
    }
    return [
        found
        for place, found in sorted(live.items())
        if place[0] in SCALERS
        and place not in keep
        and labels(found).get(names.PROCESS) in numbered
        and _owned(numbered[labels(found)[names.PROCESS]], found)
        and not found["metadata"].get("deletionTimestamp")
    ]


def prune(
    wanted: Sequence[Manifest], live: Mapping[Key, Object], service: Object, left_alone: Callable[[Object], bool]
) -> list[Write]:
    """Plan the deletion of the service's own children that no manifest asks for, but for those to be left alone."""
    keep = {key(manifest) for manifest in wanted}
    dropped = [
        found
        for found in live.values()
        if found["kind"] in PRUNED
        and key(found) not in keep
        and owned_by(found, uid(service))
        and not found["metadata"].get("deletionTimestamp")
        and not left_alone(found)
    ]
    return [Delete(found) for found in sorted(dropped, key=lambda each: (PRUNED.index(each["kind"]), name(each)))]


def _ours(manifest: Manifest, found: Object) -> bool:
    return _owned(manifest, found) or _orphaned(manifest, found)


def _owned(manifest: Manifest, found: Object) -> bool:
    (wanted_owner,) = manifest["metadata"]["ownerReferences"]
    return owned_by(found, wanted_owner["uid"])


def _orphaned(manifest: Manifest, found: Object) -> bool:
    """Whether a child is ours, and somebody took its owner away: we wrote it, for this service, and nobody owns it.

    So are those that outlived a service of the same name (kubectl delete --cascade=orphan). A Job is never taken up
    again: what it did is recorded with its owner.
    """
    if owner(found) is not None or found["kind"] == "Job" or not managers.written_by_us(found):
        return False
    service = labels(manifest).get(names.SERVICE)
    return labels(found).get(names.SERVICE, service) == service


def _of_namesake(manifest: Manifest, found: Object) -> bool:
    (wanted_owner,) = manifest["metadata"]["ownerReferences"]
    controller = owner(found)
    return bool(controller and all(controller[each] == wanted_owner[each] for each in ("kind", "name")))
