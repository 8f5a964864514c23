"""What one can do with orders: the business layer between the transport and the storage."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID, uuid4

import structlog

from order_service.domain import Item, Order, new_order
from order_service.errors import IdempotencyConflictError, OrderNotFoundError

log = structlog.get_logger(__name__)


class OrderRepository(Protocol):
    """Where orders are kept."""

    async def add(self, order: Order) -> tuple[Order, bool]:
        """Store an order once.

        Returns:
            The stored order, and whether this call stored it; not if its user and idempotency key were there before.
        """

    async def find(self, order_id: UUID) -> Order | None:
        """Return the order with this id."""


def _now() -> datetime:
    return datetime.now(UTC)


class Orders:
    """Creates and finds orders."""

    def __init__(
        self,
        repository: OrderRepository,
        *,
        now: Callable[[], datetime] = _now,
        new_id: Callable[[], UUID] = uuid4,
    ) -> None:
        self._repository = repository
        self._now = now
        self._new_id = new_id

    async def create(self, user_id: str, items: Sequence[Item], idempotency_key: str | None = None) -> Order:
        """Store a new order; the same user and idempotency key give the same order again.

        Raises:
            InvalidOrderError: a field breaks a rule.
            IdempotencyConflictError: the key was used with other items.
            StorageUnavailableError: the database does not answer.
        """
        order = new_order(self._new_id(), self._now(), user_id, items, idempotency_key)
        stored, created = await self._repository.add(order)
        if stored.items != order.items:
            raise IdempotencyConflictError("idempotency_key: belongs to an order with other items")
        if created:
            log.info("order created", order_id=str(stored.id), user_id=stored.user_id, items=len(stored.items))
        else:
            log.info("order repeated", order_id=str(stored.id), user_id=stored.user_id)
        return stored

    async def get(self, order_id: str) -> Order:
        """Return an order.

        Raises:
            OrderNotFoundError: no order has this id; ids are opaque, so a malformed one is an unknown one.
            StorageUnavailableError: the database does not answer.
        """
        try:
            key = UUID(order_id)
        except ValueError:
            raise OrderNotFoundError("order not found") from None
        order = await self._repository.find(key)
        if order is None:
            raise OrderNotFoundError("order not found")
        return order
