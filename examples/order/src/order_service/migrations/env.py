"""Alembic's entry."""

from chassis.sql.environment import run
from order_service.storage.tables import metadata

run(metadata)
