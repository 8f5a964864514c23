"""What happens around every call: a time limit, errors to statuses, one log line, metrics, the trace."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from math import inf
from time import perf_counter
from typing import Any

import grpc
import structlog
from opentelemetry.trace import Span, Status, StatusCode

from chassis import metrics, reports, tracing
from chassis.admission import Admission
from chassis.errors import (
    ConflictError,
    DeniedError,
    InvalidError,
    NotFoundError,
    OutdatedError,
    OverloadedError,
    RequestError,
    TooManyError,
    UnavailableError,
)

log = structlog.get_logger(__name__)

_CODES: dict[type[RequestError], grpc.StatusCode] = {
    InvalidError: grpc.StatusCode.INVALID_ARGUMENT,
    DeniedError: grpc.StatusCode.UNAUTHENTICATED,
    NotFoundError: grpc.StatusCode.NOT_FOUND,
    ConflictError: grpc.StatusCode.ALREADY_EXISTS,
    OutdatedError: grpc.StatusCode.ABORTED,
    TooManyError: grpc.StatusCode.RESOURCE_EXHAUSTED,
    OverloadedError: grpc.StatusCode.RESOURCE_EXHAUSTED,
    UnavailableError: grpc.StatusCode.UNAVAILABLE,
}

_BY_NUMBER: dict[Any, grpc.StatusCode] = {code.value[0]: code for code in grpc.StatusCode} | {
    code: code for code in grpc.StatusCode
}

Context = grpc.aio.ServicerContext[Any, Any]


class CallInterceptor(grpc.aio.ServerInterceptor):
    """Wraps every call that one message asks; health checks pass untouched, they are neither traffic nor news."""

    def __init__(self, service: str, timeout_seconds: float, slow_seconds: float) -> None:
        """Wrap the calls of a service.

        Args:
            service: its name in the metrics, such as `order_service`.
            timeout_seconds: no answer may take longer; for a stream, its first message. A stream that goes on for
                longer than the drain is cut with its connection: let it end before, and clients call again.
            slow_seconds: what takes longer is logged as a warning; streams may take as long as they like.
        """
        self._service = service
        self._timeout = timeout_seconds
        self._admission = Admission(service, timeout_seconds)
        self._slow = slow_seconds

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        """Replace the method's handler by the wrapped one."""
        handler = await continuation(handler_call_details)
        path = handler_call_details.method
        if handler is None or handler.request_streaming or path.startswith("/grpc."):
            return handler
        make, wrapped = (
            (grpc.unary_stream_rpc_method_handler, self._stream(handler.unary_stream, path))
            if handler.response_streaming
            else (grpc.unary_unary_rpc_method_handler, self._unary(handler.unary_unary, path))
        )
        return make(
            wrapped,
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )

    def _unary(self, call: Callable[[Any, Context], Awaitable[Any]], path: str) -> Any:
        async def wrapped(request: Any, context: Context) -> Any:
            with self._around(path, request, context, self._slow) as outcome:
                async with asyncio.timeout(self._timeout), self._admission.admitted():
                    response = await call(request, context)
                outcome.code = grpc.StatusCode.OK
                return response
            return await context.abort(outcome.code, outcome.detail)

        return wrapped

    def _stream(self, call: Callable[[Any, Context], AsyncIterator[Any]], path: str) -> Any:
        async def wrapped(request: Any, context: Context) -> AsyncIterator[Any]:
            with self._around(path, request, context, inf) as outcome:
                messages = aiter(call(request, context))
                async with asyncio.timeout(self._timeout), self._admission.admitted():
                    first = await anext(messages, None)
                if first is not None:
                    yield first
                    async for message in messages:
                        yield message
                outcome.code = grpc.StatusCode.OK
            if outcome.code is not grpc.StatusCode.OK:
                await context.abort(outcome.code, outcome.detail)

        return wrapped

    @contextmanager
    def _around(self, path: str, request: Any, context: Context, slow_seconds: float) -> Iterator["_Outcome"]:
        """Swallow errors into the outcome; the caller ends the call with it."""
        sent = {key: value for key, value in context.invocation_metadata() or () if isinstance(value, str)}
        outcome = _Outcome()
        started = perf_counter()
        with tracing.handling(path[1:], sent) as span, structlog.contextvars.bound_contextvars(**_user(request)):
            try:
                yield outcome
            except RequestError as error:
                outcome.code = next(code for kind, code in _CODES.items() if isinstance(error, kind))
                outcome.detail = error.public or str(error)
                if isinstance(error, UnavailableError):
                    log.error("unavailable", error=str(error), method=path)  # noqa: TRY400 - the trace says no more
            except grpc.aio.AbortError:  # the method has ended the call itself
                outcome.code = _BY_NUMBER.get(context.code(), grpc.StatusCode.UNKNOWN)
                raise
            except TimeoutError:
                outcome.code = grpc.StatusCode.DEADLINE_EXCEEDED
                outcome.detail = f"no answer within {self._timeout:g} s"
            except Exception as error:
                outcome.code, outcome.detail = grpc.StatusCode.INTERNAL, "internal error"
                log.exception("request failed", error=str(error), method=path)
                reports.report(error)
            finally:
                seconds = perf_counter() - started
                self._count(path, outcome, seconds, span)
                say = log.warning if seconds > slow_seconds else log.info
                say(
                    "request",
                    method=path.rpartition("/")[2],
                    code=outcome.code.name,
                    duration_ms=round(seconds * 1000, 2),
                    remote_addr=context.peer(),
                )

    def _count(self, path: str, outcome: "_Outcome", seconds: float, span: Span) -> None:
        method = path.rpartition("/")[2]
        metrics.grpc_requests.labels(self._service, method, outcome.code.name).inc()
        metrics.grpc_latency.labels(self._service, method).observe(seconds)
        if span.is_recording():
            span.set_attributes({"rpc.system": "grpc", "rpc.grpc.status_code": outcome.code.value[0]})
            if outcome.code in _OURS:
                span.set_status(Status(StatusCode.ERROR, outcome.detail))


class _Outcome:
    code: grpc.StatusCode = grpc.StatusCode.CANCELLED
    detail: str = ""


_OURS = {grpc.StatusCode.INTERNAL, grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED}
"""Codes that say that it went wrong on this side."""


def _user(request: Any) -> dict[str, str]:
    """Whose request it is, where it says so: logs are searched by user too (LG-4)."""
    user_id = getattr(request, "user_id", None)
    return {"user_id": user_id} if isinstance(user_id, str) and user_id else {}
