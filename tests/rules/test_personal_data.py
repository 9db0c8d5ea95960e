"""Every table and column is registered: what an export gives, what an erasure does."""

from pathlib import Path

import pytest
from sqlalchemy import inspect

from app.domain import export_words
from app.domain.erasure_words import STAYS, STEPS
from app.domain.personal_data import BY_NAME, TABLES, Erase, Whose, data_map
from app.models import Base, search
from app.queries.exports import name_of
from app.services import erasures

ROOT = Path(__file__).parent.parent.parent

# Tables that are not ours: Alembic's, and the parts of SQLite's full-text index.
NOT_OURS = {"alembic_version"} | {
    f"customer_search_index_{part}" for part in ("config", "content", "data", "docsize", "idx")
}


def models():
    tables = dict(Base.metadata.tables) | dict(search.metadata.tables)
    columns = {name: [column.name for column in table.columns] for name, table in tables.items()}
    columns["customer_search"].append("tokens")  # on PostgreSQL only
    return columns


def test_the_registry_names_every_table_of_the_models_and_no_other():
    assert sorted(table.name for table in TABLES) == sorted(models())


def test_the_registry_names_every_table_of_the_database(engine):
    # The queue makes its own where the jobs run on PostgreSQL; its messages hold nothing.
    names = {name for name in inspect(engine).get_table_names() if not name.startswith("huey_")}
    assert names - NOT_OURS - set(BY_NAME) == set()


def test_the_printed_copy_has_words_for_every_part_and_field():
    exported = [table for table in TABLES if table.export]
    fields = {
        name_of(column)
        for table in exported
        for column in table.columns
        if column not in table.left_out.split()
    }
    # The wordings are no rows of the customer.
    assert set(export_words.PARTS) == {table.export for table in exported} | {"wordings"}
    assert set(export_words.FIELDS) == fields | {"title", "text"}


@pytest.mark.parametrize("name", sorted(models()))
def test_the_registry_names_every_column_once(name):
    assert sorted(BY_NAME[name].columns) == sorted(models()[name])


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_what_is_said_of_a_table_makes_sense(table):
    own = set(table.columns)
    assert table.purpose, table.name
    assert table.retention, table.name
    assert table.roles, table.name
    assert {link.column for link in table.links} <= own
    assert {link.via for link in table.links} - {""} <= set(BY_NAME)
    assert set(table.blanks.split()) <= own
    assert set(table.left_out.split()) <= own
    assert bool(table.blanks) == (table.erase is Erase.BLANK)
    if table.erase is Erase.KEEP or (table.whose is Whose.CUSTOMER and not table.export):
        assert table.why, "say why it stays, or why it is not exported"
    if table.erase is Erase.KEEP and table.whose is Whose.CUSTOMER:
        assert not table.personal, "what says something of a person cannot stay"
    if table.erase is Erase.BLANK:
        assert set(table.personal.split()) == set(table.blanks.split())


@pytest.mark.parametrize("table", list(Base.metadata.tables.values()), ids=lambda table: table.name)
def test_what_points_to_a_customer_is_of_customers(table):
    points = "customer_id" in table.columns or any(
        key.column.table.name == "customer" for key in table.foreign_keys
    )
    if points:
        assert BY_NAME[table.name].whose is Whose.CUSTOMER
        assert BY_NAME[table.name].links


def test_the_data_map_is_the_one_that_is_written_down():
    assert (ROOT / "docs/data-map.md").read_text(encoding="utf-8") == data_map()


def test_each_step_of_an_erasure_has_words_and_so_has_what_stays():
    assert set(STEPS) == set(erasures.steps())
    stays = {table.name for table in TABLES if table.links and table.erase is not Erase.DELETE}
    # What the search, the steps themselves and deliveries hold is derived, or told with what they hang on.
    derived = {"customer_search", "customer_search_entry", "customer_search_index"}
    assert set(STAYS) == stays - derived - {"data_request_step", "webhook_delivery"}
