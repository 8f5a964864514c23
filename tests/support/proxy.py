"""An API server with something in between: forwards every request, or does what a fault says instead.

Faults have a file of their own (tests/support/faults/process/faults.py); here is what they can do with an exchange, and
what tests can do without one.
"""

import asyncio
import contextlib
import json
import ssl
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Final, Self

import aiohttp
from aiohttp import web

from tests.support.exchange import Exchange, Fault
from tests.support.faults.writes import described

WRITES: Final = {"POST", "PUT", "PATCH", "DELETE"}
_HOP: Final = {"transfer-encoding", "connection", "content-length", "host"}
_GONE: Final = {
    "type": "ERROR",
    "object": {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Expired", "code": 410},
}


class Proxy:
    """Listens on a loopback port until closed."""

    def __init__(self, server: str, certificate_authority: str) -> None:
        self.writes: list[str] = []
        """Each write that counts, since the last call of begin."""
        self.forwarded: list[str] = []
        """Method and path of each write, those that do not count too, that has gone on to the API server."""
        self.fired = threading.Event()
        """Set by a fault that has struck."""
        self.kill: Callable[[], None] = lambda: None
        """Ends the operator."""
        self.last_write = 0.0
        """When the last write that counts came, as time.monotonic."""
        self._server = server
        self._fault: Fault | None = None
        self._away = False
        self._unknown: str | None = None
        self._hold: tuple[str, str, threading.Event, threading.Event] | None = None
        self._jam: tuple[str, threading.Event] | None = None
        self._slow: set[str] = set()
        self._flow = asyncio.Event()
        self._gone: set[str] = set()
        self._left: set[asyncio.Task[None]] = set()
        self._under_way = 0
        self._lists: dict[str, dict[str, str]] = {}
        self._past: dict[str, bytes] = {}
        self._trust = ssl.create_default_context(cafile=certificate_authority)
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

    def begin(self, fault: Fault | None) -> None:
        """Count writes from now on, and let this fault have them."""
        self.writes = []
        self.fired.clear()
        self._fault = fault

    def holds_back(self) -> bool:
        """Whether something is kept from either side that comes yet: a write or its answer, or events of watches."""
        return bool(self._left) or bool(self._under_way) or self._away or not self._flow.is_set()

    # What tests do.

    def cut_off(self) -> None:
        """Break every connection, and answer nobody until let_through."""
        self._away = True
        asyncio.run_coroutine_threadsafe(self.break_all(), self._loop).result(10)

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
    def jammed(self, within: str = "/") -> Iterator[None]:
        """Take writes to paths that have this within, and keep them until the context ends.

        Those whose sender has gone by then go nowhere.
        """
        ended = threading.Event()
        self._jam = (within, ended)
        try:
            yield
        finally:
            self._jam = None
            ended.set()

    # What faults do, in the proxy's loop.

    async def send(self, request: web.Request) -> web.Response:
        """Forward a request and take the whole answer."""
        body = await request.read()
        if request.method in WRITES:
            await self._kept_back(request)
            self.forwarded.append(f"{request.method} {request.path}")
        async with self._forwarded(request, body) as answer:
            return web.Response(status=answer.status, body=await answer.read(), headers=_kept(answer.headers))

    async def break_all(self) -> None:
        """Break every connection of the operator, watches among them."""
        for handler in list(self._runner.server.connections if self._runner.server else ()):
            if handler.transport is not None:
                handler.transport.abort()

    def keep(self, task: "asyncio.Task[None]") -> None:
        """Hold on to what a fault has left to do."""
        self._left.add(task)
        task.add_done_callback(self._left.discard)

    def slow_down(self, seconds: float, *plurals: str) -> None:
        """Hold back the events of these kinds' watches, or of all, for some time."""
        self._slow = set(plurals) or {"*"}
        self._flow.clear()
        self._loop.call_later(seconds, self._flow.set)

    def stay_away(self, seconds: float) -> None:
        """Answer nobody for some time."""
        self._away = True
        self._loop.call_later(seconds, self.let_through)

    def forget_history(self) -> None:
        """Tell the next watch of each kind that its version is too old."""
        self._gone = {path for path in self._lists if "limit=" not in path}

    async def remember(self) -> None:
        """List everything once more that the operator has listed, for the first lists of its next start."""
        for path, headers in list(self._lists.items()):
            async with self._session.get(self._server + path, headers=headers) as answer:
                self._past[path] = await answer.read()

    # The traffic.

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._start())
        self._ready.set()
        self._loop.run_forever()
        self._loop.run_until_complete(self._close())
        self._loop.close()

    async def _start(self) -> None:
        self._flow.set()
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
        # Exchanges whose connection broke are still under way; they would end with the loop, and say so on the console.
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _forward(self, request: web.Request) -> web.StreamResponse:
        if self._away:
            if request.transport is not None:
                request.transport.abort()
            raise web.HTTPServiceUnavailable
        unknown = self._unknown
        if unknown and request.path.startswith(f"/apis/{unknown}"):
            raise web.HTTPNotFound
        if request.method in WRITES:
            return await self._write(request)
        if unknown and request.path == "/apis":
            found = json.loads((await self.send(request)).body)  # type: ignore[arg-type]
            return web.json_response({**found, "groups": [g for g in found["groups"] if g["name"] != unknown]})
        if "watch" in request.query:
            return await self._watch(request)
        return await self._read(request)

    async def _write(self, request: web.Request) -> web.Response:
        write = described(request.method, request.path, await request.read())
        if write is not None:
            self.writes.append(write)
            self.last_write = time.monotonic()
            if self._fault is not None:
                self._under_way += 1
                try:
                    return await self._fault.write(Exchange(len(self.writes), self, request))
                finally:
                    self._under_way -= 1
        response = await self.send(request)
        await self._held_back(request)
        return response

    async def _read(self, request: web.Request) -> web.Response:
        path = request.raw_path
        if path in self._past:
            return web.Response(body=self._past.pop(path), content_type="application/json")
        response = await self.send(request)
        if b'"items":' in (response.body or b"") and "continue" not in request.query:  # type: ignore[operator]
            self._lists[path] = {name: request.headers[name] for name in ("Authorization", "Accept")}
        return response

    async def _watch(self, request: web.Request) -> web.StreamResponse:
        plural = request.path.rsplit("/", 1)[-1]
        listed = request.path
        if listed in self._gone:
            self._gone.remove(listed)
            return web.json_response(_GONE)
        response = web.StreamResponse()
        # Either side may be gone; the other learns it by the end of the stream.
        with contextlib.suppress(aiohttp.ClientError, ConnectionError):
            async with self._forwarded(request) as answer:
                response = web.StreamResponse(status=answer.status, headers=_kept(answer.headers))
                await response.prepare(request)
                async for chunk in answer.content.iter_any():
                    if not self._flow.is_set() and self._slow & {plural, "*"}:
                        await self._flow.wait()
                    await response.write(chunk)
        return response

    @contextlib.asynccontextmanager
    async def _forwarded(
        self, request: web.Request, body: bytes | None = None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _HOP}
        timeout = aiohttp.ClientTimeout(total=None)
        url = self._server + request.raw_path
        async with self._session.request(
            request.method, url, data=body or None, headers=headers, timeout=timeout
        ) as answer:
            yield answer

    async def _kept_back(self, request: web.Request) -> None:
        jam = self._jam
        if jam is None or jam[0] not in request.path:
            return
        await asyncio.to_thread(jam[1].wait)
        if request.transport is None or request.transport.is_closing():
            raise web.HTTPServiceUnavailable

    async def _held_back(self, request: web.Request) -> None:
        hold = self._hold
        if hold is None or request.method != hold[0] or not request.path.endswith(hold[1]):
            return
        hold[2].set()
        await asyncio.to_thread(hold[3].wait)


def _kept(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() not in _HOP}
