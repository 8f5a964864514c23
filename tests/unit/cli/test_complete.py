"""Completion through kubectl: candidates one a line, and what the shell may add."""

import os

import pytest

from delivery_operator.cli.kubectl import main
from tests.unit.cli import world
from tests.unit.cli.apiserver import Server


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {**os.environ})


def completed(capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    assert main(words) == 0
    return capsys.readouterr().out.splitlines()


def test_commands_options_and_names(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    world.populate(server)
    assert completed(capsys, "re") == ["render", "releases", "retry", "restart", ":4"]
    assert completed(capsys, "ps", "--out") == ["--output", ":4"]
    assert completed(capsys, "describe", "") == ["order", ":4"]
    assert completed(capsys, "describe", "-n", "other", "") == [":4"]
    assert completed(capsys, "restart", "order", "w") == ["web", ":4"]
    assert completed(capsys, "run", "order", "") == ["seed", ":4"]


def test_files_are_the_shells_to_complete(capsys: pytest.CaptureFixture[str]) -> None:
    assert completed(capsys, "render", "service.y")[-1] == ":0"
    assert completed(capsys)[-1] == ":4"
