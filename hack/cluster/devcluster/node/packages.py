"""Programs the node needs from the distribution: checked, and on Debian and its kin installed."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from devcluster.console import Reporter
from devcluster.errors import BuildError, MissingProgramError
from devcluster.home import Home

SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
CNI_DIRECTORIES = (Path("/usr/lib/cni"), Path("/opt/cni/bin"), Path("/usr/libexec/cni"))
CNI_PLUGINS = ("host-local", "loopback", "portmap", "ptp")

# Program: Debian package.
PROGRAMS = {
    "conntrack": "conntrack",
    "containerd": "containerd",
    "containerd-shim-runc-v2": "containerd",
    "ctr": "containerd",
    "ip": "iproute2",
    "iptables": "iptables",
    "mount": "mount",
    "nft": "nftables",
    "runc": "runc",
    "unshare": "util-linux",
}
CNI_PACKAGE = "containernetworking-plugins"
POLICY = Path("/usr/sbin/policy-rc.d")


def ensure_programs(home: Home, reporter: Reporter) -> None:
    """Install what is missing, where apt and root are there.

    Raises:
        MissingProgramError: something is missing and cannot be installed here.
        BuildError: apt failed.
    """
    absent = missing()
    if not absent:
        return
    packages = sorted(set(absent.values()))
    apt = shutil.which("apt-get", path=SEARCH_PATH)
    if not apt or os.geteuid():
        listed = ", ".join(f"{program} (Debian package {package})" for program, package in sorted(absent.items()))
        message = f"The node needs programs this machine does not have: {listed}. Install them."
        raise MissingProgramError(message)
    with reporter.step(f"Installing {', '.join(packages)}"):
        _install(apt, packages, home)
    if still := missing():
        message = f"Still missing after installing {', '.join(packages)}: {', '.join(sorted(still))}."
        raise MissingProgramError(message)


def missing() -> dict[str, str]:
    """Programs that are absent, each with the package that ships it."""
    absent = {name: package for name, package in PROGRAMS.items() if not shutil.which(name, path=SEARCH_PATH)}
    if not cni_directory():
        absent |= dict.fromkeys((f"CNI plugin {plugin}" for plugin in CNI_PLUGINS), CNI_PACKAGE)
    return absent


def cni_directory() -> Path | None:
    """Where the network plugins are; None if they are not all in one place."""
    return next((path for path in CNI_DIRECTORIES if all((path / plugin).exists() for plugin in CNI_PLUGINS)), None)


def program(name: str) -> str:
    """The path of a program that `ensure_programs` has found."""
    found = shutil.which(name, path=SEARCH_PATH)
    if not found:
        message = f"{name} has disappeared from {SEARCH_PATH}; install the package {PROGRAMS.get(name, name)}"
        raise MissingProgramError(message)
    return found


def _install(apt: str, packages: list[str], home: Home) -> None:
    home.logs.mkdir(parents=True, exist_ok=True)
    log = home.logs / "packages.log"
    environment: Mapping[str, str] = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with _no_services(), log.open("w") as output:
        for command in (
            [apt, "update"],
            [apt, "install", "--yes", "--no-install-recommends", *packages],
        ):
            done = subprocess.run(command, env=environment, stdout=output, stderr=subprocess.STDOUT, check=False)
            if done.returncode:
                message = f"`{' '.join(command)}` failed."
                raise BuildError(message, log)


@contextmanager
def _no_services() -> Iterator[None]:
    """Keep packages from starting their system services, the way Debian provides for it."""
    if POLICY.exists():
        yield
        return
    POLICY.write_text("#!/bin/sh\nexit 101\n")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink(missing_ok=True)
