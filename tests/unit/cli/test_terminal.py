"""Tables and progress, on a terminal and elsewhere."""

import io

import pytest
from rich.console import Console

from delivery_operator.cli.terminal import Progress, console, table, worded


def plain() -> tuple[Console, io.StringIO]:
    file = io.StringIO()
    return Console(file=file, highlight=False, soft_wrap=True, markup=False), file


def test_columns_are_aligned_and_empty_ones_left_out() -> None:
    to, file = plain()
    table(to, ("NAME", "NOTHING", "STATE"), [("order", "-", worded("Ready")), ("a[b]", "", "")], "  ")
    assert file.getvalue() == "  NAME    STATE\n  order   Ready\n  a[b]\n"


def test_progress_without_a_terminal_is_a_line_per_change() -> None:
    to, file = plain()
    progress = Progress(to)
    with progress.shown():
        for text in ("a", "a", "b [x]"):
            progress(text)
    assert file.getvalue() == "a\nb [x]\n"


def test_progress_on_a_terminal_is_a_line_that_changes_and_goes() -> None:
    file = io.StringIO()
    progress = Progress(Console(file=file, force_terminal=True, width=80))
    with progress.shown():
        progress("waits for pods")
        progress("serves")
    assert "serves" in file.getvalue()
    assert file.getvalue().rstrip().endswith("\x1b[2K") or "\x1b[?25h" in file.getvalue()


def test_colours_are_for_terminals_that_want_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    coloured, bare = io.StringIO(), io.StringIO()
    monkeypatch.setattr("sys.stdout", coloured)
    console().print(worded("Failed"))
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr("sys.stdout", bare)
    console().print(worded("Failed"))
    assert "\x1b[31m" in coloured.getvalue()
    assert "\x1b[31m" not in bare.getvalue()
