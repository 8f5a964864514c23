"""What one can do with orders: the business layer between the transport and the storage."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID, uuid4

import structlog

from chassis.errors import RequestError
from order_service.domain import (
    Change,
    Item,
    Order,
    Outcome,
    Place,
    PriceList,
    check_changes,
    check_user,
    new_order,
    total,
)
from order_service.errors import IdempotencyConflictError, InvalidOrderError, OrderNotFoundError

log = structlog.get_logger(__name__)

DEFAULT_PAGE_SIZE = 50
MAX_PAGE_SIZE = 100
BATCH_SIZE = 100
"""How many statuses are changed by one statement (SO-5)."""


class OrderRepository(Protocol):
    """Where orders are kept."""

    async def add(self, order: Order) -> tuple[Order, bool]:
        """Store an order once.

        Returns:
            The stored order, and whether this call stored it; not if its user and idempotency key were there before.
        """

    async def find(self, order_id: UUID) -> Order | None:
        """Return the order with this id."""

    async def of_request(self, user_id: str, idempotency_key: str) -> Order | None:
        """Return the order that a request of this user with this key has made."""

    async def page(self, user_id: str, after: Place | None, size: int) -> list[Order]:
        """Return a user's orders, the newest first, beginning after a place."""

    async def change(self, wanted: dict[UUID, Change], now: datetime) -> dict[UUID, Outcome]:
        """Change statuses where the new one may follow; ids of no order are left out of the answer."""


class Catalogue(Protocol):
    """Knows what articles cost. It is asked when an order is made: its answer decides whether it is (SO-9, X-2)."""

    async def prices(self, skus: Sequence[str]) -> PriceList:
        """Return the prices of those of the articles that are sold.

        Raises:
            UnavailableError: it does not answer.
        """


def _now() -> datetime:
    return datetime.now(UTC)


class Orders:
    """Creates, finds and changes orders."""

    def __init__(
        self,
        repository: OrderRepository,
        catalogue: Catalogue | None = None,
        *,
        now: Callable[[], datetime] = _now,
        new_id: Callable[[], UUID] = uuid4,
    ) -> None:
        self._repository = repository
        self._catalogue = catalogue
        self._now = now
        self._new_id = new_id

    async def create(self, user_id: str, items: Sequence[Item], idempotency_key: str | None = None) -> Order:
        """Store a new order; the same user and idempotency key give the same order again.

        Raises:
            InvalidOrderError: a field breaks a rule.
            IdempotencyConflictError: the key was used with other items.
            UnavailableError: the database or the catalogue does not answer.
        """
        order = new_order(self._new_id(), self._now(), user_id, items, idempotency_key)
        stored, created = await self._store(order)
        if stored.items != order.items:
            raise IdempotencyConflictError("idempotency_key: belongs to an order with other items")
        if created:
            log.info("order created", order_id=str(stored.id), user_id=stored.user_id, items=len(stored.items))
        else:
            log.info("order repeated", order_id=str(stored.id), user_id=stored.user_id)
        return stored

    async def _store(self, order: Order) -> tuple[Order, bool]:
        """Price it and store it once, as `add` does.

        A request that is repeated is answered by its order, whatever the catalogue says of it by now. It is looked for
        only then: otherwise it is in the way of the new one.
        """
        if self._catalogue is None:
            return await self._repository.add(order)
        try:
            prices = await self._catalogue.prices([item.sku for item in order.items])
            priced = replace(order, total=total(order.items, prices))
        except RequestError:
            key = order.idempotency_key
            known = await self._repository.of_request(order.user_id, key) if key else None
            if known is None:
                raise
            return known, False
        return await self._repository.add(priced)

    async def get(self, order_id: str) -> Order:
        """Return an order.

        Raises:
            OrderNotFoundError: no order has this id; ids are opaque, so a malformed one is an unknown one.
            StorageUnavailableError: the database does not answer.
        """
        key = parse_id(order_id)
        order = await self._repository.find(key) if key else None
        if order is None:
            raise OrderNotFoundError("order not found")
        return order

    async def list(self, user_id: str, after: Place | None = None, size: int = 0) -> tuple[list[Order], Place | None]:
        """Return a page of a user's orders, the newest first, and where it ends if there are more.

        Args:
            user_id: whose.
            after: where the page before ended.
            size: at most so many; 0 is the default.

        Raises:
            InvalidOrderError: the page is larger than is allowed, or the user no possible one.
            StorageUnavailableError: the database does not answer.
        """
        check_user(user_id)
        if not 0 <= size <= MAX_PAGE_SIZE:
            raise InvalidOrderError("page_size", f"must be 1 to {MAX_PAGE_SIZE}, is {size}")
        size = size or DEFAULT_PAGE_SIZE
        found = await self._repository.page(user_id, after, size + 1)
        page = found[:size]
        return page, Place(page[-1].created_at, page[-1].id) if len(found) > size else None

    async def change(self, changes: Sequence[Change]) -> Sequence[Outcome]:
        """Change the statuses of orders, each for itself, and say what became of each.

        A batch that the database does not take is told of in the log, with the orders in it, and ends the request: what
        was changed before stays changed, and the request may be repeated.

        Raises:
            InvalidOrderError: there are too many, or one order twice.
            StorageUnavailableError: the database does not answer.
        """
        check_changes(changes)
        keys = [parse_id(change.order_id) for change in changes]
        wanted = {key: change for key, change in zip(keys, changes, strict=True) if key}
        ids = sorted(wanted)
        outcomes: dict[UUID, Outcome] = {}
        for batch in (ids[n : n + BATCH_SIZE] for n in range(0, len(ids), BATCH_SIZE)):
            try:
                outcomes |= await self._repository.change({key: wanted[key] for key in batch}, self._now())
            except Exception:
                log.error("batch failed", orders=[str(key) for key in batch])  # noqa: TRY400 - it is raised on
                raise
        for key, outcome in outcomes.items():
            if outcome is Outcome.CHANGED:
                log.info("order changed", order_id=str(key), status=wanted[key].status.value)
            elif outcome is Outcome.REFUSED:
                log.warning("order not changed", order_id=str(key), status=wanted[key].status.value)
        return [outcomes.get(key, Outcome.NOT_FOUND) if key else Outcome.NOT_FOUND for key in keys]


def parse_id(order_id: str) -> UUID | None:
    """The id that a client sent, or None if it can be none."""
    try:
        return UUID(order_id)
    except ValueError:
        return None
