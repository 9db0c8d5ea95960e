"""The migrations lead to the tables of the models, and each can be taken back."""

import uuid

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from app import schema
from app.db import make_engine
from app.models import Base, Order
from tests.factories import NOON

# The search and the queue keep tables of their own, which no model maps as they are.
_OWN = ("customer_search", "customer_count", "attribute_count", "huey_")

WITH_A_HAT = (
    '{"channel": "web", "ordered_products": [{"category": " Hats", "quantity": 2, "image": "/hat.svg"}]}'
)
ORDER = {
    "order_key": "", "placed_at": NOON, "recorded_at": NOON, "state": "shipped", "currency": "EUR",
    "grand_total_minor": 1,
}  # fmt: skip


@pytest.fixture
def engine(database, database_kind, tmp_path):
    """A database without any table."""
    url = f"sqlite:///{tmp_path / 'fresh.db'}"
    if database_kind == "postgresql":
        name = f"fresh_{uuid.uuid4().hex}"
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
        url = database.engine.url.set(database=name).render_as_string(hide_password=False)
    engine = make_engine(url, bulk=True)
    yield engine
    engine.dispose()


def differences(engine):
    with engine.connect() as connection:
        found = compare_metadata(MigrationContext.configure(connection), Base.metadata)
    flat = [change for one in found for change in (one if isinstance(one, list) else [one])]
    return [change for change in flat if not any(name in str(change) for name in _OWN)]


def test_there_is_one_newest_migration():
    assert ScriptDirectory.from_config(schema.alembic_config()).get_heads() == [schema.newest()]


def test_the_migrations_lead_to_the_models(engine):
    schema.upgrade(engine)
    assert differences(engine) == []


def test_each_migration_can_be_taken_back_and_done_again(engine):
    schema.upgrade(engine)
    with engine.connect() as connection:
        command.downgrade(schema.alembic_config(connection), "base")
        connection.commit()
    schema.upgrade(engine)
    assert schema.is_current(engine)
    assert differences(engine) == []


def test_orders_of_before_are_told_in_brief(engine):
    with engine.begin() as connection:
        command.upgrade(schema.alembic_config(connection), "0021")
        for number, document in enumerate((WITH_A_HAT, "{}")):
            values = ORDER | {"external_order_id": str(number), "document": document}
            connection.execute(sa.insert(Order).values(values))
        command.upgrade(schema.alembic_config(connection), "0022")
        briefs = connection.execute(sa.select(Order.brief).order_by(Order.external_order_id)).scalars().all()
    assert briefs == [
        {"channel": "web", "images": ["/hat.svg"], "categories": {"Hats": 2}},
        {"channel": None, "images": [], "categories": {}},
    ]
