"""Base images for machines without a registry, in the place of the public ones that the Dockerfiles name.

| argument of a Dockerfile    | public default                             | here                           |
|-----------------------------|--------------------------------------------|--------------------------------|
| `BUILD_IMAGE`, `BASE_IMAGE` | debian:bookworm-slim                       | the same packages, by mmdebstrap |
| `RUNTIME_IMAGE`             | gcr.io/distroless/python3-debian12:nonroot | runtime.Dockerfile             |
"""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from devcluster.home import Home, remove_tree
from devcluster.images.command import run
from devcluster.images.engine import Progress, Request, declared_arguments

FOLDER = Path(__file__).parent
DEBIAN = "localhost/devcluster/debian"
RUNTIME = "localhost/devcluster/python-runtime"
SUITE = "bookworm"
# As in Debian's own slim images: nobody reads manuals in a container.
LEFT_OUT = ("doc", "man", "info", "locale", "lintian")

DEBIAN_DOCKERFILE = 'FROM scratch\nADD root.tar /\nCMD ["bash"]\n'
# As there, too: an installation in an image leaves no downloads in its layer.
APT_CLEAN = 'DPkg::Post-Invoke {"rm -f /var/cache/apt/archives/*.deb /var/cache/apt/*.bin"; };'


class Builder(Protocol):
    """What is asked of the engine."""

    def bud(self, request: Request, log: Path, progress: Progress) -> None:
        """Build into the storage."""

    def has(self, name: str) -> bool:
        """Whether the storage holds an image of this name."""


class Bases:
    """Makes the base images when a Dockerfile needs them."""

    def __init__(self, builder: Builder, home: Home) -> None:
        self._builder = builder
        self._context = home.images / "bootstrap"
        debian = _digest(" ".join(bootstrap(Path("root.tar"))), DEBIAN_DOCKERFILE)
        self.key = _digest(debian, *((FOLDER / name).read_text() for name in ("runtime.Dockerfile", "collect.sh")))
        """Changes when the definition of a base changes."""
        self._debian_name = f"{DEBIAN}:{debian}"
        self._runtime_name = f"{RUNTIME}:{self.key}"

    def arguments(self, dockerfile: Path, log: Path, progress: Progress) -> Mapping[str, str]:
        """Build arguments that point a Dockerfile to our bases; makes the ones that are not there yet."""
        declared = declared_arguments(dockerfile)
        makers = {"BUILD_IMAGE": self._debian, "BASE_IMAGE": self._debian, "RUNTIME_IMAGE": self._runtime}
        return {name: make(log, progress) for name, make in makers.items() if name in declared}

    def _debian(self, log: Path, progress: Progress) -> str:
        name = self._debian_name
        if not self._builder.has(name):
            progress(f"making a Debian {SUITE} base")
            context = self._context
            remove_tree(context)
            context.mkdir(parents=True)
            run(bootstrap(context / "root.tar"), log, progress)
            dockerfile = context / "Dockerfile"
            dockerfile.write_text(DEBIAN_DOCKERFILE)
            self._builder.bud(Request(context, name, dockerfile), log, progress)
            remove_tree(context)
        return name

    def _runtime(self, log: Path, progress: Progress) -> str:
        name = self._runtime_name
        if not self._builder.has(name):
            debian = self._debian(log, progress)
            progress("making a Python runtime base")
            request = Request(FOLDER, name, FOLDER / "runtime.Dockerfile", build_args={"BUILD_IMAGE": debian})
            self._builder.bud(request, log, progress)
        return name


def bootstrap(archive: Path) -> list[str]:
    """The command that writes a minimal Debian to an archive."""
    return [
        "mmdebstrap",
        "--variant=minbase",
        *(f"--dpkgopt=path-exclude=/usr/share/{folder}/*" for folder in LEFT_OUT),
        "--dpkgopt=path-include=/usr/share/doc/*/copyright",
        '--aptopt=APT::Install-Recommends "false"',
        f'--customize-hook=echo {shlex.quote(APT_CLEAN)} > "$1/etc/apt/apt.conf.d/clean"',
        SUITE,
        str(archive),
    ]


def _digest(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:16]
