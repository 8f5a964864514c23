"""Alembic's entry: what `migrations/env.py` of a service calls."""

from typing import Any

import structlog
from alembic import context
from sqlalchemy import MetaData

log = structlog.get_logger(__name__)


def run(metadata: MetaData) -> None:
    """Run the migrations on the connection that `chassis.sql.migrate` hands over, under its lock."""
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=metadata,
        # Each step commits by itself: a later one that fails leaves the earlier ones done, and the next try goes on.
        transaction_per_migration=True,
        on_version_apply=_log_applied,  # type: ignore[arg-type]  # alembic passes keywords only
    )
    with context.begin_transaction():
        context.run_migrations()


def _log_applied(**details: Any) -> None:
    step = details["step"]
    log.info("migration applied", revision=step.up_revision_id, title=step.up_revision.doc)
