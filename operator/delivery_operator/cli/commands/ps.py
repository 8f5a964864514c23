"""`ps`: the formation, process by process."""

from datetime import UTC, datetime

from delivery_operator.cli import rotation
from delivery_operator.cli.arguments import AnyService
from delivery_operator.cli.exits import Exit
from delivery_operator.cli.formation import CRON_HEADER, HEADER, cron_rows, formation, rows
from delivery_operator.cli.options import Output
from delivery_operator.cli.output import write
from delivery_operator.cli.session import Cluster, on_cluster
from delivery_operator.cli.terminal import console, table
from delivery_operator.cluster.resources import SERVICES

EXAMPLES = (
    "kubectl delivery ps",
    "kubectl delivery ps order -n shop",
    "kubectl delivery ps -o json | jq '.[] | select(.ready < .wanted)'",
)


@on_cluster
async def command(cluster: Cluster, service: AnyService = None, output: Output = None) -> int:
    """List the processes of a service, or of all services of the namespace.

    READY counts the pods that serve of those that are wanted, UPDATED those of the newest release, RESTARTS how often
    their containers were restarted; SCALING has the autoscaler's bounds. Scheduled processes have a table of their own,
    and so have rotated Secrets until the next release.
    """
    services = (
        [await cluster.service(service)] if service else (await cluster.api.list(SERVICES, cluster.namespace)).items
    )
    now = datetime.now(UTC)
    found = await formation(cluster, service, now)
    if output:
        write(found, output)
        return Exit.OK
    screen = console()
    running, scheduled = rows(found), cron_rows(found, now)
    if not found:
        console(stderr=True).print(f"no processes in namespace {cluster.namespace}")
    if running:
        table(screen, HEADER, running)
    if running and scheduled:
        screen.print()
    if scheduled:
        table(screen, CRON_HEADER, scheduled)
    rotations = rotation.rows(rotation.rotated(services))
    if rotations:
        screen.print()
        table(screen, rotation.HEADER, rotations)
    return Exit.OK
