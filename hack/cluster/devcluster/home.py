"""Where everything is kept: one folder per user for caches and clusters, and the locks that guard it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from devcluster.errors import UsageError

# A name becomes part of paths, certificates and cgroups, and of a node's name (63 characters at most).
NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?")


@dataclass(frozen=True)
class Home:
    """The folder of this user's caches and clusters."""

    root: Path

    @classmethod
    def default(cls) -> Home:
        """$DEVCLUSTER_HOME, else delivery-devcluster in the user's cache folder."""
        if explicit := os.environ.get("DEVCLUSTER_HOME"):
            return cls(Path(explicit).absolute())
        cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        return cls(Path(cache).absolute() / "delivery-devcluster")

    @property
    def binaries(self) -> Path:
        """Builds of programs, one folder per version of their source."""
        return self.root / "binaries"

    @property
    def crds(self) -> Path:
        """CRD files of other projects, one folder per set of their versions."""
        return self.root / "crds"

    @property
    def toolchain(self) -> Path:
        """A Go toolchain of our own, where the machine has none."""
        return self.root / "toolchain"

    @property
    def images(self) -> Path:
        """Image archives that are made once and loaded into every new cluster."""
        return self.root / "images"

    @property
    def logs(self) -> Path:
        """Logs of what is not one cluster's: builds and package installation."""
        return self.root / "logs"

    def cluster(self, name: str) -> Path:
        """The folder of one cluster.

        Raises:
            UsageError: the name cannot be used.
        """
        if not NAME.fullmatch(name):
            message = f"{name!r} cannot be a cluster's name: use up to 40 lower-case letters, digits and hyphens"
            raise UsageError(message)
        return self.root / "clusters" / name

    def cluster_names(self) -> list[str]:
        """Names of the clusters this home knows, up or not."""
        return sorted(path.parent.name for path in self.root.glob("clusters/*/state.json"))

    @contextlib.contextmanager
    def lock(self, subject: str, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
        """Hold the lock of one subject (a cluster, the binaries) against every other process of this user.

        `waiting` is called once if somebody else holds it. The kernel drops the lock of a process that dies.
        """
        path = self.root / "locks" / f"{subject}.lock"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                waiting()
                fcntl.flock(file, fcntl.LOCK_EX)
            yield


def private_directory(path: Path) -> Path:
    """Make a folder that only its owner can read (it will hold keys, sockets or logs) and return it."""
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(0o700)
    return path


def remove_tree(path: Path) -> None:
    """Remove a folder if it is there; what another process removes meanwhile is no error."""
    while path.exists():
        with contextlib.suppress(FileNotFoundError):  # rmtree stops at the first file that has gone: go on
            shutil.rmtree(path)


def write_atomically(path: Path, text: str, mode: int = 0o600) -> None:
    """Write a file so that a reader sees the old text or the new one, never a part."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.touch(mode)
    draft.write_text(text)
    draft.replace(path)
