"""What the person at the terminal reads: each step with its reason, and how long it took."""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.markup import escape


class DemoError(Exception):
    """A step failed; the text says what happened."""


class Narrator:
    """Numbers and times the steps."""

    def __init__(self, console: Console) -> None:
        """Write to this console."""
        self.console = console
        self._number = 0
        self._begun = time.monotonic()

    @contextlib.contextmanager
    def step(self, title: str, why: str) -> Iterator[None]:
        """Announce a step and why it is there; at its end say how long it took."""
        self._number += 1
        begun = time.monotonic()
        self.console.print(
            f"\n[bold cyan]{self._number:>2}[/] [bold]{escape(title)}[/]\n   [dim]{escape(why)}[/]", soft_wrap=True
        )
        yield
        self.console.print(f"   [green]done[/] [dim]in {time.monotonic() - begun:.1f} s[/]")

    def say(self, text: str) -> None:
        """Write one indented line that is part of a step."""
        self.console.print(f"   {escape(text)}", soft_wrap=True)

    def show(self, command: str, output: str) -> None:
        """Show a command as it would be typed, and what it printed."""
        self.console.print(f"\n   [bold]$ {escape(command)}[/]", soft_wrap=True)
        for line in output.rstrip().splitlines():
            self.console.print(f"   {escape(line)}", soft_wrap=True)

    def finish(self, title: str) -> None:
        """Say that all of it is done."""
        self.console.print(f"\n[bold green]{escape(title)}[/] [dim]{time.monotonic() - self._begun:.0f} s in all[/]")

    def paste(self, title: str, lines: list[str]) -> None:
        """Show lines that can be pasted into a shell."""
        self.console.print(f"\n[bold]{escape(title)}[/]\n")
        for line in lines:
            self.console.print(escape(line), soft_wrap=True)

    def fail(self, error: Exception, findings: str, log: Path) -> None:
        """Say what went wrong, what a look at the cluster showed, and where the rest can be read."""
        self.console.print(f"\n[bold red]The demo stopped:[/] {escape(str(error))}", soft_wrap=True)
        if findings:
            self.console.print(escape(findings), soft_wrap=True)
        self.console.print(f"[dim]Everything that was run, with its output: {log}[/]", soft_wrap=True)
