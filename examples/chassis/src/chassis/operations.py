"""What the platform asks a process over HTTP: `/metrics` for Prometheus, `/healthz` and `/readyz` for its probes.

It is answered by the process's own loop: one that hangs answers nothing, and is restarted.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from chassis.errors import CommandError
from chassis.readiness import Readiness


@asynccontextmanager
async def operations(port: int, readiness: Readiness) -> AsyncIterator[int]:
    """Serve them while this is open; gives the port, which is another one than asked for if that was 0.

    Raises:
        CommandError: the port is taken.
    """
    async with serving(_app(readiness), port, "metrics") as taken:
        yield taken


@asynccontextmanager
async def serving(app: ASGIApp, port: int, what: str) -> AsyncIterator[int]:
    """Serve an ASGI application over HTTP while this is open; then answer what has come, and end.

    Raises:
        CommandError: the port is taken.
    """
    async with listening(app, port, what) as (_, taken):
        yield taken


@asynccontextmanager
async def listening(app: ASGIApp, port: int, what: str, **options: Any) -> AsyncIterator[tuple[uvicorn.Server, int]]:
    """Serve as `serving`, with more of uvicorn's options, and give the server besides the port.

    Raises:
        CommandError: the port is taken.
    """
    try:
        listener = _listen(port)
    except OSError as error:
        raise CommandError(f"cannot serve {what} on port {port}: {error.strerror}") from error
    server = _Server(uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", **options))
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield server, int(listener.getsockname()[1])
    finally:
        server.should_exit = True
        await task


def _listen(port: int) -> socket.socket:
    if socket.has_dualstack_ipv6():
        return socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True)
    return socket.create_server(("", port))


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to `chassis.shutdown`."""
        yield


def _app(readiness: Readiness) -> Starlette:
    async def metrics(_: Request) -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    async def alive(_: Request) -> Response:
        return PlainTextResponse("OK")

    async def ready(_: Request) -> Response:
        if readiness.ready:
            return PlainTextResponse("OK")
        return JSONResponse(readiness.reasons, status_code=503)

    return Starlette(routes=[Route("/metrics", metrics), Route("/healthz", alive), Route("/readyz", ready)])
