"""Names and phone numbers apart in the search

API v0 looks for a `q` in names and phone numbers alone, so a haystack says where they begin and end.
Its words and tokens stay as they are. Each is written anew from the customer.

`created_at` and `updated_at` get an index each, by which API v0 sorts its lists.

Revision ID: 0011
Revises: 0010
"""

from collections.abc import Callable

import sqlalchemy as sa
from alembic import op

from app.domain.searches import AFTER_NAMES, BEFORE_PHONES, Searchable, haystack

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

BATCH = 1000

search = sa.table("customer_search", sa.column("doc"), sa.column("customer_id"), sa.column("haystack"))
customer = sa.table(
    "customer",
    sa.column("id"),
    *(
        sa.column(name, sa.String)
        for name in ("first_name", "last_name", "email", "phone_number", "phone_e164", "display_id")
    ),
)


def upgrade() -> None:
    _rewrite(lambda person, _old: haystack(person))
    op.create_index(op.f("ix_customer_created_at_customer_id"), "customer", ["created_at", "id"])
    op.create_index(op.f("ix_customer_updated_at_customer_id"), "customer", ["updated_at", "id"])


def downgrade() -> None:
    op.drop_index(op.f("ix_customer_updated_at_customer_id"), "customer")
    op.drop_index(op.f("ix_customer_created_at_customer_id"), "customer")
    _rewrite(lambda _person, old: old.replace(AFTER_NAMES, "").replace(BEFORE_PHONES, ""))


def _rewrite(write: Callable[[Searchable, str], str]) -> None:
    connection = op.get_bind()
    last = -(2**31)
    while True:
        rows = connection.execute(
            sa.select(search.c.doc, search.c.haystack, *list(customer.c)[1:])
            .join(customer, customer.c.id == search.c.customer_id)
            .where(search.c.doc > last)
            .order_by(search.c.doc)
            .limit(BATCH)
        ).all()
        if not rows:
            return
        for row in rows:
            person = Searchable(
                first_name=row.first_name,
                last_name=row.last_name,
                email=row.email,
                phone_number=row.phone_number,
                phone_e164=row.phone_e164,
                display_id=row.display_id,
            )
            connection.execute(
                sa.update(search).where(search.c.doc == row.doc).values(haystack=write(person, row.haystack))
            )
        last = rows[-1].doc
