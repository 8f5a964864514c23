"""The process `migrate`."""

from chassis.mongo.migrate import migrate
from user_service.settings import Settings
from user_service.storage.migrations import MIGRATIONS


async def run(settings: Settings) -> None:
    """Bring the indexes to this release.

    Raises:
        CommandError: the database cannot be reached, or a migration failed.
    """
    await migrate(settings, MIGRATIONS, "user-migrate")
