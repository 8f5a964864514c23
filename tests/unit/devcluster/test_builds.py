import threading
from pathlib import Path

import pytest

from devcluster.builds import Build, Go, pinned_go, pinned_version, source_key
from devcluster.console import Silent
from devcluster.errors import BuildError
from devcluster.home import Home
from tests.unit.devcluster.conftest import StandIn

GO_MOD = "module example\n\ngo 1.26.0\n\nrequire example.com/one v1.2.3\n\nrequire (\n\texample.com/two/v2 v2.0.1\n)\n"
GO = 'case "$1" in version) echo go version go1.26.8 linux/amd64 ;;'


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    (folder / "sub").mkdir(parents=True)
    (folder / "go.mod").write_text(GO_MOD)
    (folder / "sub/main.go").write_text("package main\n")
    return folder


@pytest.fixture
def build(home: Home, source: Path) -> Build:
    def make(go: Go, folder: Path) -> None:
        go.run("Building", "build", "-v")
        (folder / "program").write_text(go.answer("list"))

    return Build("the example", source, home.binaries / "key", "program", make)


def test_versions_are_read_from_go_mod(source: Path) -> None:
    assert pinned_version(source, "example.com/one") == "v1.2.3"
    assert pinned_version(source, "example.com/two/v2") == "v2.0.1"
    assert pinned_go(source) == (1, 26, 0)
    with pytest.raises(ValueError, match=r"go\.mod names no example\.com/three"):
        pinned_version(source, "example.com/three")


def test_the_key_follows_the_source_and_how_it_is_built(source: Path) -> None:
    keys = {source_key(source, ["-trimpath"])}
    (source / "README.md").touch()
    keys.add(source_key(source, ["-trimpath"]))
    assert len(keys) == 1
    (source / "sub/main.go").write_text("package sub\n")
    keys.add(source_key(source, ["-trimpath"]))
    keys.add(source_key(source, []))
    assert len(keys) == 3


def test_callers_at_once_make_it_once(home: Home, build: Build, stand_in: StandIn) -> None:
    calls = stand_in("go", f"{GO} build) sleep 0.2 ;; list) echo made ;; esac")
    threads = [threading.Thread(target=build.ensure, args=(home, Silent())) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (build.directory / "program").read_text() == "made\n"
    assert calls.read_text().splitlines().count("build -v") == 1


def test_a_folder_that_was_emptied_by_hand_is_made_again(home: Home, build: Build, stand_in: StandIn) -> None:
    stand_in("go", f"{GO} list) echo made ;; esac")
    build.directory.mkdir(parents=True)
    (build.directory / "left-over").touch()
    assert build.ensure(home, Silent()) == build.directory
    assert [path.name for path in build.directory.iterdir()] == ["program"]


@pytest.mark.parametrize("command", ["build", "list"])
def test_a_failure_shows_what_go_said_and_leaves_nothing(
    home: Home, build: Build, stand_in: StandIn, command: str
) -> None:
    stand_in("go", f"{GO} {command}) echo no such module >&2; exit 1 ;; esac")
    with pytest.raises(BuildError, match=rf"(?s)Making the example failed at `go {command}`.*no such module") as caught:
        build.ensure(home, Silent())
    assert caught.value.log == home.logs / "build-key.log"
    assert not build.done
