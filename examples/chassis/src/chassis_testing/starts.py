"""What a person sees who starts a program: why it does not begin, and what `migrate` leaves."""

import json
from pathlib import Path

from chassis_testing.program import logged, run


def refusal(name: str, *arguments: str, **variables: str) -> str:
    """Start a program in a way that must fail; gives the one line that it says, without its name.

    Raises:
        AssertionError: it does not fail, or says something else besides.
    """
    result = run(name, *arguments, **variables)
    assert result.returncode == 1, result.stdout + result.stderr
    said = result.stderr.splitlines()
    assert len(said) == 1, result.stderr
    assert said[0].startswith(f"{name}: "), result.stderr
    return said[0].removeprefix(f"{name}: ")


def migrated(name: str, folder: Path, **variables: str) -> tuple[str, list[str]]:
    """Run `migrate` where the platform reads a termination message.

    Args:
        name: of the program.
        folder: an empty one, for the message.
        variables: where the database is.

    Returns:
        The head of the schema by that message, and the messages of the log.

    Raises:
        AssertionError: it fails, or says something on stderr.
    """
    report = folder / "termination-log"
    report.touch()  # the platform makes it
    done = run(name, "migrate", TERMINATION_LOG=str(report), **variables)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    head: str = json.loads(report.read_text())["schemaHead"]
    return head, [str(line["message"]) for line in logged(done.stdout)]
