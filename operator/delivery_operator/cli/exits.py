"""How a command can end: the exit codes, in one table, and the errors that lead to them.

CliError
├── Declined      1  it makes no sense as things stand
├── Wrong         2  the command line cannot be understood
├── NoCluster     3  no cluster is configured, or it does not answer
├── Missing       4  the object that is asked about does not exist
├── Forbidden     5  the API server refused
├── BadInput      6  a file cannot be read, or is not what it has to be
└── TimedOut      7  what was waited for did not come in time
"""

from enum import IntEnum
from typing import ClassVar, Final


class Exit(IntEnum):
    """Exit codes; scripts may rely on them."""

    OK = 0
    NO = 1
    USAGE = 2
    NO_CLUSTER = 3
    NOT_FOUND = 4
    REFUSED = 5
    INPUT = 6
    TIMEOUT = 7
    INTERRUPTED = 130


MEANING: Final = {
    Exit.OK: "Done; a question is answered with yes.",
    Exit.NO: "The answer is no: there are problems (validate, doctor) or differences (diff), the service is Stalled "
    "(wait), or there is nothing to do it to (retry, rollback, scale).",
    Exit.USAGE: "The command line cannot be understood.",
    Exit.NO_CLUSTER: "No cluster is configured, or it does not answer.",
    Exit.NOT_FOUND: "What is asked about does not exist.",
    Exit.REFUSED: "The API server refused: a missing right, a rule, or an object that changed meanwhile.",
    Exit.INPUT: "A file cannot be read, or is not what it has to be.",
    Exit.TIMEOUT: "What was waited for did not come in time.",
    Exit.INTERRUPTED: "Interrupted (Ctrl-C).",
}
"""What each code means; the reference is generated from it. `run` ends with the exit code of its process instead."""


class CliError(Exception):
    """A command cannot be done.

    Attributes:
        what: what happened, without a full stop.
        remedy: what to do about it.
    """

    exit: ClassVar[Exit]

    def __init__(self, what: str, remedy: str) -> None:
        """Keep what happened and what to do."""
        super().__init__(f"{what}; {remedy}")
        self.what = what
        self.remedy = remedy


class Declined(CliError):
    """What is asked for makes no sense as things stand."""

    exit = Exit.NO


class Wrong(CliError):
    """The command line cannot be understood."""

    exit = Exit.USAGE


class NoCluster(CliError):
    """No cluster is configured, or it does not answer."""

    exit = Exit.NO_CLUSTER


class Missing(CliError):
    """What is asked about does not exist."""

    exit = Exit.NOT_FOUND


class Forbidden(CliError):
    """The API server refused."""

    exit = Exit.REFUSED


class BadInput(CliError):
    """A file cannot be read, or is not what it has to be."""

    exit = Exit.INPUT


class TimedOut(CliError):
    """What was waited for did not come in time."""

    exit = Exit.TIMEOUT
