"""The command line: one program, one subcommand per process type."""

from sqlalchemy.exc import DBAPIError

from chassis.program import Command, Program
from chassis.sql.database import describe
from notification_service.settings import DispatchSettings, MigrateSettings, Settings, WorkerSettings

main = Program(
    name="notification",
    service="notification_service",
    purpose="Tells users by e-mail what happens to their orders",
    settings=Settings,
    commands={
        "dispatch": Command(
            "notification_service.dispatch:run", "make tasks of what Kafka tells of orders", DispatchSettings
        ),
        "worker": Command("notification_service.worker:run", "send what the tasks say", WorkerSettings),
        "migrate": Command(
            "notification_service.migrate:run", "bring the database's schema to this release", MigrateSettings
        ),
    },
    known={DBAPIError: lambda error: f"the database refused: {describe(error)}"},
)
