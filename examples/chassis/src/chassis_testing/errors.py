"""What can go wrong, as a small tree.

BackingServiceError        everything below; its text says what happened and what to do next
├── MissingProgramError    a server's program is not installed
├── InstallError           a program could not be installed
└── StartError             a server did not start, or one of its own tools failed
"""

from pathlib import Path

TAIL_LINES = 40


class BackingServiceError(Exception):
    """Base of every error this package raises on purpose."""


class MissingProgramError(BackingServiceError):
    """A server's program is not installed: the text names the command that installs it."""

    def __init__(self, service: str, message: str) -> None:
        """`service` is its name for the installer, `message` says what is missing where."""
        super().__init__(f"{message}; run `python -m chassis_testing.install {service}`")


class InstallError(BackingServiceError):
    """A program could not be installed: the text has the remedy, or the end of the installer's output."""


class StartError(BackingServiceError):
    """A server did not start, or one of its own tools failed: the text has the end of the log."""


def tail(log: Path) -> str:
    """The last lines of a log, which may hold any bytes; empty where there is no log."""
    try:
        lines = log.read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return ""
    return "\n".join(lines[-TAIL_LINES:])
