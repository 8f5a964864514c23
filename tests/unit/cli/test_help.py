"""Every command explains itself, and its examples are command lines that it takes."""

import importlib
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

from delivery_operator.cli.app import COMMANDS, app
from tests.unit.cli.conftest import GOLDENS, Delivery, Golden


def examples(name: str) -> list[list[str]]:
    module = importlib.import_module(f"delivery_operator.cli.commands.{name}")
    joined = "\n".join(module.EXAMPLES).replace("\\\n", " ")
    calls = []
    for line in joined.splitlines():
        words = shlex.split(line.replace(">", " > ").replace("&&", " ; ").replace("|", " ; "), posix=True)
        while "kubectl" in words:
            words = words[words.index("kubectl") + 2 :]
            ends = [words.index(each) for each in (";", ">") if each in words]
            calls.append(words[: min(ends, default=len(words))])
    return calls


@pytest.mark.parametrize("name", COMMANDS)
def test_help(name: str, delivery: Delivery, golden: Golden) -> None:
    ended = delivery(name, "--help")
    assert ended.code == 0
    golden(f"help/{name}.txt", ended.out)
    assert delivery(name, "-h").out == ended.out


def test_the_programs_own_help_lists_the_commands_and_needs_none_of_them(delivery: Delivery, golden: Golden) -> None:
    ended = delivery("--help")
    golden("help/kubectl-delivery.txt", ended.out)
    assert delivery().out == ended.out
    for name, summary in COMMANDS.items():
        assert f"  {name} " in ended.out
        assert summary in " ".join(ended.out.split())


def test_no_golden_is_left_over() -> None:
    assert {path.stem for path in (GOLDENS / "help").iterdir()} == {*COMMANDS, "kubectl-delivery"}


@pytest.mark.parametrize("name", COMMANDS)
def test_examples_are_understood(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "templates").mkdir()
    monkeypatch.chdir(tmp_path)
    group: Any = typer.main.get_command(app)
    assert examples(name) or name == "compose"
    for command, *words in examples(name):
        group.get_command(None, command).make_context(command, list(words))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_and_argument_says_what_it_is_for(name: str) -> None:
    group: Any = typer.main.get_command(app)
    for parameter in group.get_command(None, name).params:
        assert parameter.help, f"{name}: {parameter.name}"
