"""The installer: what is there stays, what is missing is installed once, and what cannot be has a remedy."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from chassis_testing import command, debian, install, programs
from chassis_testing.cache import Cached, home
from chassis_testing.errors import InstallError

ALL = ("postgresql", "redis", "rabbitmq", "kafka", "mongodb", "stripe-mock", "ghz")


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with nothing on PATH and nothing in the cache; returns the folder that is PATH."""
    path = tmp_path / "bin"
    path.mkdir()
    monkeypatch.setenv("PATH", str(path))
    monkeypatch.setenv("POSTGRES_BIN", str(path))
    monkeypatch.setenv("CHASSIS_TESTING_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    return path


def program(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_a_second_run_fetches_and_builds_nothing() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "chassis_testing.install", *ALL], check=True, capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("", "")


def test_knows_its_services() -> None:
    assert tuple(install.SERVICES) == ALL
    with pytest.raises(SystemExit):
        install.main(["oracle"])


def test_without_apt_the_packages_are_named(bare: Path, capsys: pytest.CaptureFixture[str]) -> None:
    del bare
    assert install.main(["postgresql", "redis"]) == 1
    assert "`apt-get` is not on PATH: install what Debian calls postgresql-15 redis-server" in capsys.readouterr().err


def test_only_root_installs_packages(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(bare, "apt-get", "exit 1")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(InstallError, match="sudo apt-get install --no-install-recommends redis-server"):
        install.install(["redis"])


@pytest.mark.parametrize(
    ("service", "remedy"), [("kafka", "apt-get install maven"), ("stripe-mock", "https://go.dev/doc/install")]
)
def test_a_missing_build_tool_has_a_remedy(bare: Path, service: str, remedy: str) -> None:
    program(bare, "java", "exit 0")
    with pytest.raises(InstallError, match=remedy):
        install.install([service])


def test_a_build_that_fails_shows_its_output_and_leaves_nothing(bare: Path) -> None:
    program(bare, "java", "exit 0")
    program(bare, "mvn", "echo 'no such artifact'; exit 3")
    with pytest.raises(InstallError, match=r"(?s)failed with exit code 3.*no such artifact"):
        install.install(["kafka"])
    assert not programs.KAFKA.there


def test_a_build_is_kept(bare: Path) -> None:
    program(bare, "go", 'echo "$2" > "$GOBIN/stripe-mock"')
    said: list[str] = []
    install.install(["stripe-mock"], said.append)
    install.install(["stripe-mock"], said.append)
    assert said == ["downloading and building stripe-mock"]
    assert programs.stripe_mock().read_text() == "github.com/stripe/stripe-mock@v0.203.0\n"


def test_what_is_still_missing_afterwards_is_said(bare: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root installs packages")
    program(bare, "apt-get", "exit 0")
    with pytest.raises(InstallError, match="redis was installed and still is not there"):
        install.install(["redis"])


def test_no_service_starts_during_an_installation(bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    policy = tmp_path / "policy-rc.d"
    program(bare, "apt-get", f"{policy}; echo $? >> {tmp_path}/asked; exit 0")
    monkeypatch.setattr(debian, "POLICY", policy)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    debian.install(["redis-server"])
    assert (tmp_path / "asked").read_text().split() == ["101", "101"]
    assert not policy.exists()


def test_a_policy_of_the_machine_stays(bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    policy = tmp_path / "policy-rc.d"
    policy.write_text("its own")
    program(bare, "apt-get", "exit 0")
    monkeypatch.setattr(debian, "POLICY", policy)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    debian.install(["redis-server"])
    assert policy.read_text() == "its own"


def test_other_pins_have_another_folder(bare: Path) -> None:
    del bare
    assert Cached("kafka", (b"4.1.1",)).folder != Cached("kafka", (b"4.1.2",)).folder
    assert Cached("kafka", (b"4.1.1",)).folder == Cached("kafka", (b"4.1.1",)).folder


def test_two_at_once_build_once(bare: Path) -> None:
    del bare
    cached = Cached("slow", (b"1",))
    filled: list[Path] = []
    entered = threading.Event()

    def fill(folder: Path) -> None:
        entered.wait(10)
        filled.append(folder)

    threads = [threading.Thread(target=cached.make, args=(fill,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    entered.set()
    for thread in threads:
        thread.join(10)
    assert len(filled) == 1
    assert cached.there


def test_an_interrupted_build_is_begun_anew(bare: Path) -> None:
    del bare
    cached = Cached("kafka", (b"1",))
    draft = home() / f".{cached.folder.name}"
    draft.mkdir(parents=True)
    (draft / "half").touch()
    cached.make(lambda folder: (folder / "whole").touch())
    assert [path.name for path in cached.folder.iterdir()] == ["whole"]


def test_the_cache_is_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CHASSIS_TESTING_HOME", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert home() == Path("/somewhere/chassis-testing")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/home/ada")
    assert home() == Path("/home/ada/.cache/chassis-testing")


def test_output_is_cut_to_its_end() -> None:
    with pytest.raises(InstallError) as caught:
        command.run(["sh", "-c", "seq 1000; exit 1"])
    assert "1000" in str(caught.value)
    assert "\n500\n" not in str(caught.value)
