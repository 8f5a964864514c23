"""`releases`: a service's history."""

from datetime import UTC, datetime
from typing import Any

from delivery_operator.cli.arguments import ServiceName
from delivery_operator.cli.exits import Exit
from delivery_operator.cli.history import history, made
from delivery_operator.cli.options import Output
from delivery_operator.cli.output import write
from delivery_operator.cli.session import Cluster, on_cluster
from delivery_operator.cli.terminal import console, table, worded
from delivery_operator.cli.times import age

EXAMPLES = (
    "kubectl delivery releases order",
    "kubectl delivery releases order -o json | jq -r '.[] | select(.serves) | .image'",
    "kubectl delivery releases order -o json | jq '.[0] | .changes, .changedBy'",
)


@on_cluster
async def command(cluster: Cluster, service: ServiceName, output: Output = None) -> int:
    """List a service's releases, the newest first: why each was made and by whom, its phase, and why one failed."""
    body = await cluster.service(service)
    found = await history(cluster, body)
    if output:
        write(found, output)
        return Exit.OK
    now = datetime.now(UTC)
    header = ("RELEASE", "SERVES", "PHASE", "MIGRATION", "SCHEMA", "IMAGE", "AGE", "REASON", "MADE")
    table(console(), header, [_row(each, now) for each in found])
    return Exit.OK


def _row(release: dict[str, Any], now: datetime) -> tuple[Any, ...]:
    migration = release["migration"] or {}
    return (
        str(release["number"]),
        "yes" if release["serves"] else "",
        worded(release["phase"]),
        worded(migration.get("result") or ""),
        migration.get("schemaHead") or "",
        release["image"],
        age(release["createdAt"], now),
        release["reason"] or "",
        made(release),
    )
