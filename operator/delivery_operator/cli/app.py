"""The command `kubectl delivery`: its table of commands, each imported when it is called."""

import importlib
from types import ModuleType
from typing import Any, Final

import typer
from typer.core import TyperGroup

COMMANDS: Final = {
    "init": "Write a DeliveryService, or a whole service from a template.",
    "validate": "Say all that admission would say, without a cluster.",
    "render": "Print what the operator would make of a file, without a cluster.",
    "compose": "Write a Compose file with the same processes and backing services.",
    "diff": "Show what a file would change in the cluster.",
    "ps": "List the processes of services: wanted, ready, image.",
    "releases": "List a service's releases and what became of them.",
    "describe": "Tell all about a service on one page, problems first.",
    "logs": "Print the logs of a service's processes.",
    "wait": "Wait until a service serves its newest spec.",
    "rollback": "Go back to an earlier release, or forward again.",
    "retry": "Try a failed release again.",
    "restart": "Restart the pods of a service.",
    "scale": "Change how many pods a process has.",
    "run": "Run a one-off process in the release that serves.",
    "doctor": "Check the cluster and the operator's installation.",
}
"""Name to summary. Each is `command` in the module delivery_operator.cli.commands.<name>, with its EXAMPLES, and its
CLASS where it parses its words in a way of its own."""


_OF_COMPLETION: Final = frozenset({"install_completion", "show_completion"})
_MARKUP: Final = None  # rich help would import rich for every command
_SETTINGS: Final = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


class LazyGroup(TyperGroup):
    """Knows its commands by name, and imports one when it is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names, in the order of the table."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Import a command; None for a name that is not one."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"delivery_operator.cli.commands.{cmd_name}")
        return _built(cmd_name, module)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the table of commands from their summaries, without importing them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _built(name: str, module: ModuleType) -> Any:
    single = typer.Typer(add_completion=False, rich_markup_mode=_MARKUP)
    # \\b keeps the lines of a paragraph as they are.
    epilog = "\b\nExamples:\n" + "\n".join(f"  {line}" for line in module.EXAMPLES)
    kind = getattr(module, "CLASS", None)
    decorate = single.command(name, cls=kind, short_help=COMMANDS[name], epilog=epilog, context_settings=_SETTINGS)
    decorate(module.command)
    return typer.main.get_command(single)


app = typer.Typer(
    name="kubectl-delivery",
    cls=LazyGroup,
    rich_markup_mode=_MARKUP,
    pretty_exceptions_enable=False,
    context_settings=_SETTINGS,
)


def program() -> Any:
    """Build the command that words are given to.

    Completion is kubectl's (`delivery_operator.cli.kubectl`): what typer would install takes the place of kubectl's
    own, since the program's name has two words.
    """
    command: Any = typer.main.get_command(app)
    command.params = [each for each in command.params if each.name not in _OF_COMPLETION]
    return command


@app.callback()
def _delivery() -> None:
    """Deliver twelve-factor services: write them, look at them, release them.

    Every command explains itself with --help. Commands that ask the cluster take the context and the namespace of
    kubectl, from KUBECONFIG or --kubeconfig, --context and --namespace.
    """
