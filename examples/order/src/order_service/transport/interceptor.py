"""What happens around every call: a time limit, errors to statuses, one log line, metrics, request ids."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import Any
from uuid import uuid4

import grpc
import structlog

from order_service import metrics
from order_service.errors import (
    IdempotencyConflictError,
    InvalidOrderError,
    OrderError,
    OrderNotFoundError,
    StorageUnavailableError,
)

log = structlog.get_logger(__name__)

_CODES: dict[type[OrderError], grpc.StatusCode] = {
    InvalidOrderError: grpc.StatusCode.INVALID_ARGUMENT,
    OrderNotFoundError: grpc.StatusCode.NOT_FOUND,
    IdempotencyConflictError: grpc.StatusCode.ALREADY_EXISTS,
    StorageUnavailableError: grpc.StatusCode.UNAVAILABLE,
}
_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
_REQUEST_ID = re.compile(r"[\w.:/+=-]{1,128}", re.ASCII)

Method = Callable[[Any, grpc.aio.ServicerContext[Any, Any]], Awaitable[Any]]


class CallInterceptor(grpc.aio.ServerInterceptor):
    """Wraps every unary call; health checks pass untouched, they are neither traffic nor news."""

    def __init__(self, timeout_seconds: float) -> None:
        self._timeout = timeout_seconds

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        """Replace the method's handler by the wrapped one."""
        handler = await continuation(handler_call_details)
        if handler is None or handler.unary_unary is None or handler_call_details.method.startswith("/grpc."):
            return handler
        return grpc.unary_unary_rpc_method_handler(
            self._wrap(handler.unary_unary, handler_call_details.method),
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )

    def _wrap(self, call: Method, path: str) -> Method:
        method = path.rpartition("/")[2]

        async def wrapped(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
            started = perf_counter()
            code, detail = grpc.StatusCode.CANCELLED, ""
            with structlog.contextvars.bound_contextvars(**_request_ids(context)):
                try:
                    async with asyncio.timeout(self._timeout):
                        response = await call(request, context)
                    code = grpc.StatusCode.OK
                    return response  # noqa: TRY300 - `finally` reports either way
                except OrderError as error:
                    code, detail = _CODES[type(error)], str(error)
                    if isinstance(error, StorageUnavailableError):
                        log.error("storage unavailable", error=detail, method=method)  # noqa: TRY400 - no news in the trace
                        detail = "storage is unavailable, try again"
                except TimeoutError:
                    code, detail = grpc.StatusCode.DEADLINE_EXCEEDED, f"no answer within {self._timeout:g} s"
                except Exception as error:
                    code, detail = grpc.StatusCode.INTERNAL, "internal error"
                    log.exception("request failed", error=str(error), method=method)
                finally:
                    _report(method, code, perf_counter() - started, context)
            return await context.abort(code, detail)

        return wrapped


def _report(method: str, code: grpc.StatusCode, seconds: float, context: grpc.aio.ServicerContext[Any, Any]) -> None:
    metrics.requests.labels(metrics.SERVICE, method, code.name).inc()
    metrics.latency.labels(metrics.SERVICE, method).observe(seconds)
    log.info("request", method=method, code=code.name, duration_ms=round(seconds * 1000, 2), remote_addr=context.peer())


def _request_ids(context: grpc.aio.ServicerContext[Any, Any]) -> dict[str, str]:
    """Take the caller's ids if they are well formed, so that one search follows a request through all services."""
    sent = {key: value for key, value in context.invocation_metadata() or () if isinstance(value, str)}
    trace = _TRACEPARENT.fullmatch(sent.get("traceparent", ""))
    trace_id = trace[1] if trace else uuid4().hex
    request_id = sent.get("x-request-id", "")
    return {"request_id": request_id if _REQUEST_ID.fullmatch(request_id) else trace_id, "trace_id": trace_id}
