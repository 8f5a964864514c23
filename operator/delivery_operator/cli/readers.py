"""Whoever reads what the command line prints may go before it has printed all: kubectl delivery logs | head."""

import os
from typing import IO


class ReaderGone(Exception):
    """Nobody reads what the command prints any more."""


def unread(file: IO[str]) -> None:
    """Let what is still written to a file go nowhere: nobody reads it, and Python flushes it at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), file.fileno())
