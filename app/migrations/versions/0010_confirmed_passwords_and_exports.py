"""When a password was last confirmed, and until when an export may be fetched

Revision ID: 0010
Revises: 0009
"""

import sqlalchemy as sa
from alembic import op

from app.models.base import UtcDateTime

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("sign_in_session", sa.Column("confirmed_at", UtcDateTime(timezone=True), nullable=True))
    op.add_column("data_request", sa.Column("export_until", UtcDateTime(timezone=True), nullable=True))
    # An order that was cleared of its person stays so, whatever a source sends again.
    op.add_column("customer_order", sa.Column("redacted_at", UtcDateTime(timezone=True), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("customer_order") as batch_op:
        batch_op.drop_column("redacted_at")
    with op.batch_alter_table("data_request") as batch_op:
        batch_op.drop_column("export_until")
    with op.batch_alter_table("sign_in_session") as batch_op:
        batch_op.drop_column("confirmed_at")
