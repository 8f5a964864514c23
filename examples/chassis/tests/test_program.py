"""F8-5, F12-3: what a person sees who starts a program, rightly or wrongly."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import sys, time
from chassis.errors import CommandError
from chassis.program import Command, Program
from chassis.settings import ServiceSettings
from pydantic import SecretStr


class Settings(ServiceSettings):
    api_key: SecretStr
    optional = {"sentry_dsn": "errors are only logged"}


def works(settings):
    print("works")


async def works_in_a_loop(settings):
    print("works in a loop")


def fails(settings):
    raise CommandError(f"the key {settings.api_key.get_secret_value()} is refused")


def is_wrong(settings):
    return {}[settings.api_key.get_secret_value()]


def breaks(settings):
    raise IndexError(f"no {settings.api_key.get_secret_value()}")


def hangs(settings):
    print("hanging", flush=True)
    time.sleep(60)


main = Program(
    name="thing",
    service="chassis",
    purpose="Does things",
    settings=Settings,
    commands={
        name: Command(f"program:{name}", f"it {name}")
        for name in ("works", "works_in_a_loop", "fails", "breaks", "is_wrong", "hangs")
    },
    known={IndexError: lambda error: f"the library said: {error}"},
)
if __name__ == "__main__":
    main()
"""
SECRET = "s3cret-Pa55"  # noqa: S105


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "program.py"
    path.write_text(PROGRAM)
    return path


def run(program: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(program.parent), **variables}
    return subprocess.run(
        [sys.executable, program, *arguments], env=environment, capture_output=True, text=True, timeout=30, check=False
    )


@pytest.mark.parametrize(("command", "says"), [("works", "works"), ("works_in_a_loop", "works in a loop")])
def test_a_subcommand_runs(program: Path, command: str, says: str) -> None:
    result = run(program, command, API_KEY=SECRET)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.splitlines()[-1] == says
    assert '"variable": "SENTRY_DSN", "without_it": "errors are only logged"' in result.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "Missing command."),
        (("sing",), "No such command 'sing'."),
        (("works", "--loudly"), "No such option: --loudly"),
    ],
)
def test_a_wrong_start_says_where_to_look(program: Path, arguments: tuple[str, ...], says: str) -> None:
    result = run(program, *arguments)
    assert (result.returncode, result.stdout) == (1, "")
    assert says in result.stderr
    assert "thing" in result.stderr
    assert "--help' for help" in result.stderr


def test_a_missing_variable_is_named(program: Path) -> None:
    result = run(program, "works")
    assert (result.returncode, result.stdout, result.stderr) == (1, "", "thing: API_KEY is required\n")


def test_help_names_the_subcommands_and_what_they_do(program: Path) -> None:
    result = run(program, "--help")
    assert (result.returncode, result.stderr) == (0, "")
    assert "Does things. Configured by environment variables only." in result.stdout
    assert all(f"it {name}" in result.stdout for name in ("works", "fails"))


@pytest.mark.parametrize(
    ("command", "says"),
    [("fails", "thing: the key *** is refused\n"), ("breaks", "thing: the library said: no ***\n")],
)
def test_a_failure_is_one_line_without_secrets(program: Path, command: str, says: str) -> None:
    result = run(program, command, API_KEY=SECRET)
    assert (result.returncode, result.stderr) == (1, says)


def test_an_error_of_the_program_is_in_the_log_with_its_trace_and_without_secrets(program: Path) -> None:
    result = run(program, "is_wrong", API_KEY=SECRET)
    assert (result.returncode, result.stderr) == (
        1,
        "thing: an error of the program, whose trace is in the log: KeyError: '***'\n",
    )
    line = json.loads(result.stdout.splitlines()[-1])
    assert (line["level"], line["message"], line["error"]) == ("error", "process failed", "'***'")
    assert "KeyError: '***'" in line["stack_trace"]
    assert SECRET not in result.stdout


def test_a_job_that_is_stopped_ends_at_once(program: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(program.parent), "API_KEY": SECRET}
    with subprocess.Popen([sys.executable, program, "hangs"], env=environment, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        while b"hanging" not in process.stdout.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 128 + signal.SIGTERM
