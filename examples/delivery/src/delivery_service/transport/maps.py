"""Google Maps, or what speaks like its Routes API, as another service that is called (SD-4).

Ways are asked for once for all who want them, and kept for minutes: between places of about a hundred metres, since a
courier is somewhere else by each of their reports.
"""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from math import ceil
from typing import Any

import structlog
from pydantic import SecretStr

from chassis.errors import UnavailableError
from chassis.http.client import RefusedError, Remote, calling
from chassis.redis.cache import Cache
from chassis.redis.client import Store
from chassis.redis.nearby import Nearby
from delivery_service.domain import Eta, Place

log = structlog.get_logger(__name__)

TIMEOUT_SECONDS = 3.0
KEPT_SECONDS = 300.0
STALE_SECONDS = 600.0
_PATH = "/directions/v2:computeRoutes"
_DURATION = re.compile(r"(\d+)(\.\d+)?s")


class RemoteMaps:
    """Implements `delivery_service.telling.Maps`."""

    def __init__(self, remote: Remote, cache: Cache[int]) -> None:
        self._remote = remote
        self._cache = cache

    async def eta(self, start: Place, end: Place) -> Eta:
        """When somebody would be there who starts now.

        Raises:
            UnavailableError: it does not answer, after retries too, or is left alone for a while after many failures;
                it refuses; or it knows no way.
        """

        async def ask() -> int:
            return await self._seconds(start, end)

        seconds = await self._cache.get(f"{_about(start)}:{_about(end)}", ask)
        return Eta(max(1, ceil(seconds / 60)), estimated=False)

    async def _seconds(self, start: Place, end: Place) -> int:
        wanted = {"origin": _waypoint(start), "destination": _waypoint(end), "travelMode": "BICYCLE"}
        fields = {"X-Goog-FieldMask": "routes.duration"}
        try:
            answer = await self._remote.request("POST", _PATH, json=wanted, headers=fields, repeatable=True)
            duration = answer.json()["routes"][0]["duration"]
        except RefusedError as error:
            log.error("maps refuses", status=error.status)  # noqa: TRY400 - the trace says no more
            raise UnavailableError(str(error)) from error
        except (ValueError, KeyError, IndexError, TypeError):
            raise UnavailableError("maps: knows no way") from None
        if not isinstance(duration, str) or not (found := _DURATION.fullmatch(duration)):
            raise UnavailableError("maps: an answer that says no duration")
        return int(found[1])


@asynccontextmanager
async def opened(url: str, key: SecretStr | None, store: Store) -> AsyncIterator[RemoteMaps]:
    """Give the maps to ask while this is open.

    Args:
        url: where they are, such as `https://routes.googleapis.com`.
        key: what opens them, if they want one.
        store: where ways are kept.
    """
    headers = {"X-Goog-Api-Key": key.get_secret_value()} if key is not None else None
    cache: Cache[int] = Cache(
        store, "routes", ttl_seconds=KEPT_SECONDS, stale_seconds=STALE_SECONDS, decode=int, nearby=Nearby()
    )
    async with cache.listening(), calling("maps", url, TIMEOUT_SECONDS, headers) as remote:
        yield RemoteMaps(remote, cache)


def _waypoint(place: Place) -> dict[str, Any]:
    return {"location": {"latLng": {"latitude": place.latitude, "longitude": place.longitude}}}


def _about(place: Place) -> str:
    return f"{place.latitude:.3f},{place.longitude:.3f}"
