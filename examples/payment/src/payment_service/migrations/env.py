"""Alembic's entry."""

from chassis.sql.environment import run
from payment_service.storage.tables import metadata

run(metadata)
