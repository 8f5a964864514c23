"""The process `seed`: a few couriers for a fresh environment. Running it again changes nothing."""

import structlog

from chassis.errors import CommandError, RequestError
from chassis.redis.client import opened
from delivery_service.domain import Courier, Place
from delivery_service.settings import Settings
from delivery_service.storage.repository import RedisDeliveryRepository

log = structlog.get_logger(__name__)

_COURIERS = (
    Courier("seed-anna", Place(52.5208, 13.4094), available=True),
    Courier("seed-bela", Place(52.5163, 13.3777), available=True),
    Courier("seed-carl", Place(52.4986, 13.4034), available=True),
)


async def run(settings: Settings) -> None:
    """Create the couriers that are not there yet.

    Raises:
        CommandError: Redis does not answer.
    """
    try:
        async with opened(settings, "delivery-seed") as store:
            repository = RedisDeliveryRepository(store)
            new = [await repository.report(each, only_new=True) for each in _COURIERS]
    except RequestError as error:
        raise CommandError(f"seeding failed: {error}") from error
    log.info("seeded", couriers=len(_COURIERS), new=sum(new))
