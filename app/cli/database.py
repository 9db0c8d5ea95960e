"""What commands share: the settings, the engine of bulk work, and the actor they act as."""

import getpass
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from app import config
from app.db import make_engine, set_ledger_key
from app.domain.actor import Actor
from app.errors import NotFound
from app.models import Store
from app.queries import stores


@contextmanager
def open_engine(settings: config.Settings | None = None) -> Iterator[Engine]:
    """Give an engine without the time limits of pages, closed at the end."""
    settings = settings or config.load()
    engine = make_engine(settings.database_url, bulk=True)
    set_ledger_key(engine, settings.erasure_key)
    try:
        yield engine
    finally:
        engine.dispose()


@contextmanager
def open_session() -> Iterator[Session]:
    """Give a session on the database of the settings."""
    with open_engine() as engine, Session(engine, expire_on_commit=False) as session:
        yield session


def command_actor() -> Actor:
    """Return the actor of a command: the audit log names who is signed in to the machine."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a container may run under a number without a name
        name = "unknown"
    return Actor.system(f"command line ({name})"[:210])


def find_store(session: Session, name_or_id: str) -> Store:
    """Return the store of this name or id. Raises NotFound, naming the open ones."""
    actor = command_actor()
    store = stores.find(session, actor, name_or_id)
    if store is None:
        known = ", ".join(name for _, name, is_open in stores.choices(session, actor) if is_open)
        raise NotFound(f"There is no store named {name_or_id}. There are: {known or 'none yet'}.")
    return store
