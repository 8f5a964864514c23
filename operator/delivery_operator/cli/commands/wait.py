"""`wait`: until a service is as it should be."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated, Final

import typer

from delivery_operator.api.reasons import FAILURES
from delivery_operator.api.release import Phase
from delivery_operator.api.status import ConditionStatus, ConditionType
from delivery_operator.cli import standing
from delivery_operator.cli.arguments import ServiceName
from delivery_operator.cli.durations import span
from delivery_operator.cli.exits import Exit, TimedOut, Wrong
from delivery_operator.cli.options import Timeout
from delivery_operator.cli.session import Cluster, on_cluster
from delivery_operator.cli.terminal import Progress, console
from delivery_operator.cluster.api import Body
from delivery_operator.render.names import RETRY

EXAMPLES = (
    "kubectl delivery wait order",
    "kubectl delivery wait order --timeout 15m",
    "kubectl delivery wait order --for MigrationSucceeded",
    "kubectl delivery wait order --for Ready=False",
)

TEN_MINUTES: Final = 600.0
_LOOK_SECONDS: Final = 0.5
_VALUES: Final = tuple(value.value for value in ConditionStatus)


@on_cluster
async def command(
    cluster: Cluster,
    service: ServiceName,
    condition: Annotated[
        str, typer.Option("--for", metavar="CONDITION[=VALUE]", help="What to wait for; the value is True by default.")
    ] = ConditionType.READY,
    limit: Timeout = None,
) -> int:
    """Wait until a service serves its newest spec, or until another condition holds for it.

    Tells meanwhile what the status says. Ends with 0 when the condition holds, with 1 and the cause as soon as the
    service is Stalled, which does not pass by itself, and with 7 when the time is up.
    """
    kind, value = _parsed(condition)
    seconds = TEN_MINUTES if limit is None else limit
    progress = Progress(console(stderr=True))
    with progress.shown():
        body = await cluster.service(service)
        deadline = datetime.now(UTC).timestamp() + seconds
        while not standing.holds(body, kind, value):
            if standing.holds(body, ConditionType.STALLED) and not (_failed(body) and _retried(body)):
                break
            progress(f"{service}: {standing.sentence(body)}")
            if datetime.now(UTC).timestamp() > deadline:
                said = standing.sentence(body)
                raise TimedOut(
                    f"{service} was not {condition} within {span(seconds)}: {said}",
                    f"kubectl delivery describe {service} tells more",
                )
            await asyncio.sleep(_LOOK_SECONDS)
            body = await cluster.service(service)
    if standing.holds(body, kind, value):
        console().print(f"{service}: {standing.sentence(body)}")
        return Exit.OK
    console(stderr=True).print(f"{service} is Stalled: {standing.sentence(body)}")
    return Exit.NO


def _failed(body: Body) -> bool:
    """Whether it is Stalled for the failure of its release, and not for what keeps another try from beginning."""
    return standing.condition(body, ConditionType.STALLED).get("reason") in FAILURES


def _retried(body: Body) -> bool:
    """Whether a failed release is to be tried again, and the operator has not begun: the status is that of before."""
    status, annotations = body.get("status") or {}, body["metadata"].get("annotations") or {}
    return status.get("phase") == Phase.FAILED and annotations.get(RETRY) == status.get("release")


def _parsed(text: str) -> tuple[str, str]:
    kind, _, value = text.partition("=")
    value = value or ConditionStatus.TRUE.value
    if value not in _VALUES:
        raise Wrong(f"--for {text} names no value", f"write CONDITION={' or CONDITION='.join(_VALUES)}")
    return kind, value
