from pathlib import Path

import pytest

from devcluster.node import cgroups


@pytest.fixture
def version1(tmp_path: Path) -> Path:
    for controller in ("cpu", "memory", "unified"):
        (tmp_path / controller).mkdir()
        (tmp_path / controller / "cgroup.procs").touch()
    (tmp_path / "not-a-hierarchy").mkdir()
    return tmp_path


def folders(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_dir()}


def test_version_1_has_a_parent_per_controller_and_none_is_left(version1: Path) -> None:
    before = folders(version1)
    cgroups.create("dev", version1)
    assert folders(version1) - before == {"cpu/devcluster-dev", "memory/devcluster-dev", "unified/devcluster-dev"}
    (version1 / "memory/devcluster-dev/kubepods/burstable/pod1").mkdir(parents=True)

    assert cgroups.remove("dev", version1) == []

    assert folders(version1) == before


def test_version_2_lets_children_be_limited(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "devcluster-dev"):
        folder.mkdir(exist_ok=True)
        (folder / "cgroup.controllers").write_text("memory\n")
        (folder / "cgroup.subtree_control").touch()
    cgroups.create("dev", tmp_path)
    assert (tmp_path / "cgroup.subtree_control").read_text() == "+memory"
    assert (tmp_path / "devcluster-dev/cgroup.subtree_control").read_text() == "+memory"


def test_groups_of_others_stay(version1: Path) -> None:
    cgroups.create("dev", version1)
    cgroups.create("dev-2", version1)
    cgroups.remove("dev", version1)
    assert (version1 / "cpu/devcluster-dev-2").is_dir()


def test_what_cannot_be_removed_is_named(version1: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cgroups, "SETTLE", 0)
    cgroups.create("dev", version1)
    (version1 / "cpu/devcluster-dev/busy").touch()  # a file keeps an ordinary folder from being removed
    assert cgroups.remove("dev", version1) == [version1 / "cpu/devcluster-dev"]
