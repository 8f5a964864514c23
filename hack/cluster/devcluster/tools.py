"""Programs that judge what would be given to a cluster, with no cluster: kubeconform, kube-score, the Compose loader.

They are a Go module of their own, so that a new version of one of them does not build Kubernetes again.
"""

from __future__ import annotations

from pathlib import Path

from devcluster.binaries import Binaries
from devcluster.builds import Build, Go, packages_built, source_key
from devcluster.console import Reporter
from devcluster.home import Home

SOURCE = Path(__file__).resolve().parent.parent / "tools"
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


def _make(go: Go, folder: Path) -> None:
    go.run("Downloading Go modules of the tools for manifests", "mod", "download")
    # `tool` is every tool that go.mod names
    arguments = ["-v", *FLAGS, "-o", f"{folder}/", "tool", "./compose"]
    go.run(f"Building {', '.join(PROGRAMS)}", "build", *arguments, progress=packages_built)
