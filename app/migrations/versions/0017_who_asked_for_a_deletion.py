"""Who asked for a deletion: the customer, or the time limit

Revision ID: 0017
Revises: 0016
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Upgrade the schema."""
    origin = sa.Column("origin", sa.String(20), nullable=False, server_default="customer")
    op.add_column("data_request", origin)
    op.create_index(
        "ix_data_request_origin_data_request_received_at", "data_request", ["origin", "received_at"]
    )


def downgrade() -> None:
    """Downgrade the schema."""
    op.drop_index("ix_data_request_origin_data_request_received_at", table_name="data_request")
    with op.batch_alter_table("data_request") as batch_op:
        batch_op.drop_column("origin")
