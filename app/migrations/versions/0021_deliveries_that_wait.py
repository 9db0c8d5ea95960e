"""What waits at each address, and what is on its way

To find the next delivery took a look at all that wait of the same address, for each of them: with some
thousands it held SQLite's only lock for more than a second each time.

Revision ID: 0021
Revises: 0020
"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

WAITING = "state = 'queued'"
LEASED = "leased_until IS NOT NULL"


def upgrade() -> None:
    """Upgrade the schema."""
    op.create_index(
        "ix_webhook_delivery_waiting", "webhook_delivery", ["webhook_id", "customer_id", "event_number"],
        sqlite_where=sa.text(WAITING), postgresql_where=sa.text(WAITING),
    )  # fmt: skip
    op.create_index(
        "ix_webhook_delivery_leased", "webhook_delivery", ["leased_until"],
        sqlite_where=sa.text(LEASED), postgresql_where=sa.text(LEASED),
    )  # fmt: skip


def downgrade() -> None:
    """Downgrade the schema."""
    op.drop_index("ix_webhook_delivery_leased", "webhook_delivery")
    op.drop_index("ix_webhook_delivery_waiting", "webhook_delivery")
