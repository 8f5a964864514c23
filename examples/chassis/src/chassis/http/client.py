"""Calling another service by HTTP: with a deadline, again where that may help, and not while it is down (X-4, X-13).

What `chassis.grpc.client` is for gRPC. Errors never quote a URL: some services want their key in it.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

import httpx

from chassis import tracing
from chassis.breaker import Breaker
from chassis.errors import ServiceError, UnavailableError
from chassis.retries import Patience, again

_REPEATABLE = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
_DOWN = frozenset(
    {
        HTTPStatus.INTERNAL_SERVER_ERROR,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)
_NOT_REACHED = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


class RefusedError(ServiceError):
    """The other service answers, with a status that is no success and does not pass by itself.

    Attributes:
        status: the status.
        response: all of the answer; what it holds is for the caller to judge, and not for the log.
    """

    def __init__(self, name: str, response: httpx.Response) -> None:
        super().__init__(f"{name}: {_status(response)}")
        self.status = response.status_code
        self.response = response


class Remote:
    """Another service."""

    def __init__(self, name: str, client: httpx.AsyncClient, timeout_seconds: float) -> None:
        """Call it through a client.

        Args:
            name: what errors, logs and metrics call it, such as `maps`.
            client: with its base URL.
            timeout_seconds: no request, with all its tries, takes longer.
        """
        self._name = name
        self._client = client
        self._timeout = timeout_seconds
        self._breaker = Breaker(name, _is_down)

    async def get(self, path: str, params: Mapping[str, str] | None = None) -> httpx.Response:
        """Get something, as `request` does."""
        return await self.request("GET", path, params=params)

    async def request(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        repeatable: bool = False,
        **given: Any,
    ) -> httpx.Response:
        """Make a request, and give the whole answer if it is a success.

        It is made again where nothing can have come of the one before; where something can, only if that is safe.

        Args:
            method: such as POST.
            path: what is added to the base URL.
            headers: besides those of the trace.
            repeatable: whether doing it twice is as good as doing it once, such as a POST with an idempotency key; GET,
                HEAD, OPTIONS, PUT and DELETE always are.
            given: `params`, `json`, `content` or `data`, as httpx has them.

        Raises:
            UnavailableError: it does not answer, or says that it cannot do so now.
            RefusedError: it refuses.
        """
        safe = repeatable or method in _REPEATABLE

        async def once() -> httpx.Response:
            carrier = dict(headers or {})
            with tracing.sending(self._name, carrier) as span:
                try:
                    async with asyncio.timeout(self._timeout / 2):
                        response = await self._client.request(method, path, headers=carrier, **given)
                except TimeoutError:  # httpx's own limits are of each wait, not of the whole
                    raise httpx.ReadTimeout("no answer in time") from None
                span.set_attribute("http.response.status_code", response.status_code)
            if not response.is_success:
                raise _StatusError(response)
            return response

        async def patiently() -> httpx.Response:
            patience = Patience(timeout_seconds=self._timeout / 2)

            def may_pass(error: Exception) -> bool:
                return _may_pass(error, patience, safe=safe)

            return await again(self._name, once, passing=may_pass, describe=_line, patience=patience)

        try:
            return await self._breaker.call(patiently)
        except (_StatusError, httpx.TransportError) as error:
            if _is_down(error) or _is_limited(error):
                raise UnavailableError(f"{self._name}: {_line(error)}") from error
            if isinstance(error, _StatusError):
                raise RefusedError(self._name, error.response) from None
            raise


@asynccontextmanager
async def calling(
    name: str, base_url: str, timeout_seconds: float, headers: Mapping[str, str] | None = None
) -> AsyncIterator[Remote]:
    """Give a service to call while this is open; it is connected to when it is called first.

    Args:
        name: what errors, logs and metrics call it.
        base_url: where it is, such as `https://maps.example.com/v1`.
        timeout_seconds: no request, with all its tries, takes longer.
        headers: of every request, such as an API key.
    """
    async with httpx.AsyncClient(base_url=base_url, headers=headers, timeout=timeout_seconds / 2) as client:
        yield Remote(name, client, timeout_seconds)


class _StatusError(Exception):
    def __init__(self, response: httpx.Response) -> None:
        super().__init__(_status(response))
        self.response = response


def _may_pass(error: Exception, patience: Patience, *, safe: bool) -> bool:
    if isinstance(error, _StatusError):
        # Whoever says when to come back is not asked before.
        soon = _seconds(error.response.headers.get("retry-after", "0")) <= patience.longest_pause_seconds
        if _is_limited(error):  # nothing was done
            return soon
        return safe and soon and _is_down(error)
    if isinstance(error, httpx.TimeoutException) and not isinstance(error, _NOT_REACHED):
        return False  # half of the time is gone, and the next try would find the other side as busy
    return isinstance(error, _NOT_REACHED) or (safe and isinstance(error, httpx.TransportError))


def _is_down(error: Exception) -> bool:
    if isinstance(error, _StatusError):
        return error.response.status_code in _DOWN
    return isinstance(error, httpx.TransportError) and not isinstance(error, httpx.UnsupportedProtocol)


def _is_limited(error: Exception) -> bool:
    """Whether it has had enough of this caller for now, which shows that it is there."""
    return isinstance(error, _StatusError) and error.response.status_code == HTTPStatus.TOO_MANY_REQUESTS


def _seconds(retry_after: str) -> float:
    try:
        return float(retry_after)
    except ValueError:  # a date
        return float("inf")


def _status(response: httpx.Response) -> str:
    return f"{response.status_code} {response.reason_phrase}".strip()


def _line(error: Exception) -> str:
    if isinstance(error, _StatusError):
        return _status(error.response)
    return f"{type(error).__name__} {error}".strip()
