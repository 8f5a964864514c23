"""The fixtures, in sessions of their own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from devcluster.control_plane import ControlPlaneCluster
from devcluster.home import Home
from tests.integration.devcluster.conftest import programs

TESTS = """
import pytest

@pytest.mark.parametrize("number", range(4))
def test_all_share_one_cluster({fixture}, number):
    {fixture}.kubectl("create", "configmap", f"number-{{number}}")
    server = {fixture}.status().server
    with open("servers", "a") as file:
        file.write(f"{{server}}\\n")
"""


def session(home: Home, directory: Path, *arguments: str, fixture: str = "control_plane") -> str:
    (directory / "test_sharing.py").write_text(TESTS.format(fixture=fixture))
    environment = {**os.environ, "DEVCLUSTER_HOME": str(home.root), "PYTEST_ADDOPTS": ""}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--rootdir=.", *arguments, "test_sharing.py"]
    done = subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("fixture", ["control_plane", "extended_control_plane"])
def test_workers_share_a_cluster_that_ends_with_the_session(home: Home, tmp_path: Path, fixture: str) -> None:
    assert "4 passed" in session(home, tmp_path, "-n", "2", fixture=fixture)
    assert len(set((tmp_path / "servers").read_text().split())) == 1
    assert not programs(home)
    assert home.cluster_names() == []


@pytest.mark.parametrize("kind_plugin", [(), ("-p", "no:pytest-kind")])
def test_a_kept_cluster_stays_for_the_next_session(home: Home, tmp_path: Path, kind_plugin: tuple[str, ...]) -> None:
    kept = ControlPlaneCluster("mine-control-plane", home)
    try:
        session(home, tmp_path, "--cluster-name=mine", "--keep-cluster", *kind_plugin)
        assert kept.status().problem is None
        kept.kubectl("delete", "configmaps", "--all")
        session(home, tmp_path, "--cluster-name=mine", *kind_plugin)
        assert kept.status().problem is None, "who keeps it ends it"
    finally:
        kept.delete()
