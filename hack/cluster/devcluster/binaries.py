"""The Kubernetes programs: found where they fit, else built once from their Go modules into the cache."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from devcluster.builds import Build, Go, packages_built, pinned_go, pinned_version, source_key
from devcluster.console import Reporter
from devcluster.home import Home
from devcluster.toolchain import Version, parse_version

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
        kubernetes = pinned_version(source, "k8s.io/kubernetes")
        return cls(pinned_go(source), kubernetes, pinned_version(source, "go.etcd.io/etcd/server/v3"))

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
    build = _build(home, pins or Pins.read())
    return _programs(build.directory) if build.done else None


def built_binaries(home: Home, reporter: Reporter, pins: Pins | None = None) -> Binaries:
    """Our build: from the cache, else built now. Two callers at once build once.

    Raises:
        BuildError: the build failed.
    """
    return _programs(_build(home, pins or Pins.read()).ensure(home, reporter))


def _programs(directory: Path) -> Binaries:
    return Binaries(directory.name, {name: directory / name for name in (*LINKS, "pause")})


def build_flags(pins: Pins) -> list[str]:
    """Arguments of `go build`. Without the versions kubectl and helm cannot parse the server's answer."""
    major, minor = pins.kubernetes.removeprefix("v").split(".")[:2]
    values = {"gitVersion": pins.kubernetes, "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    packages = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    definitions = [f"-X {package}.{name}={value}" for package in packages for name, value in values.items()]
    return ["-trimpath", "-ldflags", " ".join(["-s", "-w", *definitions])]


def _build(home: Home, pins: Pins) -> Build:
    flags = build_flags(pins)

    def make(go: Go, folder: Path) -> None:
        go.run("Downloading Go modules", "mod", "download")
        title = f"Building Kubernetes {pins.kubernetes} (the first time takes minutes; the result is kept)"
        go.run(title, "build", "-v", *flags, "-o", str(folder / "kube"), ".", progress=packages_built)
        go.run("Building the pause program", "build", "-trimpath", "-o", str(folder / "pause"), "./pause")
        for name in LINKS:
            (folder / name).symlink_to("kube")

    directory = home.binaries / source_key(SOURCE, flags)
    return Build("the Kubernetes programs", SOURCE, directory, "kube", make)
