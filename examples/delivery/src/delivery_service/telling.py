"""Telling others what happened to deliveries: everything, in each order's order, once in effect.

What is to be told is noted by the same script that does it. It is told by whoever did it, and if that one dies, by the
dispatcher a while later. It may be told twice then, in the same words and under the same id.
"""

from typing import Protocol

import structlog
from prometheus_client import Counter

from chassis.errors import UnavailableError
from delivery_service.domain import Eta, Event, News, Place, estimate

log = structlog.get_logger(__name__)

_etas = Counter("delivery_etas", "Times of arrival, by where they come from: maps, or the straight line", ["source"])


class Told(Protocol):
    """Knows what is to be told."""

    async def event(self, order_id: str, news: News) -> Event | None:
        """Return what there is to tell of an order; None if it was told, or there is nothing any more."""

    async def settle(self, order_id: str, eta: Eta) -> Eta:
        """Keep when the courier will be there, unless that was said before; gives what holds."""

    async def told(self, order_id: str, news: News) -> None:
        """Note that all who listen are told."""


class Maps(Protocol):
    """Knows the ways."""

    async def eta(self, start: Place, end: Place) -> Eta:
        """When somebody would be there who starts now.

        Raises:
            UnavailableError: it does not answer, or knows no way.
        """


class Publisher(Protocol):
    """Tells all who listen."""

    async def publish(self, event: Event, eta: Eta) -> None:
        """Tell them of an event, and return when it is kept for them.

        Raises:
            UnavailableError: it is not.
        """


class Teller:
    """Tells what is to be told of an order."""

    def __init__(self, told: Told, publisher: Publisher, maps: Maps | None, pickup: Place, ride_minutes: int) -> None:
        """Tell it through a publisher.

        Args:
            told: knows what is to be told.
            publisher: tells it.
            maps: says when the courier will be at the pickup; without it, the straight line does.
            pickup: where orders are picked up.
            ride_minutes: how long it takes from there to a door.
        """
        self._told = told
        self._publisher = publisher
        self._maps = maps
        self._pickup = pickup
        self._ride_minutes = ride_minutes

    async def tell(self, order_id: str) -> None:
        """Tell what happened to an order and was not told yet.

        Raises:
            UnavailableError: Redis or Kafka does not answer; what is left is told later.
        """
        for news in News:  # in the order in which they happen
            event = await self._told.event(order_id, news)
            if event is None:
                continue
            eta = event.delivery.eta or await self._told.settle(order_id, await self._eta(event))
            await self._publisher.publish(event, eta)
            await self._told.told(order_id, news)

    async def _eta(self, event: Event) -> Eta:
        way = await self._way(event)
        return Eta(way.minutes + self._ride_minutes, way.estimated)

    async def _way(self, event: Event) -> Eta:
        start = event.delivery.start or self._pickup
        if self._maps is not None:
            try:
                eta = await self._maps.eta(start, self._pickup)
            except UnavailableError as error:
                log.warning("no map, estimating", order_id=event.delivery.order_id, error=str(error))
            else:
                _etas.labels("maps").inc()
                return eta
        _etas.labels("straight line").inc()
        return estimate(start, self._pickup)
