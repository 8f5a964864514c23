"""The process `migrate`."""

from chassis.sql.migrate import migrate
from notification_service.settings import MigrateSettings


def run(settings: MigrateSettings) -> None:
    """Bring the schema to this release's head.

    Raises:
        CommandError: the database cannot be reached, or a migration failed.
    """
    migrate(settings, "notification_service")
