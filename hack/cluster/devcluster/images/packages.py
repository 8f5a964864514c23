"""Debian packages that a build needs on the machine itself."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from devcluster.errors import MissingProgramError
from devcluster.images.command import ImageBuildError, run


def install_missing(programs: Mapping[str, str], log: Path, progress: Callable[[str], None]) -> None:
    """Install the packages of the programs that are not on PATH.

    Args:
        programs: the package that ships each program.
        log: gets apt's output.
        progress: is told what happens.

    Raises:
        MissingProgramError: not root, not a Debian, or apt failed.
    """
    packages = sorted(package for program, package in programs.items() if shutil.which(program) is None)
    if not packages:
        return
    command = f"apt-get install {' '.join(packages)}"
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        raise MissingProgramError(f"Building images needs {' and '.join(packages)}: {command}, or start Docker")
    progress(f"installing {' '.join(packages)}")
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    apt = ["apt-get", "--quiet", "--yes", "-o", "DPkg::Lock::Timeout=300"]  # another apt may be at work
    try:
        run([*apt, "update"], log, progress, quiet)
        run([*apt, "install", "--no-install-recommends", *packages], log, progress, quiet)
    except ImageBuildError as error:
        raise MissingProgramError(f"{command} failed. {error}") from error
