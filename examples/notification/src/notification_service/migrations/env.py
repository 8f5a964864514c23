"""Alembic's entry."""

from chassis.sql.environment import run
from notification_service.storage.tables import metadata

run(metadata)
