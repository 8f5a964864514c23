"""What can go wrong, as a small tree.

DevclusterError            everything below; its text says what happened, where to look and what to do next
├── UsageError             the request itself makes no sense here (a bad name, a provider that cannot run here)
├── MissingProgramError    a program this machine needs is absent and could not be installed
├── BuildError             programs could not be built, or files not fetched, with Go
├── StartError             a component did not start, or died while the cluster came up
├── NotRunningError        the cluster that was asked for is not up
├── UnsupportedError       this provider cannot do that
├── ImageError             a container image could not be loaded into the node
├── PortForwardError       kubectl port-forward gave up
└── ToolError              kubectl or helm ended with an error (also a subprocess.CalledProcessError)
"""

from __future__ import annotations

import subprocess
from pathlib import Path

TAIL_LINES = 20


class DevclusterError(Exception):
    """Base of every error this package raises on purpose."""


class UsageError(DevclusterError):
    """The request makes no sense on this machine or for this cluster."""


class MissingProgramError(DevclusterError):
    """A program is absent: the text names it and the package that ships it."""


class NotRunningError(DevclusterError):
    """The cluster is not up."""


class UnsupportedError(DevclusterError):
    """This provider cannot do that."""


class ImageError(DevclusterError):
    """A container image could not be loaded."""


class PortForwardError(DevclusterError):
    """No connection to the pod or service could be set up."""


class LoggedError(DevclusterError):
    """An error whose cause is in a log file: the text carries the end of that file and its path."""

    def __init__(self, message: str, log: Path) -> None:
        """Read the end of `log` now: the file may be gone when the error is shown."""
        self.log = log
        end = tail(log)
        shown = f"\nThe end of its log:\n{end}" if end else ""
        super().__init__(f"{message}{shown}\nLog: {log}")


class BuildError(LoggedError):
    """Programs could not be built, or files not fetched, with Go."""


class StartError(LoggedError):
    """A component did not start. `component` is its name."""

    def __init__(self, component: str, message: str, log: Path) -> None:
        """Name the component first: it is what the reader looks for."""
        self.component = component
        super().__init__(f"{component}: {message}", log)


class ToolError(DevclusterError, subprocess.CalledProcessError):
    """An error of kubectl or helm.

    It is a CalledProcessError too, because that is what pytest-kind's `kubectl` raises; unlike there, the text has what
    the tool wrote.
    """

    def __str__(self) -> str:
        """Say what was run and what it answered."""
        said = str(self.stderr or self.output or "").strip()
        return f"{' '.join(map(str, self.cmd))}: exit code {self.returncode}: {said or 'no output'}"


def tail(log: Path, lines: int = TAIL_LINES) -> str:
    """The last lines of a log, each indented and cut at a width a terminal can show; empty if there is no log."""
    try:
        text = log.read_text(errors="replace")
    except OSError:
        return ""
    return "\n".join(f"  {line[:400]}" for line in text.splitlines()[-lines:])
