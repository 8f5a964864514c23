"""The tables as this version of the service uses them; a test compares them with what the migrations make."""

from sqlalchemy import CheckConstraint, Column, DateTime, Index, Integer, MetaData, Table, Text, Uuid

metadata = MetaData()

# What became of each notification, and who works on it. What it says and where it went is not kept.
notifications = Table(
    "notifications",
    metadata,
    Column("id", Text, primary_key=True),
    Column("user_id", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("claimed_by", Uuid, nullable=False),
    Column("claimed_until", DateTime(timezone=True), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("error", Text),  # why it failed
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("ended_at", DateTime(timezone=True)),
    CheckConstraint("status IN ('sending', 'sent', 'failed')", name="notifications_status_known"),
)
Index("notifications_user_created", notifications.c.user_id, notifications.c.created_at.desc())
