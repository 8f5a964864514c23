"""The process `seed`: initial orders for a fresh environment. Running it again changes nothing."""

import structlog

from chassis.errors import CommandError, RequestError
from chassis.sql.database import opened
from order_service.domain import Item
from order_service.service import Orders
from order_service.settings import Settings
from order_service.storage.repository import PostgresOrderRepository

log = structlog.get_logger(__name__)

_ORDERS = {
    "seed-1": ("123", [Item("milk-1l", 2), Item("bread-white", 1)]),
    "seed-2": ("123", [Item("apples-1kg", 3)]),
    "seed-3": ("456", [Item("coffee-250g", 1)]),
}


async def run(settings: Settings) -> None:
    """Create the initial orders that are not there yet.

    Raises:
        CommandError: the database does not answer, or its schema is not there.
    """
    try:
        async with opened(settings, "order-seed") as engine:
            orders = Orders(PostgresOrderRepository(engine))
            for key, (user_id, items) in _ORDERS.items():
                await orders.create(user_id, items, idempotency_key=key)
    except RequestError as error:
        raise CommandError(f"seeding failed: {error}") from error
    log.info("seeded", orders=len(_ORDERS))
