"""A service's releases, as the command line shows them."""

from typing import Any

from delivery_operator.api import cause
from delivery_operator.api.release import Phase
from delivery_operator.cli.session import Cluster
from delivery_operator.cluster.api import Body
from delivery_operator.cluster.resources import RELEASES
from delivery_operator.render.names import SERVICE


async def history(cluster: Cluster, service: Body) -> list[dict[str, Any]]:
    """Read the releases of a service, the newest first."""
    selector = f"{SERVICE}={service['metadata']['name']}"
    listing = await cluster.api.list(RELEASES, cluster.namespace, selector=selector)
    serving = (service.get("status") or {}).get("activeRelease")
    own = [each for each in listing.items if each["spec"]["service"] == service["metadata"]["name"]]
    return sorted((entry(each, serving) for each in own), key=lambda each: int(each["number"]), reverse=True)


def entry(release: Body, serving: str | None) -> dict[str, Any]:
    """Pick of a release what tells people and programs what became of it."""
    spec, status = release["spec"], release.get("status") or {}
    return {
        "name": release["metadata"]["name"],
        "number": spec["number"],
        "serves": release["metadata"]["name"] == serving,
        "phase": status.get("phase", Phase.PENDING.value),
        "image": spec["image"],
        "revision": spec.get("revision"),
        "madeBecause": spec.get("reason"),
        "changes": spec.get("changes"),
        "changedBy": spec.get("changedBy"),
        "copyOf": spec.get("copyOf"),
        "migration": status.get("migration"),
        "contract": status.get("contract"),
        "reason": status.get("reason"),
        "message": status.get("message"),
        "createdAt": release["metadata"]["creationTimestamp"],
        "activeAt": status.get("activeAt"),
    }


def made(release: dict[str, Any]) -> str:
    """Say in a line why a release, as `entry` has it, was made."""
    sentence = cause.sentence(release)
    return ": ".join(filter(None, (release["madeBecause"], sentence)))
