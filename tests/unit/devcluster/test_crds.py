from pathlib import Path

import pytest

from devcluster import crds
from devcluster.builds import pinned_version
from devcluster.console import Silent
from devcluster.errors import BuildError
from devcluster.home import Home
from tests.unit.devcluster.conftest import StandIn


def go(tmp_path: Path) -> str:
    """A go whose module cache is below a folder of the test."""
    for module, files in crds.FILES.items():
        for file in files:
            path = tmp_path / "modules" / module / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"of {module}\n")
    lines = "\n".join(f"{module} {tmp_path}/modules/{module}" for module in crds.FILES)
    return f'case "$1" in version) echo go1.26.8 ;; list) echo "{lines}" ;; esac'


def test_every_module_is_pinned() -> None:
    for module in crds.FILES:
        assert pinned_version(crds.SOURCE, module).startswith("v")


def test_the_files_are_fetched_once(home: Home, tmp_path: Path, stand_in: StandIn) -> None:
    calls = stand_in("go", go(tmp_path))
    files = crds.crd_files(home, Silent())
    assert crds.crd_files(home, Silent()) == files
    assert [each.name for each in files] == sorted(Path(file).name for each in crds.FILES.values() for file in each)
    assert {each.read_text() for each in files} == {f"of {module}\n" for module in crds.FILES}
    assert calls.read_text().count("mod download") == 1


def test_a_registry_that_is_away_is_named(home: Home, stand_in: StandIn) -> None:
    stand_in("go", 'case "$1" in version) echo go1.26.8 ;; mod) echo no route; exit 1 ;; esac')
    with pytest.raises(BuildError, match=r"(?s)CRDs of other projects failed at `go mod`.*no route"):
        crds.crd_files(home, Silent())
