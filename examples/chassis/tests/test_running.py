"""A process while it runs: readiness, what the platform asks over HTTP, and its end (F7-2, F9-3, OB-4)."""

import asyncio
import os
import signal
import socket
import urllib.error
import urllib.request
from typing import Any

import pytest
import structlog

from chassis import readiness
from chassis.errors import CommandError, UnavailableError
from chassis.running import Running, running
from chassis.settings import ServiceSettings
from chassis.shutdown import Shutdown


class Needed:
    """Something that the process needs."""

    def __init__(self) -> None:
        self.away = ""
        self.broken = False

    async def __call__(self) -> None:
        if self.broken:
            raise LookupError("a bug")
        if self.away:
            raise UnavailableError(self.away)


@pytest.fixture
def needed(monkeypatch: pytest.MonkeyPatch) -> Needed:
    monkeypatch.setattr(readiness, "INTERVAL_SECONDS", 0.02)
    return Needed()


async def ask(process: Running, path: str) -> tuple[int, str]:
    def get() -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{process.metrics_port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    return await asyncio.to_thread(get)


async def until(process: Running, *, ready: bool) -> None:
    async with asyncio.timeout(5):
        while process.readiness.ready is not ready:  # noqa: ASYNC110 - what is under test has no event
            await asyncio.sleep(0.01)


async def test_it_is_ready_while_what_it_needs_answers(needed: Needed) -> None:
    with structlog.testing.capture_logs() as said:
        async with running(ServiceSettings(metrics_port=0), "tests", {"database": needed}) as process:
            assert await ask(process, "/readyz") == (200, "OK")
            needed.away = "connection refused"
            await until(process, ready=False)
            assert await ask(process, "/readyz") == (503, '{"database":"connection refused"}')
            assert await ask(process, "/healthz") == (200, "OK")
            assert 'service_ready{service="tests"} 0.0' in (await ask(process, "/metrics"))[1]
            needed.away = ""
            await until(process, ready=True)
            assert await ask(process, "/readyz") == (200, "OK")
            process.readiness.drain()
            assert await ask(process, "/readyz") == (503, '{"process":"draining"}')
    events: list[Any] = [line["event"] for line in said]
    assert events == ["not ready", "ready again", "stopped"]


async def test_a_check_with_a_bug_is_told_once_and_does_not_hide_the_others(needed: Needed) -> None:
    other = Needed()
    with structlog.testing.capture_logs() as said:
        async with running(ServiceSettings(metrics_port=0), "tests", {"database": needed, "mq": other}) as process:
            needed.broken = True
            await until(process, ready=False)
            other.away = "connection refused"
            async with asyncio.timeout(5):
                while "mq" not in process.readiness.reasons:  # noqa: ASYNC110 - as above
                    await asyncio.sleep(0.01)
            assert process.readiness.reasons["database"] == "an error of the program: LookupError"
            needed.broken, other.away = False, ""
            await until(process, ready=True)
    events = [(line["event"], line.get("needs")) for line in said]
    assert events[:3] == [("readiness not known", "database"), ("not ready", "database"), ("not ready", "mq")]
    assert sorted(events[3:5]) == [("ready again", "database"), ("ready again", "mq")]
    assert events[5:] == [("stopped", None)]


async def test_it_does_not_start_without_what_it_needs(needed: Needed) -> None:
    needed.away = "connection refused"
    with pytest.raises(CommandError, match=r"^no database: connection refused$"):
        async with running(ServiceSettings(metrics_port=0), "tests", {"database": needed}):
            pytest.fail("it runs")


async def test_a_taken_port_is_named() -> None:
    with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CommandError, match=f"cannot serve metrics on port {port}: Address already in use"):
            async with running(ServiceSettings(metrics_port=port), "tests", {}):
                pytest.fail("it runs")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_begins_the_end(number: signal.Signals) -> None:
    async with running(ServiceSettings(metrics_port=0, shutdown_drain_seconds=5), "tests", {}) as process:
        assert not process.shutdown.begun
        assert process.shutdown.remaining_seconds == 5
        os.kill(os.getpid(), number)
        async with asyncio.timeout(5):
            await process.shutdown.wait()
        assert 4 < process.shutdown.remaining_seconds < 5


async def test_waiting_ends_with_the_time_or_with_the_process() -> None:
    shutdown = Shutdown(0.05)
    assert not await shutdown.during(0.01)
    shutdown.begin()
    shutdown.begin()
    assert await shutdown.during(60)
    await asyncio.sleep(0.06)
    assert shutdown.remaining_seconds == 0
