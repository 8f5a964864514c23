"""What a person sees while something takes long: one line per step, with a spinner where there is a terminal."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from typing import Protocol, TextIO

from rich.console import Console
from rich.markup import escape


class Step(Protocol):
    """A step that is under way."""

    def update(self, detail: str) -> None:
        """Show how far it is."""


class Reporter(Protocol):
    """Where progress goes."""

    def step(self, title: str) -> contextlib.AbstractContextManager[Step]:
        """Show that something has begun; the end of the context ends it."""

    def note(self, text: str) -> None:
        """Say something that is no step."""


class _Silence:
    def update(self, detail: str) -> None:
        pass


class Silent:
    """Reports nothing: for callers with no console."""

    @contextlib.contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """Nothing to show."""
        del title
        yield _Silence()

    def note(self, text: str) -> None:
        """Nothing to show."""


class ConsoleReporter:
    """Writes to a stream, standard error by default, so that a command's output can be piped."""

    def __init__(self, stream: TextIO | None = None) -> None:
        """On a terminal a spinner turns; elsewhere each step is one plain line when it ends."""
        self._console = Console(file=stream or sys.stderr, highlight=False, soft_wrap=True)

    @contextlib.contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """Show a step and, at its end, how long it took."""
        begun = time.monotonic()
        with self._running(title) as step:
            try:
                yield step
            except BaseException:
                self._console.print(f"[red]✗[/red] {escape(title)}")
                raise
        self._console.print(f"[green]✓[/green] {escape(title)} [dim]{time.monotonic() - begun:.1f} s[/dim]")

    def note(self, text: str) -> None:
        """Write one line."""
        self._console.print(f"[dim]{escape(text)}[/dim]")

    @contextlib.contextmanager
    def _running(self, title: str) -> Iterator[Step]:
        if not self._console.is_terminal:
            yield _Lines(self._console, title)
            return
        with self._console.status(escape(title)) as status:

            class Spinner:
                def update(self, detail: str) -> None:
                    status.update(f"{escape(title)} [dim]{escape(detail)}[/dim]")

            yield Spinner()


class _Lines:
    """Progress without a terminal: a line now and then, so that a CI log shows life and stays short."""

    INTERVAL = 30.0

    def __init__(self, console: Console, title: str) -> None:
        self._console, self._title, self._last = console, title, time.monotonic()

    def update(self, detail: str) -> None:
        if time.monotonic() - self._last >= self.INTERVAL:
            self._last = time.monotonic()
            self._console.print(f"… {escape(self._title)}: {escape(detail)}")
