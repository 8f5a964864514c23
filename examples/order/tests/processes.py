"""Runs `order` as the platform does: a process, its environment, its output, its exit code."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from order_service.pb import order_service_pb2 as pb
from order_service.pb.order_service_pb2_grpc import OrderServiceStub

if TYPE_CHECKING:  # exists in the stubs only
    from order_service.pb.order_service_pb2_grpc import OrderServiceAsyncStub

PROGRAM = Path(sys.executable).with_name("order")
DEADLINE = 30.0


def environment(**variables: str) -> dict[str, str]:
    """Nothing but what is given: the developer's own variables must not leak in."""
    return {"PATH": os.environ["PATH"], **variables}


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a subcommand to its end."""
    return subprocess.run(
        [PROGRAM, *arguments],
        env=environment(**variables),
        capture_output=True,
        text=True,
        timeout=DEADLINE * 2,
        check=False,
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def logged(output: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines()]


class Order:
    """A running `order web`, or another process of the service."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.lines: list[dict[str, Any]] = []
        self._news = asyncio.Condition()
        self._reader = asyncio.create_task(self._read())

    @classmethod
    @contextlib.asynccontextmanager
    async def started(
        cls, database: str, command: str = "web", says: str = "serving", **variables: str
    ) -> AsyncIterator["Order"]:
        """Start it on a free port, wait until it serves, and leave nothing behind."""
        settings = {"DATABASE_URL": database, "PORT": "0", "METRICS_PORT": str(free_port()), **variables}
        process = await asyncio.create_subprocess_exec(
            PROGRAM, command, env=environment(**settings), stdout=asyncio.subprocess.PIPE
        )
        order = cls(process)
        try:
            await order.said(says)
            yield order
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
            await order._reader

    async def _read(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            async with self._news:
                self.lines.append(json.loads(line))
                self._news.notify_all()
        async with self._news:
            self.lines.append({"message": "end of output"})
            self._news.notify_all()

    async def said(self, message: str, **fields: Any) -> dict[str, Any]:
        """Wait for a log line."""

        def found() -> list[dict[str, Any]]:
            wanted = {"message": message, **fields}
            return [line for line in self.lines if wanted.items() <= line.items()]

        async with asyncio.timeout(DEADLINE), self._news:
            await self._news.wait_for(lambda: found() or self.lines[-1:] == [{"message": "end of output"}])
        assert found(), f"no {message!r} in {self.lines}"
        return found()[0]

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._serving['port']}"

    @property
    def metrics_url(self) -> str:
        return f"http://127.0.0.1:{self._serving['metrics_port']}/metrics"

    @property
    def _serving(self) -> dict[str, Any]:
        return next(line for line in self.lines if line["message"] in ("serving", "relaying"))

    @contextlib.asynccontextmanager
    async def client(self) -> AsyncIterator["OrderServiceAsyncStub"]:
        async with grpc.aio.insecure_channel(self.address) as channel:
            yield OrderServiceStub(channel)

    async def health(self, service: str = "") -> str:
        async with grpc.aio.insecure_channel(self.address) as channel:
            answer = await health_pb2_grpc.HealthStub(channel).Check(
                health_pb2.HealthCheckRequest(service=service), timeout=DEADLINE
            )
        return str(health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status))

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    async def ended(self) -> int:
        async with asyncio.timeout(DEADLINE):
            return await self.process.wait()


async def eventually(check: Callable[[], Any], message: str) -> None:
    """Poll an async or plain condition until it holds."""
    async with asyncio.timeout(DEADLINE):
        while True:
            result = check()
            if asyncio.iscoroutine(result):
                result = await result
            if result:
                return
            await asyncio.sleep(0.02)
    raise AssertionError(message)


def request(user_id: str = "123", key: str | None = None, **skus: int) -> pb.OrderRequest:
    """Build a request for some items, one of milk if none is named."""
    items = [pb.Item(sku=sku, quantity=quantity) for sku, quantity in (skus or {"milk": 1}).items()]
    return pb.OrderRequest(user_id=user_id, items=items, idempotency_key=key)
