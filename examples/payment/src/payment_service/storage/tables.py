"""The tables as this version of the service uses them; a test compares them with what the migrations make."""

from sqlalchemy import BigInteger, CheckConstraint, Column, DateTime, Index, Integer, MetaData, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB

from chassis.sql.idempotency import keys_table

metadata = MetaData()

payments = Table(
    "payments",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("order_id", Text, nullable=False),
    Column("user_id", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("payment_method", Text, nullable=False),  # Stripe's name of it; nothing of a card is ever here
    Column("request_key", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("intent_id", Text),
    Column("failure_code", Text),
    Column("failure_message", Text),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("changed_at", DateTime(timezone=True), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("claim", Uuid, nullable=False),  # of the process that goes on with it
    Column("due_at", DateTime(timezone=True)),  # from when on another one may; empty while it is at rest
    Column("headers", JSONB, nullable=False),  # the trace of the request
    CheckConstraint("amount > 0", name="payments_amount_positive"),
)
Index("payments_request", payments.c.order_id, payments.c.request_key, unique=True)
Index(
    "payments_one_per_order",
    payments.c.order_id,
    unique=True,
    postgresql_where=text("status NOT IN ('declined', 'cancelled')"),
)
Index("payments_intent", payments.c.intent_id, unique=True)
Index("payments_due", payments.c.due_at, postgresql_where=text("due_at IS NOT NULL"))

stripe_events = Table(
    "stripe_events",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("taken_at", DateTime(timezone=True), nullable=False),
)
Index("stripe_events_taken_at", stripe_events.c.taken_at)

idempotency_keys = keys_table(metadata)
