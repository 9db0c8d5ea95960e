"""When managers were last reminded of a data request

Revision ID: 0015
Revises: 0014
"""

import sqlalchemy as sa
from alembic import op

from app.models.base import UtcDateTime

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Upgrade the schema."""
    op.add_column("data_request", sa.Column("reminded_days", sa.Integer(), nullable=True))
    op.add_column("data_request", sa.Column("reminded_at", UtcDateTime(timezone=True), nullable=True))


def downgrade() -> None:
    """Downgrade the schema."""
    with op.batch_alter_table("data_request") as batch_op:
        batch_op.drop_column("reminded_at")
        batch_op.drop_column("reminded_days")
