"""Runs installers, and says what they said if they fail."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from chassis_testing.errors import TAIL_LINES, InstallError


def run(argv: Sequence[str | Path], **variables: str) -> None:
    """Run a program to its end with the caller's environment and these variables.

    Raises:
        InstallError: it failed; the text has the end of its output.
    """
    done = subprocess.run(
        argv,
        env={**os.environ, **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode != 0:
        shown = "\n".join(done.stdout.splitlines()[-TAIL_LINES:])
        raise InstallError(f"`{' '.join(map(str, argv))}` failed with exit code {done.returncode}:\n{shown}")
