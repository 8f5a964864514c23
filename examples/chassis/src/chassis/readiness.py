"""Whether the process can do its work now: everything that it needs answers, and it is not about to end."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import structlog

from chassis import metrics, reports
from chassis.errors import CommandError, UnavailableError

log = structlog.get_logger(__name__)

INTERVAL_SECONDS = 2.0

Check = Callable[[], Awaitable[None]]
"""Asks something that the process needs whether it is there; UnavailableError says that it is not."""


class Readiness:
    """Follows what the process needs, and tells whoever listens."""

    def __init__(self, service: str, checks: Mapping[str, Check]) -> None:
        """Take the checks by the name of what they ask, such as `database`; they are not run yet."""
        self._checks = dict(checks)
        self._away: dict[str, str] = {}
        self._draining = False
        self._listeners: list[Callable[[bool], None]] = []
        self.tell(metrics.ready.labels(service).set)

    @property
    def ready(self) -> bool:
        """Whether to send work here."""
        return not self._draining and not self._away

    @property
    def reasons(self) -> dict[str, str]:
        """Why not: what does not answer, and what it said."""
        return {"process": "draining"} if self._draining else dict(self._away)

    def tell(self, listener: Callable[[bool], None]) -> None:
        """Call this now and at each change."""
        self._listeners.append(listener)
        listener(self.ready)

    async def begin(self) -> None:
        """Ask everything once.

        Raises:
            CommandError: something does not answer. The platform starts the process again, later and later (F4-6).
        """
        await self._ask()
        if self._away:
            raise CommandError("; ".join(f"no {name}: {reason}" for name, reason in self._away.items()))

    async def watch(self) -> None:
        """Follow until cancelled."""
        while True:
            await asyncio.sleep(INTERVAL_SECONDS)
            await self._ask()

    def drain(self) -> None:
        """Be ready no more, for good."""
        self._draining = True
        self._say()

    async def _ask(self) -> None:
        answers = await asyncio.gather(*(self._answer(name, check) for name, check in self._checks.items()))
        before, self._away = self._away, {n: a for n, a in zip(self._checks, answers, strict=True) if a is not None}
        for name in self._away.keys() - before.keys():
            log.error("not ready", needs=name, error=self._away[name])
        for name in before.keys() - self._away.keys():
            log.info("ready again", needs=name)
        self._say()

    def _say(self) -> None:
        for listener in self._listeners:
            listener(self.ready)

    async def _answer(self, name: str, check: Check) -> str | None:
        try:
            await check()
        except UnavailableError as error:
            return str(error)
        except Exception as error:
            reason = f"an error of the program: {type(error).__name__}"
            if self._away.get(name) != reason:  # once, and not with every look
                log.exception("readiness not known", needs=name, error=str(error))
                reports.report(error)
            return reason
        return None
