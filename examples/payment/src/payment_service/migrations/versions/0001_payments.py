"""Payments, the events of Stripe that were taken, and idempotency keys.

There is no downgrade in this folder: a migration only expands the schema, so the release before it goes on working,
and going back means running that release against the newer schema.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "payments",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("order_id", sa.Text, nullable=False),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.Column("payment_method", sa.Text, nullable=False),
        sa.Column("request_key", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("intent_id", sa.Text),
        sa.Column("failure_code", sa.Text),
        sa.Column("failure_message", sa.Text),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("claim", sa.Uuid, nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True)),
        sa.Column("headers", JSONB, nullable=False),
        sa.CheckConstraint("amount > 0", name="payments_amount_positive"),
    )
    op.create_index("payments_request", "payments", ["order_id", "request_key"], unique=True)
    op.create_index(
        "payments_one_per_order",
        "payments",
        ["order_id"],
        unique=True,
        postgresql_where=sa.text("status NOT IN ('declined', 'cancelled')"),
    )
    op.create_index("payments_intent", "payments", ["intent_id"], unique=True)
    op.create_index("payments_due", "payments", ["due_at"], postgresql_where=sa.text("due_at IS NOT NULL"))
    op.create_table(
        "stripe_events",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("stripe_events_taken_at", "stripe_events", ["taken_at"])
    op.create_table(
        "idempotency_keys",
        sa.Column("scope", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("fingerprint", sa.LargeBinary, nullable=False),
        sa.Column("token", sa.Uuid, nullable=False),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.SmallInteger),
        sa.Column("body", JSONB),
        sa.Column("headers", JSONB),
    )
    op.create_index("idempotency_keys_expires_at", "idempotency_keys", ["expires_at"])
