"""Lists by opt-in state

The list that everybody starts with, those who opted in here by name, is one walk of this index, and
so is its number. Before, it was looked up customer by customer: 45 ms where a store has 22,000.

Revision ID: 0012
Revises: 0011
"""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

NAME = "customer_search_entry_state"


def upgrade() -> None:
    op.execute(
        f"CREATE INDEX {NAME} ON customer_search_entry (place, opt_in_state, last_key, first_key, doc)"
    )


def downgrade() -> None:
    op.execute(f"DROP INDEX {NAME}")
