"""What people see: tables, colours where the output is a terminal, and one changing line while a command waits.

Colours follow NO_COLOR (https://no-color.org); what is no terminal gets plain lines.
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.text import Text

Cell = str | Text

_GAP: Final = "   "
_COLOURS: Final = {
    "Active": "green",
    "Ready": "green",
    "Serving": "green",
    "Succeeded": "green",
    "ok": "green",
    "Clean": "green",
    "Failed": "red",
    "Killed": "red",
    "Stalled": "red",
    "Not Ready": "yellow",
    "Migrating": "yellow",
    "Pending": "yellow",
    "RollingOut": "yellow",
    "Running": "yellow",
    "warning": "yellow",
    "problem": "red",
    "Superseded": "dim",
}


def console(*, stderr: bool = False) -> Console:
    """Open a console that neither wraps nor marks anything up by itself."""
    return Console(
        file=sys.stderr if stderr else sys.stdout, highlight=False, soft_wrap=True, markup=False, emoji=False
    )


def worded(word: str) -> Text:
    """Colour a word that says how something stands."""
    return Text(word, _COLOURS.get(word, ""))


def table(to: Console, header: Sequence[str], rows: Sequence[Sequence[Cell]], indent: str = "") -> None:
    """Print columns as kubectl does; a column that is empty in every row is left out."""
    shown = [place for place in range(len(header)) if any(str(row[place]) not in {"", "-"} for row in rows)]
    lines = [[Text(header[place], "bold") for place in shown]]
    lines += [[_text(row[place]) for place in shown] for row in rows]
    widths = [max(line[place].cell_len for line in lines) for place in range(len(shown))]
    for line in lines:
        joined = Text(indent)
        for place, (cell, width) in enumerate(zip(line, widths, strict=True)):
            joined.append_text(cell)
            if place + 1 < len(line):
                joined.append(" " * (width - cell.cell_len) + _GAP)
        joined.rstrip()
        to.print(joined)


def _text(cell: Cell) -> Text:
    return cell if isinstance(cell, Text) else Text(cell)


class Progress:
    """Tells what a waiting command sees: on a terminal in a line that changes, else in one line per change."""

    def __init__(self, to: Console) -> None:
        """Tell it on this console."""
        self._console = to
        self._last = ""
        self._status = to.status("") if to.is_terminal else None

    def __call__(self, text: str) -> None:
        """Tell what is so now; the same again is not told."""
        if text == self._last:
            return
        self._last = text
        if self._status:
            self._status.update(Text(text))
        else:
            self._console.print(text)

    def hide(self) -> None:
        """Take the changing line away, for good: what follows on standard output would break it."""
        if self._status:
            self._status.stop()

    @contextmanager
    def shown(self) -> Iterator["Progress"]:
        """Show the changing line for as long as this lasts."""
        if self._status is None:
            yield self
            return
        with self._status:
            yield self
