"""The search tables: derived from the customers, written by the search index only.

They are outside the mapped classes, since each database has its own kind of index.
"""

from typing import Any

from sqlalchemy import BigInteger, Column, Integer, MetaData, String, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY

metadata = MetaData()


def _documents(metadata: MetaData, *index: Column[Any]) -> Table:
    """Return the table with one row a customer, and what the database's own index needs in it.

    `doc` numbers the customers in the order of their ids; it breaks ties, the same on both databases. The
    keys are those of the company's entry: hits of a search are sorted by the row that was read to find them.
    """
    return Table(
        "customer_search",
        metadata,
        Column("doc", Integer, primary_key=True),
        Column("customer_id", Uuid),
        Column("created_by_id", Uuid),
        Column("haystack", Text),
        Column("last_key", Text),
        Column("first_key", Text),
        Column("last_order_ms", BigInteger),
        Column("opted_in_ms", BigInteger),
        Column("created_ms", BigInteger),
        *index,
    )


documents = _documents(metadata)

# One row per customer and place. Place 0 is the company, others are stores: so every list, of a
# store or of all, is one walk over an index that begins with the place. Times are in milliseconds
# since 1970, 0 for never.
entries = Table(
    "customer_search_entry",
    metadata,
    Column("doc", Integer, primary_key=True),
    Column("place", Integer, primary_key=True),
    Column("opt_in_state", Text),
    Column("last_key", Text),
    Column("first_key", Text),
    Column("last_order_ms", BigInteger),
    Column("opted_in_ms", BigInteger),
    Column("created_ms", BigInteger),
)

places = Table(
    "customer_search_place",
    metadata,
    Column("place", Integer, primary_key=True),
    Column("store_id", Uuid),
)

# Every word of a name under each of its variants (searches.variants), for typos.
words = Table(
    "customer_search_word",
    metadata,
    Column("variant", String, primary_key=True),
    Column("word", String, primary_key=True),
)

# About how many customers have a token; only common ones are kept. It guides the choice of a plan
# and never what is found.
frequencies = Table(
    "customer_search_frequency",
    metadata,
    Column("token", BigInteger, primary_key=True),
    Column("documents", Integer),
)

# SQLite: the full-text index; `tokens` are written in hexadecimal, and the column named like the
# table stands for the whole index in MATCH and in commands.
sqlite_index = Table(
    "customer_search_index",
    metadata,
    Column("rowid", Integer, primary_key=True),
    Column("tokens", Text),
    Column("customer_search_index", Text),
)

# PostgreSQL: the same tokens as an array beside the haystack.
postgresql_documents = _documents(MetaData(), Column("tokens", ARRAY(Integer)))

# The sum is the number of customers. Triggers write it (migration 0016), nothing else but the job that
# adds the rows up.
counts = Table("customer_count", metadata, Column("change", BigInteger))

# The sum is how many customers have the value, where the value stands here at all. Triggers write it
# (migration 0019); `services/attribute_counts.py` chooses the values.
attribute_counts = Table(
    "attribute_count",
    metadata,
    Column("name", String(60)),
    Column("value_key", String(500)),
    Column("change", BigInteger),
)

# The place that stands for the whole company.
COMPANY = 0
# The key under which the number of all customers is kept among the frequencies.
ALL = 2**31
