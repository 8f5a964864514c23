"""Runs a service as the platform does: a process, its environment, its output, its exit code."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Self

from chassis_testing.network import HOST

DEADLINE = 30.0
_END = "end of output"


def environment(**variables: str) -> dict[str, str]:
    """Nothing but what is given: the developer's own variables must not leak in."""
    return {"PATH": os.environ["PATH"], **variables}


def installed(name: str) -> Path:
    """A program that is installed beside the Python that runs the tests, such as `order`."""
    return Path(sys.executable).with_name(name)


def run(name: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a subcommand to its end.

    Raises:
        subprocess.TimeoutExpired: it goes on for a minute.
    """
    return subprocess.run(
        [installed(name), *arguments],
        env=environment(**variables),
        capture_output=True,
        text=True,
        timeout=DEADLINE * 2,
        check=False,
    )


def logged(output: str) -> list[dict[str, Any]]:
    """The lines of a log."""
    return [json.loads(line) for line in output.splitlines()]


class RunningProgram:
    """A process of a service.

    Attributes:
        lines: what it has logged so far.
    """

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        """Read what a process logs; `started` is how one begins."""
        self.process = process
        self.lines: list[dict[str, Any]] = []
        self._serving: dict[str, Any] = {}
        self._news = asyncio.Condition()
        self._reader = asyncio.create_task(self._read())

    @classmethod
    @contextlib.asynccontextmanager
    async def started(cls, name: str, command: str, says: str, **variables: str) -> AsyncIterator[Self]:
        """Start a program, wait until it says that it works, and leave nothing behind.

        Args:
            name: of the program, such as `order`.
            command: the subcommand, such as `web`.
            says: the message of the log line that tells its ports, such as `serving`.
            variables: its environment; it takes free ports if they name none.

        Raises:
            AssertionError: it ended without saying so.
            TimeoutError: it does not say so.
        """
        settings = {"PORT": "0", "METRICS_PORT": "0", **variables}
        process = await asyncio.create_subprocess_exec(
            installed(name), command, env=environment(**settings), stdout=asyncio.subprocess.PIPE
        )
        running = cls(process)
        try:
            running._serving = await running.said(says)
            yield running
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
            await running._reader

    @property
    def address(self) -> str:
        """Where it serves, as `host:port`."""
        return f"{HOST}:{self._serving['port']}"

    @property
    def url(self) -> str:
        """Where it serves, by HTTP."""
        return f"http://{self.address}"

    @property
    def operations_url(self) -> str:
        """Where its metrics and health are."""
        return f"http://{HOST}:{self._serving['metrics_port']}"

    @property
    def metrics_url(self) -> str:
        """Where its metrics are."""
        return f"{self.operations_url}/metrics"

    async def said(self, message: str, **fields: Any) -> dict[str, Any]:
        """Wait for a log line.

        Raises:
            AssertionError: the process ended without it.
            TimeoutError: it does not come.
        """

        def found() -> list[dict[str, Any]]:
            wanted = {"message": message, **fields}
            return [line for line in self.lines if wanted.items() <= line.items()]

        async with asyncio.timeout(DEADLINE), self._news:
            await self._news.wait_for(lambda: found() or self.lines[-1:] == [{"message": _END}])
        assert found(), f"no {message!r} in {self.lines}"
        return found()[0]

    def terminate(self) -> None:
        """Tell it to end, as the platform does."""
        self.process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once, as a crash does."""
        self.process.kill()

    async def ended(self) -> int:
        """Wait until it has ended; gives its exit code.

        Raises:
            TimeoutError: it goes on.
        """
        async with asyncio.timeout(DEADLINE):
            return await self.process.wait()

    async def _read(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            async with self._news:
                self.lines.append(json.loads(line))
                self._news.notify_all()
        async with self._news:
            self.lines.append({"message": _END})
            self._news.notify_all()


async def eventually(check: Callable[[], Any], message: str) -> None:
    """Ask an async or plain condition again until it holds.

    Raises:
        TimeoutError: it does not, within the deadline; `message` is added as a note.
    """
    try:
        async with asyncio.timeout(DEADLINE):
            while True:
                result = check()
                if asyncio.iscoroutine(result):
                    result = await result
                if result:
                    return
                await asyncio.sleep(0.02)
    except TimeoutError as error:
        error.add_note(message)
        raise
