"""What may go wrong between the operator's process and the API server: each fault strikes once, at one of its writes.

A fault's docstring is what docs/reliability.md says of it.
"""

import asyncio
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import ClassVar, Final

from aiohttp import web

from tests.support.exchange import Exchange
from tests.support.faults.words import title

LATER_SECONDS: Final = 0.6
"""How long what is slow is slow: longer than the operator takes for its next few writes."""


@dataclass(frozen=True)
class Fault(ABC):
    """What all have in common: at which write they strike.

    Attributes:
        write: its number in the run, from 1.
        kills: whether the operator must be started again.
        twice: whether it may make a write twice, and so start pods that a run without it does not start.
    """

    write: int
    kills: ClassVar[bool] = False
    twice: ClassVar[bool] = False

    @property
    def name(self) -> str:
        """What it is called in the table of plans."""
        return f"{title(type(self))} {self.variant}".strip()

    @property
    def variant(self) -> str:
        """What tells it from others of its class."""
        return ""

    @abstractmethod
    async def strike(self, exchange: Exchange) -> web.Response:
        """Do what the fault does, instead of forwarding."""

    def at(self, write: int) -> "Fault":
        """The same fault elsewhere."""
        return replace(self, write=write)


@dataclass(frozen=True)
class Strike:
    """A fault under way in one run."""

    fault: Fault

    async def write(self, exchange: Exchange) -> web.Response:
        """Forward, or let the fault strike."""
        if exchange.number != self.fault.write:
            return await exchange.send()
        try:
            return await self.fault.strike(exchange)
        finally:
            exchange.proxy.fired.set()


class KilledBefore(Fault):
    """The operator is killed (SIGKILL) before the write reaches the API server, and started again."""

    kills = True

    async def strike(self, exchange: Exchange) -> web.Response:
        exchange.proxy.kill()
        return exchange.break_off()


class KilledAfter(Fault):
    """The operator is killed after the API server has made the write and before it hears so, and started again."""

    kills = True

    async def strike(self, exchange: Exchange) -> web.Response:
        await exchange.send()
        exchange.proxy.kill()
        return exchange.break_off()


class RestartedIntoThePast(Fault):
    """As "killed after"; what the new process lists first is from before the write, as a lagging cache has it."""

    kills = True

    async def strike(self, exchange: Exchange) -> web.Response:
        await exchange.proxy.remember()
        await exchange.send()
        exchange.proxy.kill()
        return exchange.break_off()


@dataclass(frozen=True)
class Answered(Fault):
    """The API server does not make the write and answers with an error; 429 comes with Retry-After."""

    code: int = 500
    reason: str = "InternalError"

    @property
    def variant(self) -> str:
        return f"{self.code} {self.reason}"

    async def strike(self, _exchange: Exchange) -> web.Response:
        body = {
            "kind": "Status",
            "apiVersion": "v1",
            "status": "Failure",
            "code": self.code,
            "reason": self.reason,
            "message": "a fault of a test",
        }
        headers = {"Retry-After": "1"} if self.code == 429 else {}
        return web.json_response(body, status=self.code, headers=headers)


class RequestLost(Fault):
    """The connection breaks before the write reaches the API server."""

    async def strike(self, exchange: Exchange) -> web.Response:
        return exchange.break_off()


class AnswerLost(Fault):
    """The API server makes the write, and the connection breaks before its answer."""

    async def strike(self, exchange: Exchange) -> web.Response:
        await exchange.send()
        return exchange.break_off()


class AnswerLostAndWatchesSlow(Fault):
    """As "answer lost", and for a while no event comes that would tell of the write."""

    async def strike(self, exchange: Exchange) -> web.Response:
        exchange.proxy.slow_down(2 * LATER_SECONDS)
        await exchange.send()
        return exchange.break_off()


class RequestLate(Fault):
    """The connection breaks, and the write reaches the API server later, when the operator has gone on."""

    twice = True

    async def strike(self, exchange: Exchange) -> web.Response:
        await exchange.request.read()
        late = asyncio.create_task(_after(LATER_SECONDS, exchange))
        exchange.proxy.keep(late)
        return exchange.break_off()


class RequestDuplicated(Fault):
    """The write reaches the API server twice, and the second answer comes back."""

    async def strike(self, exchange: Exchange) -> web.Response:
        await exchange.send()
        return await exchange.send()


class AnswerDelayed(Fault):
    """The answer takes a while; meanwhile the write's own events arrive."""

    async def strike(self, exchange: Exchange) -> web.Response:
        answer = await exchange.send()
        await asyncio.sleep(LATER_SECONDS)
        return answer


class WatchesCut(Fault):
    """Every watch breaks with the write; they begin again."""

    async def strike(self, exchange: Exchange) -> web.Response:
        await exchange.send()
        await exchange.proxy.break_all()
        return exchange.break_off()


class WatchesExpired(Fault):
    """Every watch breaks with the write, and when it begins again its version is too old (410): all is listed anew."""

    async def strike(self, exchange: Exchange) -> web.Response:
        await exchange.send()
        exchange.proxy.forget_history()
        await exchange.proxy.break_all()
        return exchange.break_off()


class Unreachable(Fault):
    """With the write every connection breaks, and for a while there are none: what happens meanwhile is never seen."""

    async def strike(self, exchange: Exchange) -> web.Response:
        await exchange.send()
        exchange.proxy.stay_away(2 * LATER_SECONDS)
        await exchange.proxy.break_all()
        return exchange.break_off()


@dataclass(frozen=True)
class WatchSlow(Fault):
    """From the write on the events of a kind, or of all, are held back for a while: the store is stale."""

    plural: str = "*"

    @property
    def variant(self) -> str:
        return "all" if self.plural == "*" else self.plural

    async def strike(self, exchange: Exchange) -> web.Response:
        exchange.proxy.slow_down(2 * LATER_SECONDS, self.plural)
        return await exchange.send()


async def _after(seconds: float, exchange: Exchange) -> None:
    await asyncio.sleep(seconds)
    await exchange.send()


KILLS: Final = (KilledBefore(0), KilledAfter(0))
"""Each of them around every write."""
OTHERS: Final = (
    RestartedIntoThePast(0),
    *(
        Answered(0, code, reason)
        for code, reason in (
            (403, "Forbidden"),
            (409, "Conflict"),
            (410, "Expired"),
            (422, "Invalid"),
            (429, "TooManyRequests"),
            (500, "InternalError"),
            (503, "ServiceUnavailable"),
            (504, "Timeout"),
        )
    ),
    RequestLost(0),
    AnswerLost(0),
    AnswerLostAndWatchesSlow(0),
    RequestLate(0),
    RequestDuplicated(0),
    AnswerDelayed(0),
    WatchesCut(0),
    WatchesExpired(0),
    Unreachable(0),
    *(
        WatchSlow(0, plural)
        for plural in ("*", "deliveryservices", "deliveryreleases", "deliverytasks", "deployments", "jobs", "pods")
    ),
)
"""Each of them at least once in every scenario, and one of them at every write."""
