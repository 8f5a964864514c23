"""The arguments of commands that ask the cluster, with what the shell completes them to."""

from typing import Annotated

import typer

from delivery_operator.cli.complete import process_names, service_names

ServiceName = Annotated[str, typer.Argument(help="Name of the DeliveryService.", autocompletion=service_names)]
AnyService = Annotated[
    str | None,
    typer.Argument(
        help="Name of the DeliveryService. Default: all of the namespace.",
        autocompletion=service_names,
        show_default=False,
    ),
]
OptionalProcess = Annotated[
    str | None,
    typer.Argument(help="Process type, such as web. Default: all.", autocompletion=process_names, show_default=False),
]
