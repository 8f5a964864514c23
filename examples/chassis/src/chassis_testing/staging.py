"""`python -m chassis_testing.staging FOLDER` copies the programs that no package holds, to make images of."""

import argparse
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from chassis_testing import programs
from chassis_testing.errors import BackingServiceError
from chassis_testing.install import install, say

STAGED = (programs.KAFKA, programs.MONGODB, programs.STRIPE)


def stage(folder: Path) -> None:
    """Install them where they are missing, and copy each to a folder of its name in `folder`.

    Raises:
        InstallError: one could not be installed; the text has the remedy.
    """
    install([each.name for each in STAGED], say)
    for each in STAGED:
        shutil.rmtree(folder / each.name, ignore_errors=True)  # what an earlier version held
        shutil.copytree(each.folder, folder / each.name, copy_function=_link)


def _link(source: str, target: str) -> None:
    """The jars are large, and nobody changes them."""
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copy2(source, target)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; the exit code is 1 if something could not be installed."""
    parser = argparse.ArgumentParser(prog="python -m chassis_testing.staging", description=__doc__)
    parser.add_argument("folder", type=Path)
    try:
        stage(parser.parse_args(arguments).folder)
    except BackingServiceError as error:
        say(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
