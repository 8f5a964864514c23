"""What is asked of Docker and buildah."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from devcluster.errors import MissingProgramError, UsageError
from devcluster.home import Home
from devcluster.images import engine, packages
from devcluster.images.bases import Bases, bootstrap
from devcluster.images.command import ImageBuildError, run
from devcluster.images.engine import BuildahEngine, DockerEngine, Request, arguments, declared_arguments

DOCKERFILE = """\
ARG BUILD_IMAGE=debian:bookworm-slim
arg RUNTIME_IMAGE=gcr.io/distroless/python3-debian12
FROM ${BUILD_IMAGE}
ARG PIP_INDEX_URL
ARG PIP_CERT
"""

Install = Callable[[str, str], None]


@pytest.fixture
def request_(tmp_path: Path) -> Request:
    dockerfile = tmp_path / "Dockerfile"
    dockerfile.write_text(DOCKERFILE)
    return Request(tmp_path, "order:v1", dockerfile)


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Installs a shell script as a program, the only ones on PATH besides the system's shell."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))

    def install(name: str, script: str) -> None:
        path = folder / name
        path.write_text(f'#!/bin/sh\necho "{name} $*" >> "$CALLS"\n{script}\n')
        path.chmod(0o755)

    return install


def nothing(_text: str) -> None:
    pass


def test_finds_declared_arguments(request_: Request) -> None:
    assert declared_arguments(request_.dockerfile) == {"BUILD_IMAGE", "RUNTIME_IMAGE", "PIP_INDEX_URL", "PIP_CERT"}


def test_passes_on_only_what_is_set_and_declared(request_: Request) -> None:
    environment = {"PIP_INDEX_URL": "https://pypi.example.com", "UV_DEFAULT_INDEX": "https://undeclared", "HOME": "/"}
    words = arguments(request_, environment)
    assert words == [
        *("--file", str(request_.dockerfile), "--tag", "order:v1"),
        *("--build-arg", "PIP_INDEX_URL=https://pypi.example.com"),
    ]


def test_a_ca_bundle_goes_in_as_a_secret(request_: Request, tmp_path: Path) -> None:
    bundle = tmp_path / "ca.crt"
    bundle.touch()
    words = arguments(request_, {"SSL_CERT_FILE": str(bundle)})
    assert words[4:] == ["--secret", f"id=ca,src={bundle}", "--build-arg", "PIP_CERT=/run/ca.crt"]
    assert "--secret" not in arguments(request_, {"PIP_CERT": str(tmp_path / "missing")})


def test_given_arguments_win_and_are_never_dropped(request_: Request) -> None:
    given = Request(request_.context, "order:v1", request_.dockerfile, "build", {"PIP_INDEX_URL": "x", "OTHER": "y"})
    words = arguments(given, {"PIP_INDEX_URL": "z"})
    assert words[4:] == ["--target", "build", "--build-arg", "PIP_INDEX_URL=x", "--build-arg", "OTHER=y"]


def test_docker_builds_on_the_public_bases(request_: Request, tmp_path: Path, program: Install) -> None:
    program("docker", "")
    DockerEngine().build(request_, tmp_path / "image.tar", tmp_path / "log", nothing)
    build, save = (tmp_path / "calls").read_text().splitlines()
    assert build.startswith(f"docker build --file {request_.dockerfile} --tag order:v1")
    assert build.endswith(str(request_.context))
    assert "RUNTIME_IMAGE" not in build
    assert save == f"docker save --output {tmp_path}/image.tar order:v1"


def test_buildah_builds_on_our_own_bases(
    request_: Request, tmp_path: Path, program: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    program("buildah", 'case " $* " in *" inspect "*) exit 1 ;; esac')
    program("mmdebstrap", "")
    home = Home(tmp_path / "home")
    home.images.mkdir(parents=True)
    BuildahEngine(home).build(request_, tmp_path / "image.tar", tmp_path / "log", nothing)
    calls = [line for line in (tmp_path / "calls").read_text().splitlines() if " inspect " not in line]
    made = [
        next(word for word in call.split() if word.startswith(("localhost/devcluster/", "order:v1")))
        for call in calls
        if " bud " in call
    ]
    assert [name.partition(":")[0] for name in made][-1] == "order"
    assert {name.partition(":")[0] for name in made[:-1]} == {
        "localhost/devcluster/debian",
        "localhost/devcluster/python-runtime",
    }
    assert "--build-arg BUILD_IMAGE=localhost/devcluster/debian:" in calls[-2]
    assert "--build-arg RUNTIME_IMAGE=localhost/devcluster/python-runtime:" in calls[-2]
    assert calls[-1].endswith(f"push --quiet order:v1 docker-archive:{tmp_path}/image.tar:order:v1")
    assert all(f"--root {home.images}/storage" in call for call in calls if call.startswith("buildah"))


def test_bases_that_are_there_are_not_made_again(request_: Request, tmp_path: Path) -> None:
    class Builder:
        def bud(self, request: Request, log: Path, progress: engine.Progress) -> None:
            raise AssertionError(request, log, progress)

        def has(self, name: str) -> bool:
            return name.startswith("localhost/devcluster/")

    values = Bases(Builder(), Home(tmp_path)).arguments(request_.dockerfile, tmp_path / "log", nothing)
    assert set(values) == {"BUILD_IMAGE", "RUNTIME_IMAGE"}


def test_the_debian_base_is_small_and_stays_small() -> None:
    command = bootstrap(Path("root.tar"))
    assert command[:2] == ["mmdebstrap", "--variant=minbase"]
    assert command[-2:] == ["bookworm", "root.tar"]
    assert any("/var/cache/apt/archives" in word for word in command)


def test_without_root_and_docker_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(UsageError, match="needs root"):
        BuildahEngine(Home(tmp_path)).require(tmp_path / "log", nothing)


def test_docker_is_chosen_only_if_its_engine_answers(tmp_path: Path, program: Install) -> None:
    home = Home(tmp_path)
    assert engine.choose_engine(home).name == "buildah"
    program("docker", "exit 1")
    assert engine.choose_engine(home).name == "buildah"
    program("docker", "exit 0")
    assert engine.choose_engine(home).name == "docker"


def test_missing_programs_are_installed(tmp_path: Path, program: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    program("there", "")
    program("apt-get", "")
    packages.install_missing({"there": "there", "buildah": "buildah"}, tmp_path / "log", nothing)
    update, install = (tmp_path / "calls").read_text().splitlines()
    assert update.endswith("update")
    assert install.endswith("install --no-install-recommends buildah")


def test_missing_programs_that_cannot_be_installed_are_named(
    tmp_path: Path, program: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(MissingProgramError, match="apt-get install buildah, or start Docker"):
        packages.install_missing({"buildah": "buildah"}, tmp_path / "log", nothing)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    program("apt-get", "echo no network; exit 100")
    with pytest.raises(MissingProgramError, match="no network"):
        packages.install_missing({"buildah": "buildah"}, tmp_path / "log", nothing)


def test_steps_are_reported_and_everything_is_logged(tmp_path: Path, program: Install) -> None:
    steps: list[str] = []
    program("build", "echo 'STEP 1/2: FROM scratch'; echo noise; echo '#5 [build 2/7] RUN make' >&2")
    run(["build"], tmp_path / "log", steps.append)
    assert steps == ["1/2 FROM scratch", "2/7 RUN make"]
    assert "noise" in (tmp_path / "log").read_text()


def test_a_failed_program_is_an_error_with_the_end_of_its_log(tmp_path: Path, program: Install) -> None:
    program("build", "echo the reason; exit 3")
    with pytest.raises(ImageBuildError, match="build image ended with exit code 3") as failed:
        run(["build", "--quiet", "image"], tmp_path / "log", nothing)
    assert "the reason" in str(failed.value)
