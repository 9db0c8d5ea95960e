"""Bring a database to the newest schema.

Alembic is imported only to migrate: it takes a tenth of a start, and mostly nothing is to be done.
"""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, inspect, text

from app.errors import Conflict

if TYPE_CHECKING:
    from alembic.config import Config

MIGRATIONS = Path(__file__).parent / "migrations"


def newest() -> str:
    """Return the newest migration that this program has; their files begin with their numbers."""
    return _all()[-1]


def alembic_config(connection: Connection | None = None) -> "Config":
    """Return Alembic's configuration; it needs no file of its own."""
    from alembic.config import Config  # noqa: PLC0415 -- see above

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def upgrade(engine: Engine) -> None:
    """Run the migrations that the database does not have yet.

    Raises Conflict, and changes nothing, when it has one that this program does not know.
    """
    found = _found(engine)
    if found == [newest()]:
        return
    if unknown := sorted(set(found) - set(_all())):
        raise Conflict(
            message="The database is of a newer version of this program "
            f"(schema {unknown[0]}, here {newest()}): install that version."
        )
    from alembic import command  # noqa: PLC0415 -- see above

    with engine.connect() as connection:
        command.upgrade(alembic_config(connection), "head")
        connection.commit()


def is_current(engine: Engine) -> bool:
    """True when the database is at the newest migration."""
    return _found(engine) == [newest()]


@cache
def _all() -> list[str]:
    return sorted(path.name.partition("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*_*.py"))


def _found(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return []
        return list(connection.scalars(text("SELECT version_num FROM alembic_version")))
