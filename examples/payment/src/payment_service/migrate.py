"""The process `migrate`."""

from chassis.sql.migrate import migrate
from payment_service.settings import Settings


def run(settings: Settings) -> None:
    """Bring the schema to this release's head.

    Raises:
        CommandError: the database cannot be reached, or a migration failed.
    """
    migrate(settings, "payment_service")
