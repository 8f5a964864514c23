"""Exit codes are a contract, and an error is one line with a remedy."""

import inspect
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from delivery_operator.cli import exits
from delivery_operator.cli.exits import MEANING, CliError, Exit
from tests.unit.cli import world
from tests.unit.cli.apiserver import Server
from tests.unit.cli.conftest import Delivery
from tests.unit.support import builders


def test_codes_do_not_change() -> None:
    assert {code.name: code.value for code in Exit} == {
        "OK": 0,
        "NO": 1,
        "USAGE": 2,
        "NO_CLUSTER": 3,
        "NOT_FOUND": 4,
        "REFUSED": 5,
        "INPUT": 6,
        "TIMEOUT": 7,
        "INTERRUPTED": 130,
    }
    assert set(MEANING) == set(Exit)


def test_the_tree_of_errors_is_what_the_module_says() -> None:
    tree = inspect.getdoc(exits) or ""
    for name, each in inspect.getmembers(exits, inspect.isclass):
        if issubclass(each, CliError) and each is not CliError:
            line = next(line for line in tree.splitlines() if f"── {name} " in line)
            assert line.split(name)[1].split()[0] == str(each.exit.value)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["rendr"], "error: No such command 'rendr'"),
        (["render"], "error: Missing argument 'FILE...'"),
        (["render", "x.yaml", "--colour"], "error: No such option: --colour"),
        (["render", "x.yaml", "-o", "xml"], "error: Invalid value for '-o' / '--output'"),
        (["--install-completion"], "error: No such option: --install-completion"),
        (["wait", "order", "--timeout", "soon"], "error: Invalid value for '--timeout'"),
    ],
)
def test_a_command_line_that_is_not_understood(words: list[str], message: str, delivery: Delivery) -> None:
    ended = delivery(*words)
    assert ended.code == Exit.USAGE
    assert ended.err.startswith(message)
    assert "; see kubectl delivery" in ended.err
    assert ended.err.count("\n") == 1
    assert ended.out == ""


def test_a_reader_that_goes_is_no_failure(tmp_path: Path) -> None:
    """`kubectl delivery render order.yaml | head` under `set -o pipefail`."""
    file = tmp_path / "order.yaml"
    file.write_text(yaml.safe_dump(builders.service({"image": "order:v1", "processes": {"web": {"command": ["w"]}}})))
    assert without_a_reader("render", str(file)) == (0, "")


def test_a_reader_that_goes_is_no_failure_of_a_page_either(server: Server) -> None:
    """Pages are printed by rich, which has an answer of its own."""
    world.populate(server)
    assert without_a_reader("ps") == (0, "")


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("doctor",), Exit.NO),
        (("validate", "{broken}"), Exit.NO),
        (("validate", "-o", "json", "{broken}"), Exit.NO),
        (("wait", "gone"), Exit.NOT_FOUND),
        (("render", "no-such-file.yaml"), Exit.INPUT),
    ],
)
@pytest.mark.parametrize("buffered", ["", "1"])
@pytest.mark.usefixtures("server")
def test_an_answer_that_nobody_reads_is_the_same(  # noqa: PLR0913 of a table
    words: tuple[str, ...], code: Exit, *, stream: str, buffered: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`kubectl delivery validate order.yaml | head` under pipefail: it is not valid, whoever reads why."""
    monkeypatch.setenv("PYTHONUNBUFFERED", buffered)
    broken = tmp_path / "broken.yaml"
    broken.write_text(yaml.safe_dump(builders.service({"image": "", "processes": {}})))
    assert without_a_reader(*(word.format(broken=broken) for word in words), stream=stream)[0] == code


def without_a_reader(*words: str, stream: str = "stdout") -> tuple[int, str]:
    """How a command ends one of whose streams nobody reads, and what it says to the other."""
    reader, writer = os.pipe()
    os.close(reader)
    streams: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, stream: writer}
    try:
        command = [sys.executable, "-m", "delivery_operator.cli", *words]
        ended = subprocess.run(command, **streams, text=True, check=False)
    finally:
        os.close(writer)
    return ended.returncode, ended.stdout or ended.stderr or ""
