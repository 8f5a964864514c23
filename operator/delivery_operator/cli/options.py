"""The arguments and options that several commands have in common."""

from pathlib import Path
from typing import Annotated

import typer

from delivery_operator.cli.durations import duration
from delivery_operator.cli.output import Format

Files = Annotated[
    list[str],
    typer.Argument(metavar="FILE...", help="Files or folders with Kubernetes objects; - is standard input."),
]
FileNamespace = Annotated[
    str | None,
    typer.Option(
        "-n", "--namespace", help="Namespace of objects that name none. Default: default.", show_default=False
    ),
]
EnvironmentFiles = Annotated[
    list[str] | None,
    typer.Option(
        "--environment-file",
        metavar="FILE",
        help="File with the DeliveryEnvironments that services name; may be given several times.",
        show_default=False,
    ),
]
ApiVersions = Annotated[
    list[str] | None,
    typer.Option(
        "--api-versions",
        metavar="GROUP/VERSION",
        help="An optional API that the cluster serves, such as keda.sh/v1alpha1; may be given several times.",
        show_default=False,
    ),
]
Templates = Annotated[
    Path | None,
    typer.Option(
        "--templates",
        exists=True,
        file_okay=False,
        help="Folder with templates of your own, such as deployment.yaml.j2; they replace the operator's.",
        show_default=False,
    ),
]
Output = Annotated[
    Format | None, typer.Option("-o", "--output", help="Print for programs.", show_default=False, case_sensitive=False)
]
Timeout = Annotated[
    float | None,
    typer.Option(
        "--timeout",
        parser=duration,
        metavar="DURATION",
        help="How long to wait, such as 90s or 1h30m. Default: 10m.",
        show_default=False,
    ),
]
