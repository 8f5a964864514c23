import io

import pytest

from devcluster.console import ConsoleReporter


def test_without_a_terminal_each_step_is_one_plain_line() -> None:
    stream = io.StringIO()
    with ConsoleReporter(stream).step("Starting [etcd]") as step:
        step.update("just begun")
    assert stream.getvalue().startswith("✓ Starting [etcd] 0.0 s")


def test_a_failed_step_is_shown_as_such() -> None:
    stream = io.StringIO()
    with pytest.raises(OSError), ConsoleReporter(stream).step("Starting etcd"):  # noqa: PT011 (any error will do)
        raise OSError
    assert stream.getvalue() == "✗ Starting etcd\n"


def test_a_long_step_shows_life_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("devcluster.console._Lines.INTERVAL", 0)
    stream = io.StringIO()
    with ConsoleReporter(stream).step("Building") as step:
        step.update("12 packages")
    assert "… Building: 12 packages\n" in stream.getvalue()
