"""The test database: migrated once, empty for each test, with real commits."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tests.database import Database, PostgresqlDatabase, SqliteDatabase, postgresql_cluster


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--database",
        choices=["sqlite", "postgresql"],
        default="sqlite",
        help="the database that the tests run on",
    )
    parser.addoption("--browser-tests", action="store_true", help="also walk the pages in Chromium")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave tests/browser out unless asked: it needs Chromium."""
    in_browser = collection_path == Path(__file__).parent / "browser"
    return True if in_browser and not config.getoption("--browser-tests") else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On PostgreSQL leave out what cannot differ there: tests marked `once`, and those without a database."""
    if config.getoption("--database") == "postgresql":
        left_out = [item for item in items if not may_differ(item)]
        items[:] = [item for item in items if may_differ(item)]
        config.hook.pytest_deselected(items=left_out)


def may_differ(item: pytest.Item) -> bool:
    """True when another database could give another result."""
    has_database = not {"database", "database_kind"}.isdisjoint(getattr(item, "fixturenames", ()))
    return has_database and item.get_closest_marker("once") is None


@pytest.fixture(scope="session")
def database_kind(request: pytest.FixtureRequest) -> str:
    return str(request.config.getoption("--database"))


@pytest.fixture(scope="session")
def database(database_kind: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """The database of this worker. Tests ask for `database_url`, `engine` or `session`."""
    if database_kind == "postgresql":
        with postgresql_cluster() as url:
            database: Database = PostgresqlDatabase(url)
            yield database
            database.engine.dispose()
    else:
        database = SqliteDatabase(tmp_path_factory.mktemp("database"))
        yield database
        database.engine.dispose()


@pytest.fixture
def database_url(database: Database) -> str:
    """The URL of the database, which is empty and migrated."""
    database.empty()
    return database.url


@pytest.fixture
def engine(database: Database, database_url: str) -> Engine:
    """An engine of this test's own: listeners end with the test; connections and statements are kept."""
    return database.engine.execution_options()


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    with Session(engine, expire_on_commit=False) as session:
        yield session
