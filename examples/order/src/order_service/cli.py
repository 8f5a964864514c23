"""The command line: one program, one subcommand per process type.

Every process of a release runs from the same image with the same environment; only the subcommand differs.
"""

import argparse
import asyncio
import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

import stamina.instrumentation
from sqlalchemy.exc import DBAPIError

from order_service import logs
from order_service.errors import CommandError
from order_service.settings import Settings
from order_service.storage.database import describe, log_retry

_TERMINATED = 128 + signal.SIGTERM


# Each process imports its own part only: `web` starts a third faster without the migrations' libraries.
def _web(settings: Settings) -> None:
    from order_service import web  # noqa: PLC0415

    asyncio.run(web.run(settings))


def _migrate(settings: Settings) -> None:
    from order_service import migrate  # noqa: PLC0415

    signal.signal(signal.SIGTERM, _terminate)
    migrate.run(settings)


def _seed(settings: Settings) -> None:
    from order_service import seed  # noqa: PLC0415

    signal.signal(signal.SIGTERM, _terminate)
    asyncio.run(seed.run(settings))


_COMMANDS: dict[str, tuple[Callable[[Settings], None], str]] = {
    "web": (_web, "answer gRPC calls"),
    "migrate": (_migrate, "bring the database's schema to this release"),
    "seed": (_seed, "create the initial orders"),
}


def main() -> None:
    """Run the subcommand named on the command line; exit code 1 and one line on stderr when it fails."""
    parser = _Parser(prog="order", description="Creates and tracks orders. Configured by environment variables only.")
    subcommands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, (_, purpose) in _COMMANDS.items():
        subcommands.add_parser(name, help=purpose, description=purpose)
    run = _COMMANDS[parser.parse_args().command][0]

    secrets: tuple[str, ...] = ()
    try:
        settings = Settings.load()
        secrets = settings.secrets
        logs.configure(settings.log_level, secrets)
        stamina.instrumentation.set_on_retry_hooks([log_retry])
        run(settings)
    except CommandError as error:
        _fail(logs.mask(str(error), secrets))
    except DBAPIError as error:
        _fail(logs.mask(f"the database refused: {describe(error)}", secrets))


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        _fail(f"{message}; see `order --help`")


def _fail(message: str) -> NoReturn:
    sys.stdout.flush()
    sys.stderr.write(f"order: {message}\n")
    sys.exit(1)


def _terminate(_signal: int, _frame: FrameType | None) -> None:
    # As PID 1 of a container the process has no default handler: without this a stopped Job would wait to be killed.
    sys.exit(_TERMINATED)
