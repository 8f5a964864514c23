"""An API server with a fault in front of it: forwards every request, and kills the operator around one chosen write.

The kill is a real SIGKILL of a real process, before the request reaches the API server or after its answer has come and
before the operator gets it: the two ways in which a write and the memory of it can part.
"""

import asyncio
import contextlib
import json
import os
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final, Self

import aiohttp
from aiohttp import web

from delivery_operator.runtime.settings import LEASE

WRITES: Final = {"POST", "PUT", "PATCH", "DELETE"}
_HOP: Final = {"transfer-encoding", "connection", "content-length", "host"}


class When(Enum):
    """On which side of the write the operator dies."""

    BEFORE = "before"
    AFTER = "after"


@dataclass(frozen=True)
class Cut:
    """Which write: its number, from 1, and the side of it."""

    write: int
    when: When


class Proxy:
    """Listens on a loopback port until closed. Arm it with a process and a cut; unarmed it only counts writes."""

    def __init__(self, server: str, certificate_authority: str) -> None:
        self.writes: list[str] = []
        """Method and path of each write since the last arming."""
        self.forwarded: list[str] = []
        """Method and path of each write, renewals of the lease too, that has gone on to the API server."""
        self.fired = threading.Event()
        self._server = server
        self._away = False
        self._unknown: str | None = None
        self._hold: tuple[str, str, threading.Event, threading.Event] | None = None
        self._jam: threading.Event | None = None
        self._trust = ssl.create_default_context(cafile=certificate_authority)
        self._pid: int | None = None
        self._cut: Cut | None = None
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="proxy", daemon=True)
        self.url = ""

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def arm(self, pid: int | None, cut: Cut | None) -> None:
        """Count from now on, and kill this process around the chosen write."""
        self.writes = []
        self.fired.clear()
        self._pid, self._cut = pid, cut

    def cut_off(self) -> None:
        """Break every connection, and answer nobody until let_through."""
        self._away = True
        asyncio.run_coroutine_threadsafe(self._break(), self._loop).result(10)

    def let_through(self) -> None:
        """Serve again, after cut_off."""
        self._away = False

    @contextlib.contextmanager
    def without(self, group: str) -> Iterator[None]:
        """Know nothing of an API group until the context ends, as before its CRDs are installed."""
        self._unknown = group
        try:
            yield
        finally:
            self._unknown = None

    @contextlib.contextmanager
    def held(self, method: str, resource: str) -> Iterator[threading.Event]:
        """Hold back the answers to these requests until the context ends; the event says that one has come."""
        reached, released = threading.Event(), threading.Event()
        self._hold = (method, resource, reached, released)
        try:
            yield reached
        finally:
            self._hold = None
            released.set()

    @contextlib.contextmanager
    def jammed(self) -> Iterator[None]:
        """Take writes and keep them until the context ends; those whose sender has gone by then go nowhere."""
        self._jam = threading.Event()
        try:
            yield
        finally:
            self._jam.set()
            self._jam = None

    async def _break(self) -> None:
        for handler in list(self._runner.server.connections if self._runner.server else ()):
            if handler.transport is not None:
                handler.transport.abort()

    async def _held_back(self, request: web.Request) -> None:
        hold = self._hold
        if hold is None or request.method != hold[0] or not request.path.endswith(hold[1]):
            return
        hold[2].set()
        await asyncio.to_thread(hold[3].wait)

    async def _kept_back(self, request: web.Request) -> None:
        jam = self._jam
        if jam is None:
            return
        await asyncio.to_thread(jam.wait)
        if request.transport is None or request.transport.is_closing():
            raise web.HTTPServiceUnavailable

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._start())
        self._ready.set()
        self._loop.run_forever()
        self._loop.run_until_complete(self._close())
        self._loop.close()

    async def _start(self) -> None:
        connector = aiohttp.TCPConnector(ssl=self._trust, limit=0)
        self._session = aiohttp.ClientSession(connector=connector, auto_decompress=False)
        app = web.Application(client_max_size=2**24)
        app.router.add_route("*", "/{path:.*}", self._forward)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def _close(self) -> None:
        await self._runner.cleanup()
        await self._session.close()

    def _dies(self, when: When) -> bool:
        cut = self._cut
        if cut is None or self._pid is None or cut != Cut(len(self.writes), when):
            return False
        os.kill(self._pid, 9)
        self.fired.set()
        self._cut = None
        return True

    def _turn_away(self, request: web.Request, unknown: str | None) -> None:
        if self._away:
            if request.transport is not None:
                request.transport.abort()
            raise web.HTTPServiceUnavailable
        if unknown and request.path.startswith(f"/apis/{unknown}"):
            raise web.HTTPNotFound

    async def _forward(self, request: web.Request) -> web.StreamResponse:
        unknown = self._unknown
        self._turn_away(request, unknown)
        writes = request.method in WRITES
        body = await request.read() if writes else None
        counts = writes and not _beside(request, body)
        if counts:
            self.writes.append(f"{request.method} {request.path}")
            if self._dies(When.BEFORE):
                raise web.HTTPServiceUnavailable
        if writes:
            await self._kept_back(request)
            self.forwarded.append(f"{request.method} {request.path}")
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _HOP}
        async with self._session.request(
            request.method,
            self._server + request.raw_path,
            data=body,
            headers=headers,
            timeout=aiohttp.ClientTimeout(total=None),
        ) as answer:
            kept = {name: value for name, value in answer.headers.items() if name.lower() not in _HOP}
            if unknown and request.path == "/apis":
                found = json.loads(await answer.read())
                return web.json_response({**found, "groups": [g for g in found["groups"] if g["name"] != unknown]})
            if writes:
                content = await answer.read()
                if counts:
                    self._dies(When.AFTER)
                await self._held_back(request)
                return web.Response(status=answer.status, body=content, headers=kept)
            response = web.StreamResponse(status=answer.status, headers=kept)
            # Either side may be gone; the other learns it by the end of the stream.
            with contextlib.suppress(aiohttp.ClientError, ConnectionError):
                await response.prepare(request)
                async for chunk in answer.content.iter_any():
                    await response.write(chunk)
            return response


def _beside(request: web.Request, body: bytes | None) -> bool:
    """Whether a write is none of those that tests count.

    The operator renews its Lease all the time; and nothing hangs on Events, which come when they come.
    """
    if request.path.endswith("/events"):
        return True
    if not request.path.startswith("/apis/coordination.k8s.io/v1/namespaces/"):
        return False
    if request.method == "POST":
        return bool(json.loads(body or b"{}")["metadata"]["name"] == LEASE)
    return request.path.endswith(f"/leases/{LEASE}")
