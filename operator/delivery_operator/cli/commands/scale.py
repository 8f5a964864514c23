"""`scale`: how many pods a process has."""

import re
from typing import Annotated, Any, Final

import typer

from delivery_operator.cli.arguments import ServiceName
from delivery_operator.cli.complete import process_assignments
from delivery_operator.cli.exits import Declined, Exit, Missing, Wrong
from delivery_operator.cli.session import Cluster, on_cluster
from delivery_operator.cli.terminal import console
from delivery_operator.cluster.api import Body
from delivery_operator.cluster.resources import SERVICES

EXAMPLES = (
    "kubectl delivery scale order web=5 relay=2",
    "kubectl delivery scale order web=3-20",
    "kubectl delivery scale order relay=0",
)

_ASSIGNMENT: Final = re.compile(r"([a-z][-a-z0-9]*)=(\d+)(?:-(\d+))?")


@on_cluster
async def command(
    cluster: Cluster,
    service: ServiceName,
    amounts: Annotated[
        list[str],
        typer.Argument(
            metavar="PROCESS=PODS|PROCESS=MIN-MAX...",
            help="A number of pods, or the bounds of a process that is scaled by load.",
            autocompletion=process_assignments,
        ),
    ],
) -> int:
    """Change how many pods processes have, at once: no release is made.

    It changes the DeliveryService. Where that comes from Git, change it there too, or it is set back.
    """
    body = await cluster.service(service)
    changes = dict(_change(body, each) for each in amounts)
    await cluster.api.merge(SERVICES, cluster.namespace, service, {"spec": {"processes": changes}})
    console().print(f"{service} is scaled: {' '.join(amounts)}")
    return Exit.OK


def _change(body: Body, text: str) -> tuple[str, dict[str, Any]]:
    match = _ASSIGNMENT.fullmatch(text)
    if match is None:
        raise Wrong(f"{text} names no process and number", "write web=5, or web=3-20 for one that is scaled by load")
    name, service = match[1], body["metadata"]["name"]
    process = body["spec"]["processes"].get(name)
    if process is None:
        there = ", ".join(sorted(body["spec"]["processes"]))
        raise Missing(f"{service} has no process {name}", f"there are {there}")
    if process.get("schedule"):
        raise Declined(f"process {name} is scheduled and has no number of pods", "change its schedule instead")
    if match[3] is None:
        if process.get("scaling"):
            raise Declined(f"process {name} is scaled by load", f"give its bounds: {name}=MIN-MAX")
        return name, {"replicas": int(match[2])}
    if not process.get("scaling"):
        raise Declined(
            f"process {name} is not scaled by load", f"give a number: {name}={match[2]}, or add scaling to it"
        )
    return name, {"scaling": {"min": int(match[2]), "max": int(match[3])}}
