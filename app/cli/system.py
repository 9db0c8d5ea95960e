"""`clienteling init` and `clienteling doctor`: the database, and what keeps it from serving."""

import platform
import sys
from datetime import datetime, timedelta

import click
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from app import backups, config, readiness, schema
from app.api import openapi
from app.cli import describe
from app.cli.database import open_engine
from app.db import sqlite_library
from app.domain import clock
from app.domain.personal_data import data_map
from app.errors import Conflict
from app.queries import jobs as job_queries

# Before it, a crash at a bad moment could lose the write-ahead log of another connection.
SAFE_SQLITE = (3, 51, 3)

SLOW_JOBS = timedelta(minutes=10)

_TEXTS = {
    "database": "The database answers and takes writes",
    "durable": "What is saved survives a power cut",
    "migrated": "The schema is the newest (else run: clienteling init)",
    "disk": "At least 200 MB are free in DATA_DIR",
    "ledger": (
        "The ledger of erasures is under this key (else put DATA_DIR/erasure-key or ERASURE_KEY back from "
        "its copy)"
    ),
    "replayed": "The database knows the ledger's file (else run: clienteling erasures replay)",
}


@click.command()
def init() -> None:
    """Make the database, or bring it to the newest schema."""
    settings = config.load()
    with open_engine(settings) as engine:
        schema.upgrade(engine)
    click.echo("The database is at the newest schema.")


@click.command()
def doctor() -> None:
    """Check the settings, the database and the disk; ends with 1 when something is wrong."""
    settings = config.load()
    click.echo(f"Python {platform.python_version()}, data in {settings.data_dir}")
    with open_engine(settings) as engine:
        click.echo(f"Database {engine.url.render_as_string(hide_password=True)}")
        checks = readiness.check(engine, settings)
        if checks.get("migrated"):
            checks |= _ledger(engine, settings)
        waiting_since = _waiting_since(engine) if checks.get("migrated") else None
        why = "" if checks["database"] else _why(engine)
    for name, holds in checks.items():
        _line(_TEXTS[name], holds=holds)
    if why:
        click.echo(f"         {why}")
    if settings.is_sqlite:
        found = sqlite_library.sqlite_version
        _line(
            f"SQLite {found} (3.51.3 or newer is advised; on other machines use PostgreSQL)",
            holds=tuple(map(int, found.split("."))) >= SAFE_SQLITE,
            mark="advice",
        )
    if checks["database"] and checks.get("migrated"):
        _line(
            "Background jobs are done within 10 minutes (else run: clienteling jobs)",
            holds=waiting_since is None or clock.utcnow() - waiting_since < SLOW_JOBS,
            mark="advice",
        )
    if settings.allow_http:
        _line("ALLOW_HTTP is on: only for this machine, never on a network", holds=False, mark="advice")
    if not all(checks.values()):
        sys.exit(1)


def _why(engine: Engine) -> str:
    """Return why the database cannot be reached; empty when it can, or nothing is known."""
    try:
        with engine.connect():
            return ""
    except DBAPIError as error:
        return describe(error) or ""


def _ledger(engine: Engine, settings: config.Settings) -> dict[str, bool]:
    try:
        backups.refuse_other_key(engine, settings)
    except Conflict:
        return {"ledger": False}
    try:
        return {"ledger": True, "replayed": backups.is_replayed(engine, settings)}
    except Conflict:
        return {"ledger": True, "replayed": False}


def _waiting_since(engine: Engine) -> datetime | None:
    with Session(engine) as session:
        return job_queries.oldest_due(session)


def _line(text: str, *, holds: bool, mark: str = "WRONG") -> None:
    click.echo(f"  {'ok' if holds else mark:<7}{text}")


@click.command("openapi")
def openapi_command() -> None:
    """Print the description of the API, as docs/openapi.json keeps it."""
    click.echo(openapi.as_text(), nl=False)


@click.command("data-map")
def data_map_command() -> None:
    """Print where personal data stands, why, for how long, and who sees it (Markdown)."""
    click.echo(data_map(), nl=False)
