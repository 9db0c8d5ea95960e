"""Data requests, the steps of erasures, and the ledger of erasures

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

from app.models.base import UtcDateTime

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

OPEN_DELETION = "kind = 'deletion' AND state IN ('waiting', 'erasing')"
NOTES = (
    "length(note) <= 500 AND length(identity_note) <= 500 AND length(outcome) <= 500"
    " AND length(extension_reason) <= 500"
)


def upgrade() -> None:
    op.create_table(
        "data_request",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("store_id", sa.Uuid(), nullable=True),
        sa.Column("channel", sa.String(10), nullable=False),
        sa.Column("received_by_id", sa.Uuid(), nullable=True),
        sa.Column("received_by_name", sa.String(210), nullable=False),
        sa.Column("received_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("due_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("note", sa.String(500), nullable=False),
        sa.Column("identity", sa.String(20), nullable=False),
        sa.Column("identity_note", sa.String(500), nullable=False),
        sa.Column("extended_at", UtcDateTime(timezone=True), nullable=True),
        sa.Column("extension_reason", sa.String(500), nullable=False),
        sa.Column("erase_after", UtcDateTime(timezone=True), nullable=True),
        sa.Column("started_at", UtcDateTime(timezone=True), nullable=True),
        sa.Column("closed_at", UtcDateTime(timezone=True), nullable=True),
        sa.Column("closed_by_name", sa.String(210), nullable=False),
        sa.Column("outcome", sa.String(500), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.CheckConstraint(NOTES, name=op.f("ck_data_request_note_length")),
        sa.ForeignKeyConstraint(["store_id"], ["store.id"], name=op.f("fk_data_request_store_id_store")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_data_request")),
    )
    op.create_index(
        "uq_data_request_open_deletion",
        "data_request",
        ["customer_id"],
        unique=True,
        sqlite_where=sa.text(OPEN_DELETION),
        postgresql_where=sa.text(OPEN_DELETION),
    )
    op.create_index("ix_data_request_customer_id", "data_request", ["customer_id"])
    op.create_index("ix_data_request_store_id_data_request_due_at", "data_request", ["store_id", "due_at"])
    op.create_index("ix_data_request_state_data_request_due_at", "data_request", ["state", "due_at"])
    op.create_table(
        "data_request_step",
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("row_count", sa.Integer(), nullable=False),
        sa.Column("done_at", UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["request_id"], ["data_request.id"], name=op.f("fk_data_request_step_request_id_data_request")
        ),
        sa.PrimaryKeyConstraint("request_id", "name", name=op.f("pk_data_request_step")),
    )
    op.create_table(
        "erasure",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("key_id", sa.String(16), nullable=False),
        sa.Column("customer_hash", sa.String(64), nullable=False),
        sa.Column("email_hash", sa.String(64), nullable=False),
        sa.Column("phone_hash", sa.String(64), nullable=True),
        sa.Column("erased_at", UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erasure")),
        sa.UniqueConstraint("customer_hash", name=op.f("uq_erasure_customer_hash")),
    )
    op.create_index("ix_erasure_email_hash", "erasure", ["email_hash"])
    op.create_index("ix_erasure_phone_hash", "erasure", ["phone_hash"])


def downgrade() -> None:
    op.drop_table("erasure")
    op.drop_table("data_request_step")
    op.drop_table("data_request")
