"""When an order's status changed, what it costs, and the outbox of what is to be told about orders.

The release before knows none of it: its orders have empty columns there, and nobody is told of them.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("orders", sa.Column("changed_at", sa.DateTime(timezone=True)))
    op.add_column("orders", sa.Column("currency", sa.Text))
    op.add_column("orders", sa.Column("total_amount", sa.BigInteger))
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("order_id", sa.Uuid, nullable=False),
        sa.Column("event", sa.Text, nullable=False),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("happened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("headers", JSONB, nullable=False),
    )
