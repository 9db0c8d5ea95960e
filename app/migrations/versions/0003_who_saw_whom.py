"""Who saw whom

The access log takes pages of lists, and both logs the session or token that an act came through.
PostgreSQL finds a customer among the customers of a page by a GIN index; SQLite reads the entries
of the time asked for, 16 bytes a customer.

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

from app.models.audit import CustomerIds

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("audit_entry") as batch_op:
        batch_op.add_column(sa.Column("device", sa.String(64), nullable=False, server_default=""))
    op.create_index("ix_audit_entry_action_audit_entry_at", "audit_entry", ["action", "at"])
    with op.batch_alter_table("access_entry") as batch_op:
        batch_op.alter_column("customer_id", existing_type=sa.Uuid(), nullable=True)
        batch_op.add_column(sa.Column("customer_ids", CustomerIds(), nullable=True))
        batch_op.add_column(sa.Column("detail", sa.String(40), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("search_hash", sa.String(32), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("device", sa.String(64), nullable=False, server_default=""))
    op.create_index("ix_access_entry_store_id_access_entry_at", "access_entry", ["store_id", "at"])
    op.create_index("ix_access_entry_device_access_entry_at", "access_entry", ["device", "at"])
    # On SQLite there is no index for one id among many: this one stays empty.
    op.create_index(
        "ix_access_entry_customer_ids",
        "access_entry",
        ["customer_ids"],
        postgresql_using="gin",
        sqlite_where=sa.text("0"),
    )


def downgrade() -> None:
    op.drop_index("ix_access_entry_customer_ids", "access_entry")
    op.drop_index("ix_access_entry_device_access_entry_at", "access_entry")
    op.drop_index("ix_access_entry_store_id_access_entry_at", "access_entry")
    op.execute("DELETE FROM access_entry WHERE customer_id IS NULL")
    with op.batch_alter_table("access_entry") as batch_op:
        for name in ("device", "search_hash", "detail", "customer_ids"):
            batch_op.drop_column(name)
        batch_op.alter_column("customer_id", existing_type=sa.Uuid(), nullable=False)
    op.drop_index("ix_audit_entry_action_audit_entry_at", "audit_entry")
    with op.batch_alter_table("audit_entry") as batch_op:
        batch_op.drop_column("device")
