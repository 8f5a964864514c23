"""The plugin: fixtures that start a server when a test asks for it, and fail where its program is missing."""

import os
import subprocess
import sys
from pathlib import Path

FIXTURES = ("postgresql", "redis_server", "rabbitmq", "kafka", "mongodb", "stripe_mock", "stripe", "smtp_server")


def pytest_run(folder: Path, test: str, *options: str, **variables: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_it.py").write_text(test)
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "--basetemp",
            folder / "tmp",
            *options,
            folder,
        ],
        env={**os.environ, "TMPDIR": str(folder), **variables},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def servers(folder: Path) -> list[str]:
    return [path.name for path in folder.glob("chassis-*")]


def test_offers_the_fixtures(tmp_path: Path) -> None:
    listed = pytest_run(tmp_path, "", "--fixtures").stdout
    assert not [name for name in FIXTURES if f"\n{name} [session scope] --" not in listed]


def test_one_server_serves_the_session(tmp_path: Path) -> None:
    test = """
import pytest
seen = []
@pytest.mark.parametrize("number", [1, 2])
def test_it(number, smtp_server):
    seen.append(smtp_server.pid)
    assert len(set(seen)) == 1
def test_only_what_was_asked_for_runs(tmp_path_factory):
    import os, pathlib
    found = list(pathlib.Path(os.environ["TMPDIR"]).glob("chassis-*"))
    assert [path.name.split("-")[1] for path in found] == ["smtp"]
"""
    done = pytest_run(tmp_path, test)
    assert "3 passed" in done.stdout, done.stdout
    assert not servers(tmp_path)


def test_a_missing_program_fails_the_test(tmp_path: Path) -> None:
    done = pytest_run(tmp_path, "def test_it(postgresql): pass", POSTGRES_BIN=str(tmp_path))
    assert done.returncode == 1
    assert "1 error" in done.stdout
    assert "run `python -m chassis_testing.install postgresql`" in done.stdout
    assert not servers(tmp_path)
