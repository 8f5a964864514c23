"""Calling another service by gRPC: with a deadline, again where that may help, and not while it is down (W-13)."""

from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Protocol, TypeVar

import grpc

from chassis import tracing
from chassis.breaker import Breaker
from chassis.errors import UnavailableError
from chassis.retries import Patience, again

Request = TypeVar("Request", contravariant=True)  # noqa: PLC0105 - as in the typing documentation
Response = TypeVar("Response", covariant=True)  # noqa: PLC0105

_DOWN = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED}
# Who is limited gets no answer now, but the service is there, and trying again at once would make it worse.
_NOT_NOW = {*_DOWN, grpc.StatusCode.RESOURCE_EXHAUSTED}


class Method(Protocol[Request, Response]):
    """A method of a generated stub that takes one message and gives one."""

    def __call__(
        self, request: Request, /, *, timeout: float, metadata: tuple[tuple[str, str], ...]
    ) -> Awaitable[Response]:
        """Call it."""


class Remote:
    """Another service.

    Attributes:
        channel: for its generated stub.
    """

    def __init__(self, name: str, channel: grpc.aio.Channel, timeout_seconds: float) -> None:
        """Call it through a channel.

        Args:
            name: what errors, logs and metrics call it, such as `catalogue`.
            channel: to it.
            timeout_seconds: no call, with all its tries, takes longer.
        """
        self.channel = channel
        self._name = name
        self._timeout = timeout_seconds
        self._breaker = Breaker(name, _is_down)

    async def call(self, method: Method[Request, Response], request: Request) -> Response:
        """Call a method that is safe to call again.

        Raises:
            UnavailableError: it does not answer, or has had enough of this caller for now.
            grpc.aio.AioRpcError: it refuses; by its status.
        """

        async def once() -> Response:
            carrier: dict[str, str] = {}
            with tracing.sending(self._name, carrier):
                return await method(request, timeout=self._timeout / 2, metadata=tuple(carrier.items()))

        async def patiently() -> Response:
            patience = Patience(timeout_seconds=self._timeout / 2)
            return await again(self._name, once, passing=_may_pass, describe=_line, patience=patience)

        try:
            return await self._breaker.call(patiently)
        except grpc.aio.AioRpcError as error:
            if error.code() in _NOT_NOW:
                raise UnavailableError(f"{self._name}: {_line(error)}") from error
            raise


@asynccontextmanager
async def calling(name: str, address: str, timeout_seconds: float) -> AsyncIterator[Remote]:
    """Give a service to call while this is open; it is connected to when it is called first.

    Args:
        name: what errors, logs and metrics call it.
        address: `host:port`, inside the cluster: without TLS, as the platform's network policies keep others out.
        timeout_seconds: no call, with all its tries, takes longer.
    """
    async with grpc.aio.insecure_channel(address) as channel:
        yield Remote(name, channel, timeout_seconds)


def _may_pass(error: Exception) -> bool:
    return isinstance(error, grpc.aio.AioRpcError) and error.code() is grpc.StatusCode.UNAVAILABLE


def _is_down(error: Exception) -> bool:
    return isinstance(error, grpc.aio.AioRpcError) and error.code() in _DOWN


def _line(error: Exception) -> str:
    if isinstance(error, grpc.aio.AioRpcError):
        return f"{error.code().name} {error.details()}".strip()
    return str(error)
