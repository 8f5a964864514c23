"""The command line of a service: one program, one subcommand per process type (F12-3).

Every process of a release runs from the same image with the same environment; only the subcommand differs.
"""

import asyncio
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module, metadata
from types import FrameType
from typing import Any, NoReturn

import structlog
import typer

from chassis import logs, reports, retries, tracing
from chassis.errors import CommandError
from chassis.settings import ServiceSettings

log = structlog.get_logger(__name__)

_MISUNDERSTOOD = 2
_TERMINATED = 128 + signal.SIGTERM


@dataclass(frozen=True)
class Command:
    """One subcommand.

    Attributes:
        runs: `module:function`; the function takes the settings. It is imported when it is needed: `web` starts a third
            faster without the migrations' libraries.
        purpose: what it does, for the help.
        settings: what it reads besides what every process of the service does; a class derived from the program's.
    """

    runs: str
    purpose: str
    settings: type[ServiceSettings] | None = None


@dataclass(frozen=True)
class Program:
    """A service as a program; calling it runs the subcommand that the command line names.

    A failure ends it with exit code 1 and one line on stderr, in which no secret is; a command line that says nothing
    known, with exit code 1 and where to look.

    Attributes:
        name: of the program, such as `order`.
        service: its name in logs, traces and metrics, such as `order_service`; also that of its distribution.
        purpose: what the service does, for the help.
        settings: what it reads from the environment.
        commands: by name.
        known: errors of libraries that may end a process, with what to print of them.
    """

    name: str
    service: str
    purpose: str
    settings: type[ServiceSettings]
    commands: dict[str, Command]
    known: dict[type[Exception], Callable[[Any], str]] = field(default_factory=dict)

    def __call__(self) -> None:
        """Run."""
        app = typer.Typer(
            help=f"{self.purpose}. Configured by environment variables only.",
            add_completion=False,
            rich_markup_mode=None,
            pretty_exceptions_enable=False,
        )
        app.callback()(lambda: None)
        for name, command in self.commands.items():
            app.command(name, help=command.purpose)(self._runner(command))
        try:
            app(prog_name=self.name)
        except SystemExit as ended:  # 2 by typer's own rule when it does not understand
            raise SystemExit(1 if ended.code == _MISUNDERSTOOD else ended.code) from None

    def _runner(self, command: Command) -> Callable[[], None]:
        return lambda: self._run(command)

    def _run(self, command: Command) -> None:
        secrets: tuple[str, ...] = ()
        try:
            settings = (command.settings or self.settings).load()
            secrets = settings.secrets
            self._prepare(settings)
            module, _, function = command.runs.partition(":")
            result = getattr(import_module(module), function)(settings)
            if asyncio.iscoroutine(result):
                asyncio.run(result, debug=settings.debug_mode)
        except CommandError as error:
            self._fail(logs.mask(str(error), secrets))
        except tuple(self.known) as error:
            say = next(say for kind, say in self.known.items() if isinstance(error, kind))
            self._fail(logs.mask(say(error), secrets))
        except Exception as error:
            log.exception("process failed", error=str(error))
            reports.report(error)
            line = " ".join(f"{type(error).__name__}: {error}".split())
            self._fail(logs.mask(f"an error of the program, whose trace is in the log: {line}", secrets))
        finally:
            reports.flush()
            tracing.flush()

    def _prepare(self, settings: ServiceSettings) -> None:
        version = metadata.version(self.service.replace("_", "-"))
        logs.configure(settings.log_level, settings.secrets)
        for variable, lost in settings.missing.items():
            log.warning("a variable is not set", variable=variable, without_it=lost)
        retries.quiet()
        protocol = settings.otel_exporter_otlp_protocol
        tracing.configure(self.service, version, settings.traces_endpoint, protocol)
        reports.configure(settings.sentry_dsn, self.service, version, settings.secrets)
        # As PID 1 of a container a process has no default handler: without this a stopped Job would wait to be killed.
        signal.signal(signal.SIGTERM, _terminate)

    def _fail(self, message: str) -> NoReturn:
        sys.stdout.flush()
        sys.stderr.write(f"{self.name}: {message}\n")
        sys.exit(1)


def _terminate(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(_TERMINATED)
