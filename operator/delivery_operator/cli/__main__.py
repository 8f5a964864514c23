"""Starts the command line: `kubectl delivery`, `kubectl-delivery` or `python -m delivery_operator.cli`."""

import gc
import os
import sys
from collections.abc import Sequence

import typer

from delivery_operator.cli.app import program
from delivery_operator.cli.exits import CliError, Exit
from delivery_operator.cli.readers import ReaderGone, patient


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: the words after the program's name; those of the process when None.

    Returns:
        The exit code, one of `delivery_operator.cli.exits.Exit`, or that of the process that `run` ran.
    """
    # Start-up is most of what a command without a cluster takes. Nothing it makes becomes garbage before it ends, and
    # no plugin of pydantic is wanted, for which it would search every installed package.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    gc.disable()
    try:
        with patient():
            return _ended(list(sys.argv[1:] if arguments is None else arguments) or ["--help"])
    finally:
        gc.enable()


def _ended(words: Sequence[str]) -> int:
    try:
        result = program().main(args=words, prog_name="kubectl delivery", standalone_mode=False)
    except CliError as error:
        return _fail(str(error), error.exit)
    except typer.Abort:
        return Exit.INTERRUPTED
    except typer.TyperException as error:
        return _misunderstood(error)
    except ReaderGone:
        return Exit.OK  # that is no error
    return int(result or 0)


def _misunderstood(error: typer.TyperException) -> int:
    context = getattr(error, "ctx", None)
    message = error.format_message()
    where = context.command_path if context else "kubectl delivery"
    return _fail(f"{message.rstrip('.')}; see {where} --help", Exit.USAGE)


def _fail(message: str, code: Exit) -> int:
    line = " ".join(message.split())
    sys.stderr.write(f"error: {line}\n")
    return code


if __name__ == "__main__":
    raise SystemExit(main())
