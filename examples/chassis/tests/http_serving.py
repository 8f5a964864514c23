"""A REST server of the chassis in the test's own loop."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Annotated, Any

import httpx
import structlog
from fastapi import APIRouter, Body, Request
from prometheus_client import REGISTRY
from pydantic import BaseModel
from structlog.typing import EventDict

from chassis.errors import ConflictError
from chassis.http.app import application
from chassis.http.server import Server
from chassis.readiness import Readiness
from chassis.settings import ServiceSettings
from chassis.shutdown import Shutdown
from chassis_testing.program import DEADLINE

TLS = ssl.create_default_context()  # a client makes one of its own otherwise, which takes longer than most tests
Work = Callable[[], Awaitable[Any]]


class DeclinedError(ConflictError):
    """One of a service's own."""


class Item(BaseModel):
    """What is sent."""

    sku: str
    quantity: int


class Running:
    """A server whose routes do what a test gives."""

    def __init__(self, port: int, shutdown: Shutdown, serving: "asyncio.Task[None]") -> None:
        self.port = port
        self.shutdown = shutdown
        self.serving = serving
        self.client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=DEADLINE, verify=TLS)

    async def get(self, path: str = "/v1/things/1", **headers: str) -> httpx.Response:
        return await self.client.get(path, headers={key.replace("_", "-"): value for key, value in headers.items()})


async def nothing() -> None:
    """Do nothing."""


def routes(work: Work) -> APIRouter:
    router = APIRouter(prefix="/v1")

    @router.get("/things/{thing_id}")
    async def read(thing_id: str) -> Any:
        structlog.contextvars.bind_contextvars(user_id=f"user-{thing_id}")
        return await work()

    @router.post("/things")
    async def write(items: Annotated[list[Item], Body(embed=True)]) -> Any:
        return {"items": len(items)}

    @router.post("/raw")
    async def raw(request: Request) -> Any:
        return {"bytes": len(await request.body())}

    return router


@asynccontextmanager
async def serving(work: Work = nothing, drain: float = 3, **settings: Any) -> AsyncIterator[Running]:
    readiness, shutdown = Readiness("tests", {}), Shutdown(drain)
    given = ServiceSettings(shutdown_drain_seconds=drain, **settings)
    app = application("Tests", "1", "For tests", readiness, {DeclinedError: 402})
    app.include_router(routes(work))
    server = Server(given, "tests", app, readiness)
    with structlog.testing.capture_logs() as said:
        task = asyncio.create_task(server.serve(0, shutdown))
        async with asyncio.timeout(5):
            while not said:  # noqa: ASYNC110 - it says that it serves when it does
                await asyncio.sleep(0.01)
    running = Running(said[0]["port"], shutdown, task)
    try:
        async with running.client:
            yield running
    finally:
        shutdown.begin()
        await task


def counted(method: str, path: str, code: str) -> float:
    labels = {"service": "tests", "method": method, "path": path, "code": code}
    return REGISTRY.get_sample_value("http_requests_total", labels) or 0


def one(said: list[EventDict], event: str) -> EventDict:
    found = [line for line in said if line["event"] == event]
    assert len(found) == 1, said
    return found[0]
