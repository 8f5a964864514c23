"""Where the files of one embedded cluster are."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Layout:
    """Paths of one cluster. `run` is short and apart, because the path of a Unix socket has at most 107 characters."""

    directory: Path
    run: Path

    @property
    def pki(self) -> Path:
        """Certificates and keys."""
        return self.directory / "pki"

    @property
    def config(self) -> Path:
        """Configuration files and kubeconfigs of the components."""
        return self.directory / "config"

    @property
    def logs(self) -> Path:
        """One log per component."""
        return self.directory / "logs"

    @property
    def audit_log(self) -> Path:
        """The API server's audit log; rotated files lie beside it."""
        return self.directory / "audit/audit.log"

    def log(self, component: str) -> Path:
        """The log of one component."""
        return self.logs / f"{component}.log"

    def kubeconfig(self, user: str) -> Path:
        """The kubeconfig of one component."""
        return self.config / f"{user}.kubeconfig"


def new_run_directory() -> Path:
    """A new folder with a short path, readable by its owner only, for sockets.

    Not below /run, which a node hides behind one of its own, nor $TMPDIR, which can be long.
    """
    return Path(tempfile.mkdtemp(prefix="devcluster-", dir="/tmp"))
