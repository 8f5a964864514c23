"""What every server has in common: its life, its folder and its port. It knows no protocol and no program."""

import abc
import contextlib
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar, Self
from uuid import uuid4

from chassis_testing.errors import StartError, tail
from chassis_testing.network import free_port
from chassis_testing.process import Account, Process
from chassis_testing.waiting import wait_until


class Server(abc.ABC):
    """A server on 127.0.0.1 with a port of its own and data in a temporary folder.

    A subclass says how it is prepared, what runs and when it answers.
    """

    name: ClassVar[str]
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM
    unprivileged: ClassVar[bool] = False  # whether it runs as a user without rights when the tests run as root
    start_timeout: ClassVar[float] = 90.0  # seconds, on a busy machine
    stop_timeout: ClassVar[float] = 30.0  # seconds

    def __init__(self) -> None:
        """Take a port and a folder; nothing runs yet."""
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix=f"chassis-{self.name}-"))
        self.log = self.folder / "log"
        self._account = Account.unprivileged() if self.unprivileged else None
        self._own(self.folder)
        self._process: Process | None = None

    @classmethod
    @contextlib.contextmanager
    def running(cls) -> Iterator[Self]:
        """One that answers, for the length of the block; afterwards its processes and its data are gone.

        Raises:
            MissingProgramError: it is not installed.
            StartError: it did not start.
        """
        server = cls()
        try:
            server.prepare()
            server.start()
            yield server
        finally:
            server.close()

    # What a subclass says

    def prepare(self) -> None:  # noqa: B027 - most need nothing
        """Make what the first start needs: files, or a data directory.

        Raises:
            MissingProgramError: the program is not installed.
            StartError: a tool of the server failed.
        """

    @abc.abstractmethod
    def command(self) -> Sequence[str | Path]:
        """The program that serves, in the foreground, with its arguments.

        Raises:
            MissingProgramError: the program is not installed.
        """

    @abc.abstractmethod
    def answers(self) -> bool:
        """Whether it does what clients want of it, asked through its port."""

    def environment(self) -> dict[str, str]:
        """Its whole environment: no proxies (they would catch loopback traffic) and no credentials of the caller."""
        return {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(self.folder), "LANG": "C.UTF-8"}

    # Its life

    @property
    def pid(self) -> int:
        """The process ID of the server.

        Raises:
            StartError: it does not run.
        """
        if self._process is None or self._process.exit_code is not None:
            raise StartError(f"{self.name} does not run")
        return self._process.pid

    def start(self) -> None:
        """Start it, on the same port and with the data that is there, and return when it answers.

        Nothing happens if it runs. A test whose event loop has to go on meanwhile calls this in a thread.

        Raises:
            MissingProgramError: the program is not installed.
            StartError: it ended or did not answer in time.
        """
        if self._process is not None and self._process.exit_code is None:
            return
        process = self._process = self._spawn(self.command())
        wait_until(lambda: process.exit_code is not None or self.answers(), self.start_timeout)
        if process.exit_code is not None:
            raise StartError(f"{self.name} ended with exit code {process.exit_code}. Its log:\n{tail(self.log)}")
        if not self.answers():
            process.kill()
            raise StartError(f"{self.name} did not answer within {self.start_timeout:g} s. Its log:\n{tail(self.log)}")

    def stop(self) -> None:
        """End it in order, as a platform does; its data stays. Nothing happens if it does not run."""
        if self._process is not None:
            self._process.stop(self.stop_signal, self.stop_timeout)

    def kill(self) -> None:
        """End it with SIGKILL, as a crash does; its data stays. Nothing happens if it does not run."""
        if self._process is not None:
            self._process.kill()

    def restart(self) -> None:
        """End it in order and start it again; the errors are those of `start`."""
        self.stop()
        self.start()

    @contextlib.contextmanager
    def outage(self) -> Iterator[None]:
        """Killed for the length of the block; it answers again after it. The errors are those of `start`."""
        self.kill()
        try:
            yield
        finally:
            self.start()

    def close(self) -> None:
        """End it and remove its data. Nothing happens the second time."""
        self.stop()
        if self.folder.exists():
            shutil.rmtree(self.folder)

    # For subclasses

    def _spawn(self, argv: Sequence[str | Path]) -> Process:
        environment = self.environment()
        try:
            return Process(argv, folder=self.folder, environment=environment, log=self.log, account=self._account)
        except OSError as error:  # such as a temporary folder that the server's user cannot enter
            raise StartError(f"{self.name} could not be started in {self.folder}: {error}") from error

    def _run(self, argv: Sequence[str | Path]) -> None:
        """Run a tool to its end, as the server's user."""
        process = self._spawn(argv)
        wait_until(lambda: process.exit_code is not None, self.start_timeout)
        if process.exit_code != 0:
            process.kill()
            raise StartError(f"{self.name}: {Path(argv[0]).name} failed. Its log:\n{tail(self.log)}")

    def _write(self, name: str, text: str) -> Path:
        """Write a file that only the server's user can read into its folder."""
        path = self.folder / name
        path.touch(0o600)
        path.write_text(text)
        self._own(path)
        return path

    def _own(self, path: Path) -> None:
        if self._account is not None:
            os.chown(path, self._account.uid, self._account.gid)


def unique(prefix: str = "t") -> str:
    """A name that nothing else has: the prefix, then 32 hexadecimal digits."""
    return f"{prefix}{uuid4().hex}"
