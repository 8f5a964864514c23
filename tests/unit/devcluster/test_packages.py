from pathlib import Path

import pytest

from devcluster.console import Silent
from devcluster.errors import BuildError, MissingProgramError
from devcluster.home import Home
from devcluster.node import packages
from tests.unit.devcluster.conftest import StandIn


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without any of the programs."""
    (tmp_path / "machine").mkdir()
    monkeypatch.setattr(packages, "SEARCH_PATH", f"{tmp_path}/bin:{tmp_path}/machine")
    monkeypatch.setattr(packages, "CNI_DIRECTORIES", (tmp_path / "cni",))
    monkeypatch.setattr(packages, "POLICY", tmp_path / "policy-rc.d")
    monkeypatch.setattr("os.geteuid", lambda: 0)
    return tmp_path


def test_without_apt_the_error_names_programs_and_packages(bare: Path, home: Home) -> None:
    assert not list((bare / "machine").iterdir())
    with pytest.raises(MissingProgramError, match=r"nft \(Debian package nftables\)") as caught:
        packages.ensure_programs(home, Silent())
    assert "CNI plugin ptp (Debian package containernetworking-plugins)" in str(caught.value)


def test_what_is_missing_is_installed_without_starting_services(bare: Path, home: Home, stand_in: StandIn) -> None:
    cni = " ".join(f"{bare}/cni/{plugin}" for plugin in packages.CNI_PLUGINS)
    programs = " ".join(f"{bare}/machine/{program}" for program in packages.PROGRAMS)
    calls = stand_in(
        "apt-get",
        f'cat {bare}/policy-rc.d >>$CALLS; [ "$1" = update ] || {{ /bin/mkdir {bare}/cni; '
        f"/usr/bin/touch {cni} {programs}; /bin/chmod +x {programs}; }}",
    )
    packages.ensure_programs(home, Silent())
    said = calls.read_text()
    assert said.index("update") < said.index("install --yes --no-install-recommends conntrack containerd")
    assert said.count("exit 101") == 2
    assert not (bare / "policy-rc.d").exists()

    packages.ensure_programs(home, Silent())
    assert calls.read_text() == said, "nothing is missing any more"


def test_a_failed_installation_shows_what_apt_said(bare: Path, home: Home, stand_in: StandIn) -> None:
    assert bare.exists()
    stand_in("apt-get", "echo Temporary failure resolving deb.debian.org; exit 100")
    with pytest.raises(BuildError, match="Temporary failure resolving"):
        packages.ensure_programs(home, Silent())


def test_others_than_root_are_told_what_to_install(
    bare: Path, home: Home, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert bare.exists()
    calls = stand_in("apt-get", "")
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(MissingProgramError):
        packages.ensure_programs(home, Silent())
    assert calls.read_text() == ""
