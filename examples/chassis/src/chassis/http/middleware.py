"""What happens around every request: a limit of time, errors to problems, one log line, metrics, the trace.

What `chassis.grpc.interceptor` is for gRPC.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http import HTTPStatus
from time import perf_counter
from typing import Any

import structlog
from opentelemetry.trace import Span, Status, StatusCode
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chassis import metrics, reports, tracing
from chassis.admission import Admission
from chassis.errors import OverloadedError
from chassis.http.problems import STATUSES, internal, problem, refusal

log = structlog.get_logger(__name__)

HEALTH = frozenset({"/healthz", "/readyz"})
"""Paths that are neither traffic nor news."""
UNMATCHED = "unmatched"
"""The path, in metrics, of requests that no route takes: they would make as many series as somebody likes."""
NOT_BEGUN = "not-begun"
"""The path, in metrics, of requests that no route was asked to take: refused, too large, or never whole."""

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_NOT_GUESSED = (b"x-content-type-options", b"nosniff")


@dataclass(frozen=True)
class Limits:
    """What a request may take.

    Attributes:
        answer_seconds: no answer may take longer.
        read_seconds: so long a client has to send a body.
        slow_seconds: what takes longer is logged as a warning.
        body_bytes: what is larger is refused, before it comes where that is announced.
    """

    answer_seconds: float
    read_seconds: float
    slow_seconds: float
    body_bytes: int


class RequestMiddleware:
    """Surrounds an application; nothing that is raised inside goes past it unless an answer is half sent."""

    def __init__(self, app: ASGIApp, service: str, limits: Limits, draining: Callable[[], bool]) -> None:
        """Surround it.

        Args:
            app: the application.
            service: its name in the metrics, such as `payment_service`.
            limits: of each request.
            draining: whether clients are to leave after this answer.
        """
        self.app = app
        self.service = service
        self.limits = limits
        self.draining = draining
        self.admission = Admission(service, limits.answer_seconds)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        if scope["type"] != "http" or scope["path"] in HEALTH:
            await self.app(scope, receive, send)
        else:
            await _Exchange(self, scope, receive, send).run()


class _UnreadableError(Exception):
    """There is no body that could be worked on."""

    def __init__(self, status: HTTPStatus, detail: str) -> None:
        super().__init__(detail)
        self.status = status


def _too_large(limits: Limits) -> _UnreadableError:
    return _UnreadableError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"at most {limits.body_bytes} bytes")


class _Exchange:
    """One request and its answer."""

    def __init__(self, around: RequestMiddleware, scope: Scope, receive: Receive, send: Send) -> None:
        self._around = around
        self._scope = scope
        self._receive = receive
        self._send = send
        self._sent = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        self._heard: deque[Message] = deque()
        self._begun = False
        self._status: int | None = None
        self._ended = False

    async def run(self) -> None:
        started = perf_counter()
        with tracing.handling(self._scope["method"], self._sent) as span:
            try:
                await self._answer()
            finally:
                self._count(perf_counter() - started, span)

    async def _answer(self) -> None:
        around, limit = self._around, asyncio.timeout(self._around.limits.answer_seconds)
        try:
            async with limit:
                if await self._read():
                    async with around.admission.admitted():
                        self._begun = True
                        await around.app(self._scope, self._hear, self._tell)
        except _UnreadableError as error:
            # A body that has not begun is not waited for; to close while parts of it come would cut off the answer.
            headers = None if self._heard else {"connection": "close"}
            await self._say(problem(error.status, str(error), headers=headers))
        except OverloadedError as error:
            await self._say(refusal(error, STATUSES[OverloadedError]))
        except TimeoutError as error:
            if not limit.expired():
                await self._fail(error)
            elif self._status is None:
                await self._say(
                    problem(HTTPStatus.GATEWAY_TIMEOUT, f"no answer within {around.limits.answer_seconds:g} s")
                )
            elif not self._ended:
                raise
        except Exception as error:  # noqa: BLE001 - whatever it is, its text stays here
            await self._fail(error)

    async def _fail(self, error: Exception) -> None:
        log.error(
            "request failed",
            error=str(error),
            method=self._scope["method"],
            path=self._scope["path"],
            remote_addr=self._remote(),
            exc_info=error,
        )
        reports.report(error)
        if self._status is None:
            await self._say(internal())
        elif not self._ended:
            raise error  # the connection is cut: that tells the client that the answer is not whole

    async def _say(self, answer: ASGIApp) -> None:
        await answer(self._scope, self._receive, self._tell)

    async def _read(self) -> bool:
        """Wait for the body before the work begins: who sends slowly takes no place of those who are worked for.

        Tells whether the client is still there.
        """
        limits, bytes_read, more = self._around.limits, 0, True
        if self._announced() > limits.body_bytes:
            raise _too_large(limits)
        try:
            async with asyncio.timeout(limits.read_seconds):
                while more:
                    message = await self._receive()
                    if message["type"] == "http.disconnect":
                        return False
                    self._heard.append(message)
                    bytes_read += len(message.get("body", b""))
                    more = message.get("more_body", False)
                    if bytes_read > limits.body_bytes:
                        raise _too_large(limits)
        except TimeoutError:
            raise _UnreadableError(HTTPStatus.REQUEST_TIMEOUT, f"no body within {limits.read_seconds:g} s") from None
        return True

    async def _hear(self) -> Message:
        """Give what was read; then wait for the client to leave."""
        return self._heard.popleft() if self._heard else await self._receive()

    async def _tell(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            message = {**message, "headers": [*message.get("headers", ()), *self._headers()]}
        elif message["type"] == "http.response.body" and not message.get("more_body", False):
            self._ended = True
        await self._send(message)

    def _headers(self) -> Iterable[tuple[bytes, bytes]]:
        request_id: Any = structlog.contextvars.get_contextvars().get("request_id")
        yield tracing.REQUEST_ID.encode(), str(request_id).encode()
        yield _NOT_GUESSED
        if self._around.draining():
            yield b"connection", b"close"

    def _announced(self) -> int:
        length = self._sent.get("content-length", "")
        return int(length) if length.isdigit() else 0

    def _remote(self) -> str:
        host, port = self._scope["client"] or ("", 0)
        return f"{host}:{port}"

    def _count(self, seconds: float, span: Span) -> None:
        method = self._scope["method"]
        path: str = getattr(self._scope.get("route"), "path", UNMATCHED if self._begun else NOT_BEGUN)
        service, known = self._around.service, method if method in _METHODS else "OTHER"
        metrics.http_requests.labels(service, known, path, str(self._status or "none")).inc()
        metrics.http_latency.labels(service, known, path).observe(seconds)
        if span.is_recording():
            span.update_name(f"{known} {path}")
            span.set_attributes({"http.request.method": known, "http.route": path})
            if self._status is not None:
                span.set_attribute("http.response.status_code", self._status)
            if self._status is None or self._status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                span.set_status(Status(StatusCode.ERROR))
        say = log.warning if seconds > self._around.limits.slow_seconds else log.info
        say(
            "request",
            method=method,
            path=self._scope["path"],
            status=self._status,
            duration_ms=round(seconds * 1000, 2),
            remote_addr=self._remote(),
            user_agent=self._sent.get("user-agent", ""),
        )
