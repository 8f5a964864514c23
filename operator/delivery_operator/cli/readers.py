"""Whoever reads what the command line prints may go before it has printed all: kubectl delivery logs | head."""

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO, cast


class ReaderGone(Exception):
    """Nobody reads any more what comes to no end of itself."""


class Output:
    """Standard output or error: when its reader has gone, what is still written goes nowhere, and is no error.

    So a command comes to its answer, whoever reads the words. What would go on for ever asks `unread`.
    """

    def __init__(self, file: TextIO) -> None:
        """Write to this file."""
        self.unread = False
        self._file = file

    def __getattr__(self, name: str) -> Any:
        """All else is the file's own."""
        return getattr(self._file, name)

    def write(self, text: str) -> int:
        """Write a text, if anybody reads."""
        self._patiently(lambda: self._file.write(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write lines, if anybody reads."""
        self.write("".join(lines))

    def flush(self) -> None:
        """Hand over what was written, if anybody reads."""
        self._patiently(self._file.flush)

    def _patiently(self, work: Callable[[], object]) -> None:
        try:
            work()
        except BrokenPipeError:
            self.unread = True
            # Python itself flushes what is left at its end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._file.fileno())


@contextmanager
def patient() -> Iterator[None]:
    """Have standard output and error outlast their readers."""
    given = sys.stdout, sys.stderr
    made = [each and Output(each) for each in given]  # one that was closed is None
    sys.stdout, sys.stderr = (cast(TextIO, each) for each in made)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = given
        for each in made:
            if each:
                each.flush()


def heed() -> None:
    """Hand over what was written to standard output.

    Raises:
        ReaderGone: nobody reads it.
    """
    if sys.stdout:
        sys.stdout.flush()
    if getattr(sys.stdout, "unread", False):
        raise ReaderGone
