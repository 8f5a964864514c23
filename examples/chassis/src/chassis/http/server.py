"""Answering HTTP until told to stop, and leaving without the clients noticing.

uvicorn's own shutdown closes idle connections at once: a request that is just then on its way over one of them is lost.
So a drain first lets clients leave by themselves: each answer says `Connection: close`, the platform sends new
connections elsewhere by then, and only what nobody has used for all of this time is closed.
"""

import asyncio
import contextlib

import structlog
import uvicorn
from starlette.types import ASGIApp

from chassis.http.app import MAX_BODY_BYTES
from chassis.http.middleware import Limits, RequestMiddleware
from chassis.http.protocol import Protocol
from chassis.operations import listening
from chassis.readiness import Readiness
from chassis.settings import ServiceSettings
from chassis.shutdown import Shutdown, linger_seconds
from chassis.shutdown import request_timeout_seconds as _rest_of_the_drain

log = structlog.get_logger(__name__)

READ_SECONDS = 5.0
"""So long a client has for the head of a request, and so long for the body (SP-7)."""
WRITE_SECONDS = 10.0
"""No answer takes longer, if the drain is long enough for that."""
IDLE_SECONDS = 120
"""So long a connection stays open without a request."""

_POLL_SECONDS = 0.05


def request_timeout_seconds(settings: ServiceSettings) -> float:
    """What an answer may take, so that every accepted request can end before the process does (W-7)."""
    return min(WRITE_SECONDS, _rest_of_the_drain(settings))


class Server:
    """An HTTP server with the middleware."""

    def __init__(self, settings: ServiceSettings, service: str, app: ASGIApp, readiness: Readiness) -> None:
        """Make it; it does not listen yet.

        Args:
            settings: how long it may take, and how long the drain is.
            service: its name in the metrics, such as `payment_service`.
            app: what answers.
            readiness: what is told that it drains.
        """
        self._settings = settings
        self._readiness = readiness
        self._draining = False
        limits = Limits(request_timeout_seconds(settings), READ_SECONDS, settings.slow_seconds, MAX_BODY_BYTES)
        self._app = RequestMiddleware(app, service, limits, lambda: self._draining)

    async def serve(self, port: int, shutdown: Shutdown, **told: object) -> None:
        """Listen and answer until told to stop; then drain.

        Args:
            port: 0 takes a free one and logs it.
            shutdown: when to stop.
            told: what else the log line of the start says.

        Raises:
            CommandError: the port is taken.
        """
        options = {
            "http": Protocol,
            "timeout_keep_alive": IDLE_SECONDS,
            "timeout_graceful_shutdown": _rest_of_the_drain(self._settings),
            "server_header": False,
            "proxy_headers": False,  # whoever asks could write what they like into the log
            "reset_contextvars": True,  # or a request could have the log fields of another one
        }
        async with listening(self._app, port, "requests", **options) as (server, taken):
            log.info("serving", port=taken, **told)
            await shutdown.wait()
            log.info("draining", limit_seconds=self._settings.shutdown_drain_seconds)
            self._readiness.drain()
            self._draining = True
            await _clients_left(server, linger_seconds(self._settings))


async def _clients_left(server: uvicorn.Server, limit_seconds: float) -> None:
    """Wait until nobody is connected."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(limit_seconds):
            while server.server_state.connections:  # noqa: ASYNC110 - uvicorn has no event for it
                await asyncio.sleep(_POLL_SECONDS)
