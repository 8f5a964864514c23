"""`retry`: a failed release once more."""

from delivery_operator.api.release import Phase
from delivery_operator.cli.arguments import ServiceName
from delivery_operator.cli.exits import Declined, Exit
from delivery_operator.cli.session import Cluster, on_cluster
from delivery_operator.cli.terminal import console
from delivery_operator.cluster.resources import SERVICES
from delivery_operator.render.names import RETRY

EXAMPLES = ("kubectl delivery retry order", "kubectl delivery retry order && kubectl delivery wait order")


@on_cluster
async def command(cluster: Cluster, service: ServiceName) -> int:
    """Try a failed release again: the operator makes a new release with the same content, and migrates again.

    It names the failed release in the annotation delivery.dev/retry, so it is done once.
    """
    body = await cluster.service(service)
    status = body.get("status") or {}
    newest, phase = status.get("release"), status.get("phase")
    if newest is None or phase != Phase.FAILED:
        stands = f"its newest release {newest} is {phase}" if newest else "it has no release yet"
        raise Declined(
            f"there is nothing to retry: {stands}", f"kubectl delivery describe {service} tells how it stands"
        )
    await cluster.api.merge(SERVICES, cluster.namespace, service, {"metadata": {"annotations": {RETRY: newest}}})
    console().print(f"{newest} is tried again; kubectl delivery wait {service} tells when it serves")
    return Exit.OK
