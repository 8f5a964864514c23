"""Builds the snapshot a decision is made from: the store's objects and what the references hold."""

from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from delivery_operator.api.release import KIND as RELEASE_KIND
from delivery_operator.api.service import KIND as SERVICE_KIND
from delivery_operator.api.service import DeliveryServiceSpec
from delivery_operator.cluster.referenced import Referenced, blanked
from delivery_operator.cluster.store import Body, ServiceKey, Store
from delivery_operator.engine import references
from delivery_operator.engine.snapshot import Reference, Snapshot
from delivery_operator.render.bundle import Bundle


async def observe(service: ServiceKey, store: Store, referenced: Referenced, bundle: Bundle) -> Snapshot | None:
    """Gather everything about one service; None when there is no such service.

    Raises:
        ApiError: a referenced object could not be read.
    """
    body = store.get(SERVICE_KIND, *service)
    if body is None:
        referenced.forget(service)
        return None
    found, sensitive = await referenced.resolve(service, _references(body))
    releases, children, pods = [], {}, []
    for obj in store.of_service(service):
        match obj["kind"]:
            case "DeliveryService":
                pass
            case kind if kind == RELEASE_KIND:
                releases.append(obj)
            case "Pod":
                pods.append(_without(obj, sensitive))
            case kind:
                children[kind, obj["metadata"]["name"]] = obj
    return Snapshot(
        now=datetime.now(UTC),
        service=body,  # as it was when its references were resolved; a newer one is on the queue already
        releases=releases,
        children=children,
        pods=pods,
        referenced=found,
        bundle=bundle,
    )


def _references(body: Body) -> set[Reference]:
    try:
        spec = DeliveryServiceSpec.model_validate(body["spec"])
    except ValidationError:
        return set()  # the engine reports it
    return {use.reference for use in references.uses(spec)}


def _without(pod: Body, sensitive: frozenset[str]) -> Body:
    """Blank secret values out of what the pod's containers said (invariant 8)."""
    statuses = (pod.get("status") or {}).get("containerStatuses")
    if not statuses or not sensitive:
        return pod
    cleaned = [{name: _clean(value, sensitive) for name, value in each.items()} for each in statuses]
    return {**pod, "status": {**pod["status"], "containerStatuses": cleaned}}


def _clean(value: Any, sensitive: frozenset[str]) -> Any:
    if isinstance(value, dict):
        return {
            name: blanked(each, sensitive) if name == "message" and isinstance(each, str) else _clean(each, sensitive)
            for name, each in value.items()
        }
    return value
