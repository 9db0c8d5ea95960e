"""The migrations lead to the tables of the models, and each can be taken back."""

import uuid

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from app import schema
from app.db import make_engine
from app.models import Base

# The search and the queue keep tables of their own, which no model maps as they are.
_OWN = ("customer_search", "customer_count", "attribute_count", "huey_")


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
