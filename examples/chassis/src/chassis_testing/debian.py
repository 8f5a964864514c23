"""Installs Debian's packages and keeps their services from starting."""

import contextlib
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from chassis_testing.command import run
from chassis_testing.errors import InstallError

# Asked by every package's script before it starts a service; exit code 101 forbids it (invoke-rc.d(8)).
POLICY = Path("/usr/sbin/policy-rc.d")
FORBID = "#!/bin/sh\nexit 101\n"
LOCK_SECONDS = 300  # how long another apt-get may take


def install(packages: Sequence[str]) -> None:
    """Install packages. None of their services runs afterwards, unless a policy of the machine's own has it started.

    Raises:
        InstallError: this is not Debian, we are not root, or apt-get failed.
    """
    wanted = " ".join(packages)
    if (apt := shutil.which("apt-get")) is None:
        raise InstallError(f"`apt-get` is not on PATH: install what Debian calls {wanted} with this system's packages")
    if os.geteuid() != 0:
        raise InstallError(f"only root can install packages: sudo apt-get install --no-install-recommends {wanted}")
    options = ["-q", "-o", f"DPkg::Lock::Timeout={LOCK_SECONDS}"]
    with _no_services_started():
        run([apt, "update", *options])
        run([apt, "install", "-y", "--no-install-recommends", *options, *packages], DEBIAN_FRONTEND="noninteractive")


@contextlib.contextmanager
def _no_services_started() -> Iterator[None]:
    try:
        with POLICY.open("x") as file:
            file.write(FORBID)
        POLICY.chmod(0o755)
    except FileExistsError:  # the machine has a policy, as container images do: it stays
        yield
        return
    try:
        yield
    finally:
        POLICY.unlink()
