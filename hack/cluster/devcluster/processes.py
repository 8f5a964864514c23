"""Processes that outlive the command that started them, and that are never mistaken for others.

A pid alone says little: the kernel hands it out again. A process is known here by its pid and its start time, and is
only signalled through a pidfd opened before that start time was compared.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
STATE, START_TIME = 0, 19  # fields 3 and 22 of /proc/PID/stat, counted from the one after the program's name
# Go and Python programs expect the defaults; Python itself ignores SIGPIPE, and children would inherit that.
RESET_SIGNALS = (signal.SIGPIPE, signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD)


@dataclass(frozen=True)
class Identity:
    """One process, told apart from a later one with the same pid by its start time (clock ticks since boot)."""

    pid: int
    start: int


def boot_id() -> str:
    """Changes with every boot: identities of an earlier boot name nothing. Empty where there is no /proc."""
    try:
        return (PROC / "sys/kernel/random/boot_id").read_text().strip()
    except FileNotFoundError:
        return ""


def identify(pid: int) -> Identity | None:
    """The process with this pid now; None when there is none or it has ended and only waits to be reaped.

    Where there is no /proc (macOS, which runs no embedded cluster) a pid has to do.
    """
    if not (PROC / "self").exists():
        return Identity(pid, 0) if _answers_signals(pid) else None
    try:
        stat = (PROC / str(pid) / "stat").read_text(errors="replace")
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()  # the name before it may hold spaces and parentheses
    if fields[STATE] in "ZX":
        return None
    return Identity(pid, int(fields[START_TIME]))


def _answers_signals(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def alive(process: Identity) -> bool:
    """Whether exactly this process still runs."""
    return identify(process.pid) == process


def spawn(
    argv: Sequence[str],
    log: Path,
    env: Mapping[str, str],
    cwd: Path = Path("/"),
    fds: Mapping[int, int] | None = None,
) -> Identity:
    """Start a program in a session and a working directory of its own, its output appended to `log`.

    `fds` maps a descriptor's number in the new process to one of ours that it shall have. A program that cannot be run
    shows as a process that ends at once and says so in its log.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    actions: list[tuple[object, ...]] = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(log), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    actions += [(os.POSIX_SPAWN_DUP2, ours, theirs) for theirs, ours in (fds or {}).items()]
    # posix_spawn cannot change the directory and leaves no Popen object to look after; env(1) can, and keeps the pid.
    pid = os.posix_spawn(
        "/usr/bin/env",
        ["env", f"--chdir={cwd}", *argv],
        dict(env),
        file_actions=actions,
        setsid=True,
        setsigmask=[],
        setsigdef=RESET_SIGNALS,
    )
    # A process that is gone already gets a start time no process has: it will never be taken for a live one.
    return identify(pid) or Identity(pid, -1)


def kill(process: Identity, timeout: float = 10.0) -> bool:
    """End exactly this process with SIGKILL and wait for it; say whether it is gone. Nobody else is ever signalled."""
    try:
        handle = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return True
    try:
        if alive(process):
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(handle, signal.SIGKILL)
            # A pidfd is readable once its process has ended, reaped or not.
            if not select.select([handle], [], [], timeout)[0]:
                return False
    finally:
        os.close(handle)
    reap(process.pid)
    return True


def reap(pid: int) -> None:
    """Collect an ended child of this very process, so that it does not stay as a zombie."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def clean_environment(path: str | None = None) -> dict[str, str]:
    """An environment for daemons: no proxies (they would catch loopback traffic), no credentials of the caller."""
    kept = {name: os.environ[name] for name in ("HOME", "LANG", "TMPDIR", "TZ") if name in os.environ}
    return {**kept, "PATH": path or "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
