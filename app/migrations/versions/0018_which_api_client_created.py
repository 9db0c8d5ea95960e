"""Which API client created a customer: no associate did then

Revision ID: 0018
Revises: 0017
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Upgrade the schema."""
    name = sa.Column("created_by_client", sa.String(100), nullable=False, server_default="")
    op.add_column("customer", name)


def downgrade() -> None:
    """Downgrade the schema."""
    # Not in a batch, which would make the table anew and lose the triggers that count its rows.
    op.drop_column("customer", "created_by_client")
