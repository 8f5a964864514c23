"""One program that runs, with everything it starts: ended as a whole, and nobody else ever signalled."""

import contextlib
import os
import pwd
import signal
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import psutil

from chassis_testing.waiting import wait_until

LEFTOVERS_TIMEOUT = 10.0  # seconds that children have after their parent has ended


@dataclass(frozen=True)
class Account:
    """A user that a server runs as."""

    uid: int
    gid: int

    @classmethod
    def unprivileged(cls) -> Self | None:
        """One without rights, where we are root: some servers refuse to run as root. None where we are not."""
        if os.geteuid() != 0:
            return None
        entry = pwd.getpwnam("nobody")
        return cls(entry.pw_uid, entry.pw_gid)


class Process:
    """A program in a session of its own, so that Ctrl-C reaches the tests and not the servers they still need."""

    def __init__(
        self,
        argv: Sequence[str | Path],
        *,
        folder: Path,
        environment: Mapping[str, str],
        log: Path,
        account: Account | None = None,
    ) -> None:
        """Start it in `folder`, with exactly this environment; what it says is appended to `log`."""
        with log.open("ab") as output:
            self._popen = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env=environment,
                user=account.uid if account else None,
                group=account.gid if account else None,
                extra_groups=[] if account else None,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Its process ID."""
        return self._popen.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; below zero if a signal ended it."""
        return self._popen.poll()

    def stop(self, number: signal.Signals, timeout: float) -> None:
        """Ask it to end by a signal, and kill it if it has not done so within `timeout` seconds."""
        if self.exit_code is not None:
            return
        children = self._children()
        self._popen.send_signal(number)
        try:
            self._popen.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
        if not wait_until(lambda: not _running(children), LEFTOVERS_TIMEOUT):
            _kill(children)

    def kill(self) -> None:
        """End it and everything it has started with SIGKILL, as a crash does, and wait until all is gone."""
        if self.exit_code is not None:
            return
        # Stopped first: what does not run starts no more children while they are counted.
        self._popen.send_signal(signal.SIGSTOP)
        children = self._children()
        self._popen.kill()
        self._popen.wait()
        _kill(children)

    def _children(self) -> list[psutil.Process]:
        # The process has not been waited for, so its pid is still its own, even if it has just ended.
        try:
            return psutil.Process(self.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []


def _kill(processes: Iterable[psutil.Process]) -> None:
    processes = list(processes)
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):  # psutil compares start times: it never signals a later process
            process.kill()
    wait_until(lambda: not _running(processes), LEFTOVERS_TIMEOUT)


def _running(processes: Iterable[psutil.Process]) -> bool:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            # What has ended and was not reaped by its new parent is gone for us.
            if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                return True
    return False
