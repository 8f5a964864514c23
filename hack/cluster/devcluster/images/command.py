"""Runs a program, its output to a log file and its steps to whoever watches."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from devcluster.errors import LoggedError

# "STEP 3/9: RUN ..." of buildah, "#7 [build 3/5] RUN ..." of BuildKit
_STEP = re.compile(r"^(?:STEP (\d+/\d+): |#\d+ \[(?:[\w-]+ )?(\d+/\d+)\] )(.+)")


class ImageBuildError(LoggedError):
    """An image could not be built: the text has the end of the log and its path."""


def run(
    command: Sequence[str], log: Path, progress: Callable[[str], None], env: Mapping[str, str] | None = None
) -> None:
    """Run a program to its end.

    Raises:
        ImageBuildError: it ended with an error.
    """
    with log.open("a") as file:
        file.write(f"$ {shlex.join(command)}\n")
        file.flush()
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env={**os.environ, **(env or {})},
        )
        assert process.stdout is not None
        with process:
            for line in process.stdout:
                file.write(line)
                if step := _STEP.match(line):
                    progress(f"{step[1] or step[2]} {step[3].strip()}")
    if process.returncode:
        what = next((word for word in command[1:] if not word.startswith(("-", "/"))), "")
        raise ImageBuildError(f"{command[0]} {what} ended with exit code {process.returncode}", log)
