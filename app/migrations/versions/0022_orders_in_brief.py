"""Orders in brief

A profile read ten whole orders, 57 kB of JSON, for their channel, pictures and categories.

Revision ID: 0022
Revises: 0021
"""

import msgspec
import sqlalchemy as sa
from alembic import op

from app.domain import orders

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

BRIEF_OF_NONE = '{"channel": null, "images": [], "categories": {}}'
TABLE = sa.table(
    "customer_order", sa.column("id", sa.Uuid), sa.column("document", sa.Text), sa.column("brief", sa.JSON)
)
BATCH = 2_000


def upgrade() -> None:
    """Upgrade the schema."""
    op.add_column(
        "customer_order", sa.Column("brief", sa.JSON(), nullable=False, server_default=BRIEF_OF_NONE)
    )
    connection = op.get_bind()
    batch = sa.select(TABLE.c.id, TABLE.c.document).order_by(TABLE.c.id).limit(BATCH)
    change = sa.update(TABLE).where(TABLE.c.id == sa.bindparam("order_id")).values(brief=sa.bindparam("told"))
    known = msgspec.json.decode(BRIEF_OF_NONE)
    found = connection.execute(batch).all()
    while found:
        briefs = [(row.id, orders.brief(msgspec.json.decode(row.document))) for row in found]
        changes = [{"order_id": id_, "told": told} for id_, told in briefs if told != known]
        if changes:
            connection.execute(change, changes)
        found = connection.execute(batch.where(TABLE.c.id > found[-1].id)).all()


def downgrade() -> None:
    """Downgrade the schema."""
    with op.batch_alter_table("customer_order") as batch_op:
        batch_op.drop_column("brief")
