"""What one can do with deliveries: the business layer between the transports and the storage."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Protocol

import structlog

from delivery_service.domain import (
    Courier,
    Delivery,
    Near,
    Place,
    Search,
    State,
    check_id,
    check_search,
)
from delivery_service.errors import CourierNotFoundError, DeliveryNotFoundError, NotTheirDeliveryError

log = structlog.get_logger(__name__)

DEFAULT_RADIUS_KM = 5.0
DEFAULT_FOUND = 20


class DeliveryRepository(Protocol):
    """Where deliveries and couriers are kept. Every change happens whole, and once however often it is asked for."""

    async def paid(
        self, order_id: str, user_id: str, headers: Mapping[str, str], search: Search, now: datetime
    ) -> bool:
        """Take in an order once: with the nearest free courier, or among those that wait; whether it is new."""

    async def cancelled(self, order_id: str) -> State | None:
        """End the delivery of an order that was cancelled; gives its state before, None if there is none."""

    async def delivered(self, order_id: str) -> State | None:
        """End the delivery of an order that is known to be delivered; gives its state before, None if there is none."""

    async def complete(
        self, order_id: str, courier_id: str, headers: Mapping[str, str], now: datetime
    ) -> tuple[State | None, bool]:
        """End a delivery by its courier's word.

        Returns:
            Its state before, if it is known and this courier's; and whether there is a delivery of this order at all.
        """

    async def find(self, order_id: str) -> Delivery | None:
        """Return the delivery of an order."""

    async def report(self, courier: Courier, *, only_new: bool = False) -> bool:
        """Note where a courier is and whether they work; whether that was done, if only for a new one."""

    async def courier(self, courier_id: str) -> Courier | None:
        """Return a courier."""

    async def near(self, place: Place, radius_km: float, most: int) -> list[Near]:
        """Return free couriers, the nearest first."""


def _now() -> datetime:
    return datetime.now(UTC)


class Deliveries:
    """Follows deliveries from the payment to the door."""

    def __init__(self, repository: DeliveryRepository, *, now: Callable[[], datetime] = _now) -> None:
        self._repository = repository
        self._now = now

    async def paid(self, order_id: str, user_id: str, headers: Mapping[str, str], search: Search) -> None:
        """Give an order a courier, or let it wait for one; to be told of it again changes nothing.

        Args:
            order_id: which.
            user_id: whose.
            headers: the trace of the payment, which goes on with what others are told.
            search: where couriers are looked for.

        Raises:
            UnavailableError: Redis does not answer.
        """
        new = await self._repository.paid(order_id, user_id, headers, search, self._now())
        delivery = await self._repository.find(order_id)
        if delivery is None:  # told again after it was forgotten
            return
        if not new:
            log.info("order known", order_id=order_id, user_id=user_id, state=delivery.state.value)
        elif delivery.state is State.WAITING:
            log.info("order waits for a courier", order_id=order_id, user_id=user_id)
        else:
            log.info("courier assigned", order_id=order_id, user_id=user_id, courier_id=delivery.courier_id)

    async def cancelled(self, order_id: str) -> None:
        """End the delivery of an order that was cancelled: its courier is free again.

        Raises:
            UnavailableError: Redis does not answer.
        """
        before = await self._repository.cancelled(order_id)
        if before in {State.WAITING, State.ASSIGNED}:
            log.info("delivery cancelled", order_id=order_id, state_before=before.value)

    async def delivered(self, order_id: str) -> None:
        """End the delivery of an order of which the order service says that it is delivered.

        It says so after we have; or when an operator corrects something, or we read the past again.

        Raises:
            UnavailableError: Redis does not answer.
        """
        before = await self._repository.delivered(order_id)
        if before in {State.WAITING, State.ASSIGNED}:
            log.warning("delivery ended by the order service", order_id=order_id, state_before=before.value)

    async def complete(self, order_id: str, courier_id: str, headers: Mapping[str, str]) -> Delivery:
        """End a delivery by its courier's word: they are free again. To say so twice changes nothing.

        Raises:
            InvalidDeliveryError: an id can be none.
            DeliveryNotFoundError: there is no such delivery.
            NotTheirDeliveryError: it is not on its way with this courier.
            UnavailableError: Redis does not answer.
        """
        check_id("order_id", order_id)
        check_id("courier_id", courier_id)
        before, known = await self._repository.complete(order_id, courier_id, headers, self._now())
        if not known:
            raise DeliveryNotFoundError("delivery not found")
        if before not in {State.ASSIGNED, State.COMPLETED}:
            raise NotTheirDeliveryError("the order is not on its way with this courier")
        if before is State.ASSIGNED:
            log.info("delivery completed", order_id=order_id, courier_id=courier_id)
        return await self.get(order_id)

    async def get(self, order_id: str) -> Delivery:
        """Return the delivery of an order.

        Raises:
            DeliveryNotFoundError: there is none; an id that can be none is an unknown one.
            UnavailableError: Redis does not answer.
        """
        found = await self._repository.find(order_id)
        if found is None:
            raise DeliveryNotFoundError("delivery not found")
        return found

    async def report(self, courier_id: str, place: Place, *, available: bool) -> Courier:
        """Note where a courier is and whether they work. Who has an order brings it, whether they work on or not.

        Raises:
            InvalidDeliveryError: the id can be none.
            UnavailableError: Redis does not answer.
        """
        check_id("courier_id", courier_id)
        await self._repository.report(Courier(courier_id, place, available))
        return await self.courier(courier_id)

    async def courier(self, courier_id: str) -> Courier:
        """Return a courier.

        Raises:
            CourierNotFoundError: there is none; an id that can be none is an unknown one.
            UnavailableError: Redis does not answer.
        """
        found = await self._repository.courier(courier_id)
        if found is None:
            raise CourierNotFoundError("courier not found")
        return found

    async def near(self, place: Place, radius_km: float = DEFAULT_RADIUS_KM, most: int = DEFAULT_FOUND) -> list[Near]:
        """Return free couriers around a place, the nearest first.

        Raises:
            InvalidDeliveryError: the radius or the number is none that is allowed.
            UnavailableError: Redis does not answer.
        """
        check_search(radius_km, most)
        return await self._repository.near(place, radius_km, most)
