"""A write between the operator and the API server, and what may become of it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from aiohttp import web

if TYPE_CHECKING:
    from tests.support.proxy import Proxy


@dataclass(frozen=True)
class Exchange:
    """One write on its way.

    Attributes:
        number: which of the writes that count, from 1.
        proxy: where it is.
        request: what the operator sent.
    """

    number: int
    proxy: "Proxy"
    request: web.Request

    async def send(self) -> web.Response:
        """Let the API server have it, and take its answer."""
        return await self.proxy.send(self.request)

    def break_off(self) -> web.Response:
        """Close the operator's connection with no answer; the response is for nobody."""
        if self.request.transport is not None:
            self.request.transport.abort()
        return web.Response(status=503)


class Fault(Protocol):
    """What becomes of the operator's writes."""

    async def write(self, exchange: Exchange) -> web.Response:
        """Answer one."""
        ...
