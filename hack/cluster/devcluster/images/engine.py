"""Who builds: the Docker engine if it answers, else buildah."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from devcluster.errors import UsageError
from devcluster.home import Home
from devcluster.images.command import run
from devcluster.images.context import ignore_file
from devcluster.images.packages import install_missing

# Where a custom CA bundle appears during a build, as the secret "ca" of the Dockerfiles' RUN steps.
CA_IN_BUILD = "/run/ca.crt"
# Where to get Python packages from is the machine's business; folders on the machine mean nothing inside a build.
PASSED_ON = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST", "UV_DEFAULT_INDEX", "UV_INDEX", "UV_INDEX_URL")

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Request:
    """What to build."""

    context: Path
    name: str
    dockerfile: Path
    target: str | None = None
    build_args: Mapping[str, str] = field(default_factory=dict)


class Engine(Protocol):
    """Something that builds images."""

    name: str
    bases: str
    """Names the base images that this engine brings itself; empty if it takes them from a registry."""

    def build(self, request: Request, archive: Path, log: Path, progress: Progress) -> None:
        """Build and write the image as a docker-archive.

        Raises:
            ImageBuildError: the build failed.
        """


def choose_engine(home: Home) -> Engine:
    """Docker if its engine answers, else buildah."""
    return DockerEngine() if docker_answers() else BuildahEngine(home)


def docker_answers() -> bool:
    """Whether there is a Docker client with a running engine."""
    if shutil.which("docker") is None:
        return False
    try:
        return subprocess.run(["docker", "info"], capture_output=True, check=False, timeout=10).returncode == 0  # noqa: S607
    except subprocess.TimeoutExpired:
        return False


class DockerEngine:
    """`docker build` on public base images."""

    name = "docker"
    bases = ""

    def build(self, request: Request, archive: Path, log: Path, progress: Progress) -> None:
        """Build and save."""
        run(["docker", "build", *arguments(request), str(request.context)], log, progress, env={"DOCKER_BUILDKIT": "1"})
        run(["docker", "save", "--output", str(archive), request.name], log, progress)


class BuildahEngine:
    """`buildah bud` without a daemon, on base images of our own."""

    name = "buildah"

    def __init__(self, home: Home) -> None:
        # Here, because bases are built with this engine too.
        from devcluster.images.bases import Bases  # noqa: PLC0415

        self._storage = home.images / "storage"
        # Mount counters: of this boot only, so in a place that a boot empties.
        self._state = Path("/run/delivery-devcluster") / re.sub(r"\W", "-", str(home.root)).strip("-")
        self._bases = Bases(self, home)
        self.bases = self._bases.key

    def build(self, request: Request, archive: Path, log: Path, progress: Progress) -> None:
        """Build on our own bases and save."""
        self.require(log, progress)
        self._run(["rm", "--all"], log, progress)  # containers that failed builds have left in the storage
        bases = self._bases.arguments(request.dockerfile, log, progress)
        given = Request(
            request.context, request.name, request.dockerfile, request.target, {**bases, **request.build_args}
        )
        self.bud(given, log, progress)
        progress("saving")
        self._run(["push", "--quiet", request.name, f"docker-archive:{archive}:{request.name}"], log, progress)

    def bud(self, request: Request, log: Path, progress: Progress) -> None:
        """Build into the storage."""
        words = ["bud", "--layers", "--network", "host", *arguments(request)]
        ignore = ignore_file(request.context, request.dockerfile)
        if ignore.is_file():  # Debian's buildah does not look beside the Dockerfile by itself
            words += ["--ignorefile", str(ignore)]
        self._run([*words, str(request.context)], log, progress)

    def has(self, name: str) -> bool:
        """Whether the storage holds an image of this name."""
        query = [*self._command, "inspect", "--type", "image", "--format", "{{.FromImageID}}", name]
        return subprocess.run(query, capture_output=True, check=False).returncode == 0

    def require(self, log: Path, progress: Progress) -> None:
        """Make sure that buildah can run here.

        Raises:
            UsageError: not root.
            MissingProgramError: buildah is not there and could not be installed.
        """
        if os.geteuid() != 0:
            raise UsageError("Building images without a Docker engine needs root. Start Docker, or run this as root.")
        install_missing({"buildah": "buildah", "mmdebstrap": "mmdebstrap"}, log, progress)

    @property
    def _command(self) -> list[str]:
        return ["buildah", "--root", str(self._storage), "--runroot", str(self._state)]

    def _run(self, words: Sequence[str], log: Path, progress: Progress) -> None:
        # chroot: no namespaces or cgroups of its own, so it works inside containers and small virtual machines too.
        run([*self._command, *words], log, progress, env={"BUILDAH_ISOLATION": "chroot"})


def arguments(request: Request, environment: Mapping[str, str] = os.environ) -> list[str]:
    """The arguments that `docker build` and `buildah bud` have in common."""
    values = {name: environment[name] for name in PASSED_ON if environment.get(name)}
    words = ["--file", str(request.dockerfile), "--tag", request.name]
    if (bundle := environment.get("PIP_CERT") or environment.get("SSL_CERT_FILE")) and Path(bundle).is_file():
        words += ["--secret", f"id=ca,src={bundle}"]
        values |= {"PIP_CERT": CA_IN_BUILD, "SSL_CERT_FILE": CA_IN_BUILD}
    if request.target:
        words += ["--target", request.target]
    declared = declared_arguments(request.dockerfile)
    for name, value in {**values, **request.build_args}.items():
        # A standard value that this Dockerfile has no use for would only make the engine complain.
        if name in declared or name in request.build_args:
            words += ["--build-arg", f"{name}={value}"]
    return words


def declared_arguments(dockerfile: Path) -> set[str]:
    """The names that a Dockerfile declares with ARG."""
    return set(re.findall(r"^\s*ARG\s+(\w+)", dockerfile.read_text(), re.MULTILINE | re.IGNORECASE))
