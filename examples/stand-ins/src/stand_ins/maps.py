"""Maps: speak as Google's Routes API does, and know no streets.

https://developers.google.com/maps/documentation/routes/reference/rest/v2/TopLevel/computeRoutes
"""

from math import asin, cos, radians, sin, sqrt
from typing import Final

from fastapi import FastAPI
from pydantic import BaseModel, Field

from chassis.http.app import application
from chassis.http.server import Server
from chassis.readiness import Readiness
from chassis.running import running
from stand_ins.settings import MapsSettings

EARTH_KM: Final = 6371.0
KM_PER_HOUR: Final = 15.0
"""Of a bicycle in a town."""
DETOUR: Final = 1.3
"""How much longer a way is than the straight line."""


class _Place(BaseModel):
    latitude: float = Field(ge=-90, le=90)
    longitude: float = Field(ge=-180, le=180)


class _Location(BaseModel):
    latLng: _Place  # noqa: N815 - the API's name


class _Waypoint(BaseModel):
    location: _Location


class _Question(BaseModel):
    origin: _Waypoint
    destination: _Waypoint


class _Route(BaseModel):
    duration: str


class _Answer(BaseModel):
    routes: list[_Route]


def answering(readiness: Readiness) -> FastAPI:
    """Make the application."""
    app = application("Maps", "1.0.0", "A stand-in for Google's Routes API.", readiness)

    @app.post("/directions/v2:computeRoutes")
    async def compute_routes(asked: _Question) -> _Answer:
        """How long one rides."""
        seconds = _seconds(asked.origin.location.latLng, asked.destination.location.latLng)
        return _Answer(routes=[_Route(duration=f"{seconds}s")])

    return app


async def run(settings: MapsSettings) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        CommandError: a port is taken.
    """
    async with running(settings, "maps", {}) as process:
        server = Server(settings, "maps", answering(process.readiness), process.readiness)
        await server.serve(settings.port, process.shutdown, metrics_port=process.metrics_port)


def _seconds(start: _Place, end: _Place) -> int:
    """By the haversine formula."""
    north, east = (radians(end.latitude - start.latitude), radians(end.longitude - start.longitude))
    half = sin(north / 2) ** 2 + cos(radians(start.latitude)) * cos(radians(end.latitude)) * sin(east / 2) ** 2
    km = 2 * EARTH_KM * asin(sqrt(half)) * DETOUR
    return round(km / KM_PER_HOUR * 3600)
