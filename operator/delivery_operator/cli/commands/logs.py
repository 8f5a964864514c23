"""`logs`: what the processes of a service say."""

import sys
from contextlib import aclosing
from typing import Annotated, Final

import typer
from rich.text import Text

from delivery_operator.cli.arguments import OptionalProcess, ServiceName
from delivery_operator.cli.durations import duration
from delivery_operator.cli.exits import Exit
from delivery_operator.cli.follow import Line, Logs
from delivery_operator.cli.logline import readable
from delivery_operator.cli.readers import heed
from delivery_operator.cli.session import Cluster, on_cluster
from delivery_operator.cli.terminal import console
from delivery_operator.render.names import PROCESS, RELEASE, SERVICE

EXAMPLES = (
    "kubectl delivery logs order",
    "kubectl delivery logs order web --follow --since 10m",
    "kubectl delivery logs order --release 7 --previous",
    "kubectl delivery logs order --trace 4bf92f3577b34da6a3ce929d0e0e4736",
    "kubectl delivery logs order --raw | jq -R 'fromjson? | select(.level == \"error\")'",
)

_PREFIX_COLOURS: Final = ("cyan", "magenta", "blue", "yellow", "green")


@on_cluster
async def command(  # noqa: PLR0913 its options
    cluster: Cluster,
    service: ServiceName,
    process: OptionalProcess = None,
    *,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on as new lines come, from new pods too.")] = False,
    since: Annotated[
        float | None,
        typer.Option("--since", parser=duration, metavar="DURATION", help="Only newer lines.", show_default=False),
    ] = None,
    tail: Annotated[
        int | None, typer.Option("--tail", min=0, help="Only the last lines of each pod.", show_default=False)
    ] = None,
    previous: Annotated[bool, typer.Option("--previous", help="Of the containers before the last restart.")] = False,
    release: Annotated[
        int | None, typer.Option("--release", help="Only pods of this release.", show_default=False)
    ] = None,
    trace: Annotated[
        str | None, typer.Option("--trace", help="Only lines with this trace or request id.", show_default=False)
    ] = None,
    raw: Annotated[bool, typer.Option("--raw", help="Print the lines as they are, without the pod.")] = False,
) -> int:
    """Print the logs of all pods of a service, migrations and tasks among them, or of one of its processes.

    Lines are merged in the order in which they arrive, each with its pod. JSON is made readable: time, level, message
    and the rest as key=value.
    """
    await cluster.service(service)
    chosen = {SERVICE: service, PROCESS: process, RELEASE: release}
    selector = ",".join(f"{label}={value}" for label, value in chosen.items() if value is not None)
    params = {
        "follow": "true" if follow else None,
        "previous": "true" if previous else None,
        "sinceSeconds": None if since is None else str(max(1, int(since))),
        "tailLines": None if tail is None else str(tail),
    }
    logs = Logs(cluster, selector, {name: value for name, value in params.items() if value is not None})
    printer = _Printer(raw=raw)
    async with aclosing(logs.lines(follow=follow)) as lines:
        async for line in lines:
            if line.error or trace is None or trace in line.text:
                printer.show(line)
    return Exit.OK


class _Printer:
    """Prints lines, each pod in a colour of its own."""

    def __init__(self, *, raw: bool) -> None:
        self._raw = raw
        self._console = console()
        self._errors = console(stderr=True)
        self._colours: dict[str, str] = {}

    def show(self, line: Line) -> None:
        if line.error:
            self._errors.print(f"note: {line.text}")
        elif self._raw:
            sys.stdout.write(f"{line.text}\n")
        else:
            colour = self._colours.setdefault(line.pod, _PREFIX_COLOURS[len(self._colours) % len(_PREFIX_COLOURS)])
            self._console.print(Text.assemble((f"{line.pod} ", colour)).append_text(readable(line.text)))
        heed()
