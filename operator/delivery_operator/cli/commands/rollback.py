"""`rollback`: back to an earlier release, and forward again."""

from typing import Annotated, Any

import typer

from delivery_operator.api.release import Phase
from delivery_operator.cli.arguments import ServiceName
from delivery_operator.cli.exits import Declined, Exit, Missing, Wrong
from delivery_operator.cli.history import history
from delivery_operator.cli.session import Cluster, on_cluster
from delivery_operator.cli.terminal import console
from delivery_operator.cluster.resources import SERVICES

EXAMPLES = (
    "kubectl delivery rollback order",
    "kubectl delivery rollback order 7 && kubectl delivery wait order",
    "kubectl delivery rollback order --forward",
)


@on_cluster
async def command(
    cluster: Cluster,
    service: ServiceName,
    release: Annotated[
        int | None, typer.Argument(help="Number of a release. Default: the one that served before.", show_default=False)
    ] = None,
    *,
    forward: Annotated[bool, typer.Option("--forward", help="Release what the spec says again.")] = False,
) -> int:
    """Go back to an earlier release: the operator makes a new release with its content, and no migration is run.

    It sets spec.release.rollbackTo, and serves that release until `--forward` takes it out again. Credentials are those
    of today. A release from before a contract step that has run is refused; `wait` tells.
    """
    if forward and release is not None:
        raise Wrong("--forward goes to no earlier release", "leave out the number, or --forward")
    body = await cluster.service(service)
    current = (body["spec"].get("release") or {}).get("rollbackTo")
    if forward and current is None:
        raise Declined(f"{service} is not rolled back", f"kubectl delivery rollback {service} goes back")
    target = None if forward else _target(await history(cluster, body), release, service)
    await cluster.api.merge(SERVICES, cluster.namespace, service, {"spec": {"release": {"rollbackTo": target}}})
    done = "goes forward to its spec" if forward else f"goes back to release {target}"
    console().print(f"{service} {done}; kubectl delivery wait {service} tells when it serves")
    return Exit.OK


def _target(releases: list[dict[str, Any]], wanted: int | None, service: str) -> int:
    remedy = f"kubectl delivery releases {service} lists those there are"
    if wanted is not None:
        if all(each["number"] != wanted for each in releases):
            raise Missing(f"there is no release {wanted} of {service}", remedy)
        return wanted
    serving = next((each for each in releases if each["serves"]), None)
    # A rollback is a release of its own: back from it is before the one it is a copy of.
    now = (serving["copyOf"] or serving["number"]) if serving else 0
    served = (each for each in releases if each["activeAt"] and each["phase"] != Phase.FAILED and not each["copyOf"])
    found = next((each for each in served if each["number"] < now), None)
    if found is None:
        raise Declined(f"no release of {service} served before the one that serves now", remedy)
    return int(found["number"])
