"""Programs that judge what would be given to a cluster, with no cluster: kubeconform, kube-score, the Compose loader.

They are a Go module of their own, so that a new version of one of them does not build Kubernetes again. So is kstatus,
which judges what a cluster answers: it needs newer libraries of Kubernetes than kube-score takes.
"""

from __future__ import annotations

from pathlib import Path

from devcluster.binaries import Binaries
from devcluster.builds import Build, Go, packages_built, source_key
from devcluster.console import Reporter
from devcluster.home import Home

SOURCE = Path(__file__).resolve().parent.parent / "tools"
KSTATUS_SOURCE = SOURCE.parent / "kstatus"
PROGRAMS = ("compose", "kube-score", "kubeconform")
FLAGS = ["-trimpath", "-ldflags", "-s -w"]


def built_tools(home: Home, reporter: Reporter) -> Binaries:
    """Our build of PROGRAMS: from the cache, else built now. Two callers at once build once.

    `compose` reads a Compose file from standard input and writes it as `docker compose config` does, as JSON.

    Raises:
        BuildError: the build failed.
    """
    directory = home.binaries / source_key(SOURCE, FLAGS)
    Build("the tools for manifests", SOURCE, directory, PROGRAMS[-1], _make).ensure(home, reporter)
    return Binaries(directory.name, {name: directory / name for name in PROGRAMS})


def built_kstatus(home: Home, reporter: Reporter) -> Path:
    """Our build of the rules by which Flux judges an object: objects from standard input, a verdict a line.

    Raises:
        BuildError: the build failed.
    """
    directory = home.binaries / source_key(KSTATUS_SOURCE, FLAGS)
    Build("Flux's rules", KSTATUS_SOURCE, directory, "kstatus", _make_kstatus).ensure(home, reporter)
    return directory / "kstatus"


def _make_kstatus(go: Go, folder: Path) -> None:
    go.run("Downloading Go modules of Flux's rules", "mod", "download")
    go.run("Building Flux's rules", "build", "-v", *FLAGS, "-o", f"{folder}/", ".", progress=packages_built)


def _make(go: Go, folder: Path) -> None:
    go.run("Downloading Go modules of the tools for manifests", "mod", "download")
    # `tool` is every tool that go.mod names
    arguments = ["-v", *FLAGS, "-o", f"{folder}/", "tool", "./compose"]
    go.run(f"Building {', '.join(PROGRAMS)}", "build", *arguments, progress=packages_built)
