"""Deliveries and couriers in Redis."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime

from redis.asyncio import Redis

from chassis.redis.client import Store
from chassis.redis.locks import Held
from chassis.redis.scripts import Argument
from delivery_service.domain import Courier, Delivery, Eta, Event, Near, News, Place, Search, State
from delivery_service.storage import scripts
from delivery_service.storage.scripts import FREE, UNTOLD, WAITING, courier_key, order_key

Hash = dict[str, str]


class RedisDeliveryRepository:
    """Implements `delivery_service.service.DeliveryRepository`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def paid(
        self, order_id: str, user_id: str, headers: Mapping[str, str], search: Search, now: datetime
    ) -> bool:
        """Take in an order once: with the nearest free courier, or among those that wait; whether it is new."""
        args: list[Argument] = [order_id, user_id, json.dumps(dict(headers)), now.isoformat(), *_numbers(search)]
        return bool(await scripts.PAID.run(self._store, args=args))

    async def next(self, held: Held, search: Search, now: datetime) -> str | None:
        """Give a free courier to the order that waits longest, and return its id; None if one of them is missing.

        Raises:
            LockLostError: somebody else does this by now.
        """
        order_id: str | None = await scripts.NEXT.run(self._store, held, args=[now.isoformat(), *_numbers(search)])
        return order_id

    async def cancelled(self, order_id: str) -> State | None:
        """End the delivery of an order that was cancelled; gives its state before, None if there is none."""
        return _state(await scripts.CANCELLED.run(self._store, args=[order_id]))

    async def delivered(self, order_id: str) -> State | None:
        """End the delivery of an order that is known to be delivered; gives its state before, None if there is none."""
        return _state(await scripts.DELIVERED.run(self._store, args=[order_id]))

    async def complete(
        self, order_id: str, courier_id: str, headers: Mapping[str, str], now: datetime
    ) -> tuple[State | None, bool]:
        """End a delivery by its courier's word.

        Returns:
            Its state before, if it is known and this courier's; and whether there is a delivery of this order at all.
        """
        args = [order_id, courier_id, now.isoformat(), json.dumps(dict(headers))]
        before = await scripts.COMPLETE.run(self._store, args=args)
        return (None, True) if before == "another" else (_state(before), before is not None)

    async def find(self, order_id: str) -> Delivery | None:
        """Return the delivery of an order."""
        found = await self._hash("order get", order_key(order_id))
        return _delivery(order_id, found) if found else None

    async def settle(self, order_id: str, eta: Eta) -> Eta:
        """Keep when the courier will be there, unless that was said before; gives what holds."""
        minutes, estimated = await scripts.ETA.run(self._store, args=[order_id, eta.minutes, int(eta.estimated)])
        return _eta(minutes, estimated)

    async def untold(self, most: int) -> Sequence[tuple[str, News, float]]:
        """Return what nobody was told of, the oldest first: the order, the news, and their age in seconds."""
        found = await scripts.OLDEST.run(self._store, args=[most])
        news = []
        for member, age in zip(found[::2], found[1::2], strict=True):
            order_id, _, name = member.rpartition(":")
            news.append((order_id, News(name), age / 1000))
        return news

    async def event(self, order_id: str, news: News) -> Event | None:
        """Return what there is to tell of an order; None if it was told, or there is nothing any more."""

        async def work(client: Redis) -> tuple[float | None, Hash]:
            async with client.pipeline() as pipeline:
                pipeline.zscore(UNTOLD, f"{order_id}:{news}")
                pipeline.hgetall(order_key(order_id))
                score, found = await pipeline.execute()
                return score, found

        score, found = await self._store.ask("event get", work)
        if score is None or not found:
            return None
        happened_at, headers = datetime.fromisoformat(found[f"{news}_at"]), json.loads(found[f"{news}_headers"])
        return Event(news, _delivery(order_id, found), happened_at, headers)

    async def told(self, order_id: str, news: News) -> None:
        """Note that all who listen are told."""
        await self._store.ask("event told", lambda client: client.zrem(UNTOLD, f"{order_id}:{news}"))

    async def report(self, courier: Courier, *, only_new: bool = False) -> bool:
        """Note where a courier is and whether they work; whether that was done, if only for a new one."""
        place = courier.place
        args: list[Argument] = [courier.id, place.longitude, place.latitude, int(courier.available), int(only_new)]
        return bool(await scripts.REPORT.run(self._store, args=args))

    async def courier(self, courier_id: str) -> Courier | None:
        """Return a courier."""
        found = await self._hash("courier get", courier_key(courier_id))
        if not found:
            return None
        return Courier(courier_id, _place(found), found["available"] == "1", found.get("order_id"))

    async def near(self, place: Place, radius_km: float, most: int) -> list[Near]:
        """Return free couriers, the nearest first."""

        async def work(client: Redis) -> list[tuple[str, float, tuple[float, float]]]:
            found: list[tuple[str, float, tuple[float, float]]] = await client.geosearch(
                FREE,
                longitude=place.longitude,
                latitude=place.latitude,
                radius=radius_km,
                unit="km",
                sort="ASC",
                count=most,
                withdist=True,
                withcoord=True,
            )
            return found

        found = await self._store.ask("couriers near", work)
        return [Near(who, Place(round(at[1], 5), round(at[0], 5)), km) for who, km, at in found]

    async def counts(self) -> tuple[int, int, int]:
        """How many orders wait, couriers are free, and events are untold."""

        async def work(client: Redis) -> tuple[int, int, int]:
            async with client.pipeline(transaction=False) as pipeline:
                for key in (WAITING, FREE, UNTOLD):
                    pipeline.zcard(key)
                waiting, free, untold = await pipeline.execute()
                return waiting, free, untold

        return await self._store.ask("counts", work)

    async def _hash(self, what: str, key: str) -> Hash:
        async def work(client: Redis) -> Hash:
            found: Hash = await client.hgetall(key)  # type: ignore[misc]  # typed for the blocking client too
            return found

        return await self._store.ask(what, work)


def _delivery(order_id: str, found: Hash) -> Delivery:
    eta = _eta(found["eta_minutes"], found["eta_estimated"]) if "eta_estimated" in found else None
    start = _place(found) if "latitude" in found else None
    return Delivery(order_id, found["user_id"], State(found["state"]), found.get("courier_id"), start, eta)


def _place(found: Hash) -> Place:
    return Place(float(found["latitude"]), float(found["longitude"]))


def _eta(minutes: str, estimated: str) -> Eta:
    return Eta(int(minutes), estimated == "1")


def _state(before: str | None) -> State | None:
    return State(before) if before else None


def _numbers(search: Search) -> tuple[float, float, float, float]:
    return search.pickup.longitude, search.pickup.latitude, search.radius_km, search.silent_seconds
