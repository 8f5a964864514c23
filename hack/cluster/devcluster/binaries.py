"""The Kubernetes programs: found where they fit, else built once from their Go modules into the cache."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from devcluster.console import Reporter, Step
from devcluster.errors import BuildError
from devcluster.home import Home, remove_tree
from devcluster.toolchain import Version, find_go, parse_version

SOURCE = Path(__file__).resolve().parent.parent / "binaries"
CONTROL_PLANE = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl")
LINKS = (*CONTROL_PLANE, "coredns", "helm", "kube-proxy", "kubelet")  # names the multi-call program answers to
VERSION_QUERIES = {"kubectl": ("version", "--client")}  # the others take --version


@dataclass(frozen=True)
class Binaries:
    """Paths of programs, and a key that changes when any of them does."""

    key: str
    paths: dict[str, Path]

    def __getitem__(self, program: str) -> str:
        """The path of one program, as an argument vector wants it."""
        return str(self.paths[program])


@dataclass(frozen=True)
class Pins:
    """Versions the Go module asks for."""

    go: Version
    kubernetes: str
    etcd: str

    @classmethod
    def read(cls, source: Path = SOURCE) -> Pins:
        """Read them from go.mod.

        Raises:
            FileNotFoundError: this package does not run from a checkout.
        """
        text = (source / "go.mod").read_text()

        def version(pattern: str) -> str:
            found = re.search(rf"^\s*(?:require )?{pattern} (\S+)", text, re.MULTILINE)
            if not found:
                message = f"{source / 'go.mod'} names no {pattern}"
                raise ValueError(message)
            return found.group(1)

        go = parse_version(version("go"))
        assert go is not None, "go.mod's go line is a version"
        return cls(go, version(r"k8s\.io/kubernetes"), version(r"go\.etcd\.io/etcd/server/v3"))

    def fits(self, program: str, version: str) -> bool:
        """Whether a program of this version can stand in for our build: the same major and minor version."""
        found, wanted = parse_version(version), parse_version(self.etcd if program == "etcd" else self.kubernetes)
        return found is not None and wanted is not None and found[:2] == wanted[:2]


def control_plane_binaries(home: Home, reporter: Reporter, pins: Pins | None = None) -> Binaries:
    """What the control plane needs: $KUBEBUILDER_ASSETS if it fits, our build, what is on PATH if it fits, or a build.

    Raises:
        BuildError: they had to be built and could not be.
    """
    pins = pins or Pins.read()
    if (assets := os.environ.get("KUBEBUILDER_ASSETS")) and (found := find_fitting(CONTROL_PLANE, pins, assets)):
        return found
    if built := cached(home, pins):
        return built
    return find_fitting(CONTROL_PLANE, pins, os.environ.get("PATH", "")) or built_binaries(home, reporter, pins)


def find_fitting(programs: Sequence[str], pins: Pins, search_path: str) -> Binaries | None:
    """All of these programs in versions that fit; None if a single one is missing: halves are not mixed."""
    paths: dict[str, Path] = {}
    identity = hashlib.sha256()
    for program in programs:
        found = shutil.which(program, path=search_path)
        if not found:
            return None
        try:
            answer = subprocess.run(
                [found, *VERSION_QUERIES.get(program, ("--version",))], capture_output=True, text=True, check=True
            ).stdout
        except (OSError, subprocess.CalledProcessError):
            return None
        if not pins.fits(program, answer):
            return None
        paths[program] = Path(found)
        identity.update(f"{found}\n{answer}\n".encode())
    return Binaries(identity.hexdigest()[:16], paths)


def cached(home: Home, pins: Pins | None = None) -> Binaries | None:
    """Our build of exactly this source, if it is in the cache."""
    key = _key(pins or Pins.read())
    directory = home.binaries / key
    if not (directory / "kube").exists():
        return None
    return Binaries(key, {name: directory / name for name in (*LINKS, "pause")})


def built_binaries(home: Home, reporter: Reporter, pins: Pins | None = None) -> Binaries:
    """Our build: from the cache, else built now. Two callers at once build once.

    Raises:
        BuildError: the build failed.
    """
    pins = pins or Pins.read()
    if built := cached(home, pins):
        return built
    with home.lock("binaries", lambda: reporter.note("Another process is building the Kubernetes programs; waiting …")):
        if built := cached(home, pins):
            return built
        go = find_go(home, pins.go, reporter)
        _build(home, go, pins, reporter)
    built = cached(home, pins)
    assert built is not None, "a build that raised nothing is in the cache"
    return built


def build_flags(pins: Pins) -> list[str]:
    """Arguments of `go build`. Without the versions kubectl and helm cannot parse the server's answer."""
    major, minor = pins.kubernetes.removeprefix("v").split(".")[:2]
    values = {"gitVersion": pins.kubernetes, "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    packages = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    definitions = [f"-X {package}.{name}={value}" for package in packages for name, value in values.items()]
    return ["-trimpath", "-ldflags", " ".join(["-s", "-w", *definitions])]


def _key(pins: Pins) -> str:
    digest = hashlib.sha256(f"{platform.machine()} {build_flags(pins)}".encode())
    for path in sorted([*SOURCE.rglob("*.go"), *SOURCE.glob("go.*")]):
        digest.update(f"{path.relative_to(SOURCE)}\n".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def _build(home: Home, go: Path, pins: Pins, reporter: Reporter) -> None:
    key = _key(pins)
    draft = home.binaries / f".{key}"  # renamed when complete: a folder without the dot is whole
    remove_tree(draft)
    draft.mkdir(parents=True)
    home.logs.mkdir(parents=True, exist_ok=True)
    log = home.logs / f"build-{key}.log"
    log.write_text("")
    environment = {**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOWORK": "off", "GOFLAGS": ""}

    def run(title: str, arguments: Sequence[str], progress: Callable[[Step, Path], None]) -> None:
        with reporter.step(title) as step, log.open("ab") as output:
            process = subprocess.Popen(
                [str(go), *arguments], cwd=SOURCE, env=environment, stdout=output, stderr=subprocess.STDOUT
            )
            try:
                while process.poll() is None:
                    progress(step, log)
                    time.sleep(0.5)
            except BaseException:
                process.kill()
                process.wait()
                raise
            if process.returncode:
                message = f"Building the Kubernetes programs failed at `go {arguments[0]}`."
                raise BuildError(message, log)

    begun = time.monotonic()

    def elapsed(step: Step, _: Path) -> None:
        step.update(f"{time.monotonic() - begun:.0f} s")

    def compiled(step: Step, log: Path) -> None:
        packages = log.read_bytes().count(b"\n")
        step.update(f"{packages} packages, {time.monotonic() - begun:.0f} s")

    run("Downloading Go modules", ["mod", "download"], elapsed)
    title = f"Building Kubernetes {pins.kubernetes} (the first time takes minutes; the result is kept)"
    run(title, ["build", "-v", *build_flags(pins), "-o", str(draft / "kube"), "."], compiled)
    run("Building the pause program", ["build", "-trimpath", "-o", str(draft / "pause"), "./pause"], elapsed)
    for name in LINKS:
        (draft / name).symlink_to("kube")
    remove_tree(home.binaries / key)  # a folder without the program: somebody cleaned the cache by hand
    draft.rename(home.binaries / key)
