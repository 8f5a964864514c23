"""The tables as this version of the service uses them; a test compares them with what the migrations make."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData()

orders = Table(
    "orders",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("user_id", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("idempotency_key", Text),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("changed_at", DateTime(timezone=True)),  # empty until the status changes for the first time
    Column("currency", Text),  # with total_amount, in its smallest unit; both are empty where no catalogue is known
    Column("total_amount", BigInteger),
    CheckConstraint(
        "status IN ('pending', 'paid', 'in_delivery', 'delivered', 'cancelled')", name="orders_status_known"
    ),
)
Index("orders_user_created", orders.c.user_id, orders.c.created_at.desc())
Index(
    "orders_user_idempotency_key",
    orders.c.user_id,
    orders.c.idempotency_key,
    unique=True,
    postgresql_where=text("idempotency_key IS NOT NULL"),
)

order_items = Table(
    "order_items",
    metadata,
    Column("order_id", ForeignKey("orders.id", ondelete="CASCADE"), primary_key=True),
    Column("position", SmallInteger, primary_key=True),
    Column("sku", Text, nullable=False),
    Column("quantity", Integer, nullable=False),
    CheckConstraint("quantity > 0", name="order_items_quantity_positive"),
)

# What has happened to orders and is not told yet. Written with the change itself, so that neither is without the other.
outbox = Table(
    "outbox",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("order_id", Uuid, nullable=False),
    Column("event", Text, nullable=False),
    Column("user_id", Text, nullable=False),
    Column("happened_at", DateTime(timezone=True), nullable=False),
    Column("headers", JSONB, nullable=False),
)
