"""What a delivery is, and the rules it obeys. Knows neither Redis nor Kafka nor HTTP."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from math import asin, ceil, cos, radians, sin, sqrt

from delivery_service.errors import InvalidDeliveryError

MAX_LATITUDE = 85.05112878
"""Of a place that Redis can search by; no courier rides beyond."""
MAX_LONGITUDE = 180.0
MAX_RADIUS_KM = 100.0
MAX_FOUND = 100

_EARTH_RADIUS_KM = 6371.0
_DETOUR = 1.4  # how much longer a way through a city is than the straight line
_KM_PER_HOUR = 20.0
_ID = re.compile(r"[\w.@-]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Place:
    """A point on the earth, in degrees."""

    latitude: float
    longitude: float

    def __post_init__(self) -> None:
        """See that it is one.

        Raises:
            InvalidDeliveryError: names the field that breaks a rule.
        """
        # Written so that NaN is refused too.
        if not -MAX_LATITUDE <= self.latitude <= MAX_LATITUDE:
            raise InvalidDeliveryError("latitude", f"must be -{MAX_LATITUDE} to {MAX_LATITUDE}")
        if not -MAX_LONGITUDE <= self.longitude <= MAX_LONGITUDE:
            raise InvalidDeliveryError("longitude", f"must be -{MAX_LONGITUDE:g} to {MAX_LONGITUDE:g}")


class State(StrEnum):
    """Where the delivery of an order is."""

    WAITING = "waiting"
    ASSIGNED = "assigned"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Eta:
    """When somebody will be there.

    Attributes:
        minutes: from the moment on in which they start.
        estimated: whether the way was measured by the straight line, since no map answered.
    """

    minutes: int
    estimated: bool


@dataclass(frozen=True, slots=True)
class Delivery:
    """The delivery of one order.

    Attributes:
        order_id: of which.
        user_id: whose order it is.
        state: where it is.
        courier_id: who brings it.
        start: where the courier was when they got the order.
        eta: when they will be at the door, from the assignment on.
    """

    order_id: str
    user_id: str
    state: State
    courier_id: str | None = None
    start: Place | None = None
    eta: Eta | None = None


@dataclass(frozen=True, slots=True)
class Courier:
    """Somebody who brings orders.

    Attributes:
        id: who.
        place: where they were when they last said so.
        available: whether they work now.
        order_id: what they bring now.
    """

    id: str
    place: Place
    available: bool
    order_id: str | None = None


@dataclass(frozen=True, slots=True)
class Near:
    """A free courier, and how far they are from a place, in a straight line."""

    courier_id: str
    place: Place
    km: float


class News(StrEnum):
    """What others are told of."""

    ASSIGNED = "delivery_assigned"
    COMPLETED = "delivery_completed"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a delivery.

    Attributes:
        news: what.
        delivery: to which, as it is now.
        happened_at: when.
        headers: the trace of what did it.
    """

    news: News
    delivery: Delivery
    happened_at: datetime
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Search:
    """Where couriers are looked for: around the place where orders are picked up.

    Attributes:
        pickup: that place.
        radius_km: how far around it.
        silent_seconds: who has not said where they are for so long gets no order.
    """

    pickup: Place
    radius_km: float
    silent_seconds: float = 300


def estimate(start: Place, end: Place) -> Eta:
    """When somebody would be there, by the straight line and what a city makes of it."""
    return Eta(max(1, ceil(distance_km(start, end) * _DETOUR / _KM_PER_HOUR * 60)), estimated=True)


def distance_km(one: Place, other: Place) -> float:
    """How far two places are from one another."""
    latitudes = radians(one.latitude), radians(other.latitude)
    north, east = latitudes[1] - latitudes[0], radians(other.longitude - one.longitude)
    chord = sin(north / 2) ** 2 + cos(latitudes[0]) * cos(latitudes[1]) * sin(east / 2) ** 2
    return 2 * _EARTH_RADIUS_KM * asin(min(1, sqrt(chord)))


def check_id(field: str, value: str) -> str:
    """See that an id can be one: it becomes part of a key.

    Raises:
        InvalidDeliveryError: it cannot.
    """
    if not _ID.fullmatch(value):
        raise InvalidDeliveryError(field, "must be 1 to 64 letters, digits, or one of _ . @ -")
    return value


def check_search(radius_km: float, most: int) -> None:
    """See that couriers can be looked for.

    Raises:
        InvalidDeliveryError: names the field that breaks a rule.
    """
    if not 0 < radius_km <= MAX_RADIUS_KM:
        raise InvalidDeliveryError("radius_km", f"must be more than 0, and at most {MAX_RADIUS_KM:g}")
    if not 1 <= most <= MAX_FOUND:
        raise InvalidDeliveryError("limit", f"must be 1 to {MAX_FOUND}")
