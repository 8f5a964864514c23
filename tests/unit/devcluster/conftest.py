import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from devcluster.home import Home

StandIn = Callable[[str, str], Path]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    """Makes a program first on PATH: a shell script that has $CALLS, a file of its own, to write to."""
    directory = tmp_path / "bin"
    directory.mkdir()
    monkeypatch.setenv("PATH", str(directory), prepend=":")

    def make(name: str, script: str) -> Path:
        path = directory / name
        calls = directory / f"{name}.calls"
        calls.touch()
        path.write_text(f'#!/bin/sh\nCALLS={calls}\necho "$*" >>$CALLS\n{script}\n')
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return calls

    return make
