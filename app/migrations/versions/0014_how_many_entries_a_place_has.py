"""How many entries a place has

PostgreSQL's planner knows nothing of `place + 0`, by which entries are reached by their customer, and took
it to leave one row of 200: it read all entries instead of the index of words.

Revision ID: 0014
Revises: 0013
"""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

NAME = "customer_search_entry_place"


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"CREATE STATISTICS {NAME} ON (place + 0) FROM customer_search_entry")
        op.execute("ANALYZE customer_search_entry")


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"DROP STATISTICS {NAME}")
