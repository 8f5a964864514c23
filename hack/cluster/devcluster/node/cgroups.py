"""Control groups of a node: one parent per cluster, for both versions of the kernel's interface."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
SETTLE = 5.0  # seconds an ended process may still count as a member


def parent(name: str) -> str:
    """The parent of a cluster's pods, from the root of each hierarchy."""
    return f"/devcluster-{name}"


def create(name: str, root: Path = ROOT) -> None:
    """Make the parent in every hierarchy: the kubelet asks for its figures before the first pod is there."""
    own = parent(name).lstrip("/")
    if not (root / "cgroup.controllers").exists():  # version 1: a folder per controller
        for hierarchy in root.iterdir():
            if (hierarchy / "cgroup.procs").exists():
                (hierarchy / own).mkdir(exist_ok=True)
        return
    (root / own).mkdir(exist_ok=True)
    for folder in (root, root / own):  # version 2: a parent says what its children may limit
        for controller in (folder / "cgroup.controllers").read_text().split():
            with contextlib.suppress(OSError):
                (folder / "cgroup.subtree_control").write_text(f"+{controller}")


def remove(name: str, root: Path = ROOT) -> list[Path]:
    """Remove a cluster's empty control groups; return what could not be removed."""
    deadline = time.monotonic() + SETTLE
    while True:
        left = [path for path in _existing(name, root) if not _remove_tree(path)]
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(0.05)


def _existing(name: str, root: Path) -> list[Path]:
    own = parent(name).lstrip("/")
    # Version 2 is one hierarchy at the root; in version 1 each controller is a folder there.
    return [path for path in (root / own, *root.glob(f"*/{own}")) if path.is_dir()]


def _remove_tree(path: Path) -> bool:
    # rmdir only: the files inside belong to the kernel and go with their folder.
    for directory, _, _ in os.walk(path, topdown=False):
        with contextlib.suppress(OSError):
            Path(directory).rmdir()
    return not path.exists()
