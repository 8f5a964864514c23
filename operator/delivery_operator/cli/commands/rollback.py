"""`rollback`: back to an earlier release, and forward again."""

from typing import Annotated, Any, Final

import typer

from delivery_operator.api.release import Phase
from delivery_operator.cli.arguments import ServiceName
from delivery_operator.cli.exits import Declined, Exit, Missing, Wrong
from delivery_operator.cli.history import history
from delivery_operator.cli.session import Cluster, on_cluster
from delivery_operator.cli.terminal import console
from delivery_operator.cluster.resources import SERVICES
from delivery_operator.render import names

EXAMPLES = (
    "kubectl delivery rollback order",
    "kubectl delivery rollback order 7 && kubectl delivery wait order",
    "kubectl delivery rollback order --forward",
    "kubectl delivery rollback order 2 --force",
)

_WHAT_MAY_BREAK: Final = (
    "warning: the contract step of release {behind} has removed from the schema what only older releases need. Release "
    "{target} is one of these: its processes may fail, or write what newer ones cannot read, and no migration is run "
    "to put back what was removed. What serves now stays until all pods of the release that comes back are available."
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
    force: Annotated[
        bool, typer.Option("--force", help="Go back behind a contract step, whatever that breaks.")
    ] = False,
) -> int:
    """Go back to an earlier release: the operator makes a new release with its content, and no migration is run.

    It sets spec.release.rollbackTo, and serves that release until `--forward` takes it out again. Credentials are those
    of today. A release from before a contract step that has run is declined: with --force it says what may break, and
    lifts the operator's refusal for this release by the annotation delivery.dev/force-rollback.
    """
    if forward and (release is not None or force):
        raise Wrong("--forward goes to no earlier release", "leave out the number and --force, or --forward")
    body = await cluster.service(service)
    current = (body["spec"].get("release") or {}).get("rollbackTo")
    if forward and current is None:
        raise Declined(f"{service} is not rolled back", f"kubectl delivery rollback {service} goes back")
    releases = [] if forward else await history(cluster, body)
    target = None if forward else _target(releases, release, service)
    behind = _contracted_since(releases, target)
    if behind and not force:
        raise Declined(
            f"release {target} is from before the contract step of release {behind}, which has removed what it needs",
            f"name a release from {behind} on, or --force it and read what may break",
        )
    if behind:
        console(stderr=True).print(_WHAT_MAY_BREAK.format(target=target, behind=behind))
    lifted = names.release(service, target) if target and behind else None
    change = {
        "metadata": {"annotations": {names.FORCE_ROLLBACK: lifted}},
        "spec": {"release": {"rollbackTo": target}},
    }
    await cluster.api.merge(SERVICES, cluster.namespace, service, change)
    done = "goes forward to its spec" if forward else f"goes back to release {target}"
    console().print(f"{service} {done}; kubectl delivery wait {service} tells when it serves")
    return Exit.OK


def _contracted_since(releases: list[dict[str, Any]], target: int | None) -> int | None:
    """The newest release after the target whose contract step has begun."""
    begun = (int(each["number"]) for each in releases if each["contract"])
    return next((number for number in begun if target is not None and number > target), None)


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
