"""`restart`: new pods of the same release."""

from datetime import UTC, datetime
from typing import Final

from delivery_operator.cli.arguments import OptionalProcess, ServiceName
from delivery_operator.cli.exits import Exit, Missing
from delivery_operator.cli.session import Cluster, on_cluster
from delivery_operator.cli.terminal import console
from delivery_operator.cluster.resources import DEPLOYMENTS
from delivery_operator.render.names import PROCESS, SERVICE

EXAMPLES = ("kubectl delivery restart order", "kubectl delivery restart order relay")

RESTARTED: Final = "kubectl.kubernetes.io/restartedAt"
"""The annotation that `kubectl rollout restart` sets; the operator leaves it alone."""


@on_cluster
async def command(cluster: Cluster, service: ServiceName, process: OptionalProcess = None) -> int:
    """Restart the pods of a service or of one of its processes, a few at a time, as `kubectl rollout restart` does.

    No release is made. Requests are served meanwhile, unless the process is a singleton.
    """
    await cluster.service(service)
    selector = f"{SERVICE}={service}" + (f",{PROCESS}={process}" if process else "")
    found = (await cluster.api.list(DEPLOYMENTS, cluster.namespace, selector=selector)).items
    if not found:
        what = f"process {process} of {service}" if process else service
        raise Missing(f"there are no running pods of {what}", f"kubectl delivery ps {service} lists the processes")
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    patch = {"spec": {"template": {"metadata": {"annotations": {RESTARTED: now}}}}}
    for each in found:
        name = each["metadata"]["name"]
        await cluster.api.merge(DEPLOYMENTS, cluster.namespace, name, patch)
        console().print(f"{name} is restarted")
    return Exit.OK
