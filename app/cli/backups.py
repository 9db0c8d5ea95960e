"""`clienteling backup`, `restore` and `erasures replay`."""

from datetime import timedelta
from pathlib import Path

import click

from app import backups, config, ledger, schema
from app.cli.database import open_engine
from app.domain.data_requests import ERASED_WITHIN

_ON_POSTGRESQL = (
    "On PostgreSQL use pg_dump and pg_restore, and then: clienteling erasures replay."
    " docs/operations.md says how."
)


@click.command()
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--keep-days",
    type=click.IntRange(1, 365),
    default=ERASED_WITHIN.days,
    show_default=True,
    help="Delete older backups of DATA_DIR/backups: they still hold whoever was erased since.",
)
def backup(file: Path | None, keep_days: int) -> None:
    """Copy the database to FILE while the server runs (else into DATA_DIR/backups), with a manifest."""
    settings = config.load()
    _sqlite_only(settings)
    with open_engine(settings) as engine:
        made = backups.backup(engine, file or backups.default_target(settings))
    click.echo(f"Saved as {made}, {made.stat().st_size:,} bytes.")
    if gone := backups.tidy(settings, keep=timedelta(days=keep_days)):
        click.echo(f"Older backups deleted: {gone}.")
    if keep_days > ERASED_WITHIN.days:
        click.echo("Backups kept longer than 30 days keep people longer who asked to be erased.", err=True)


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--yes", is_flag=True, help="Do not ask.")
def restore(file: Path, yes: bool) -> None:
    """Put a backup in the place of the database, and erase again whoever was erased since."""
    settings = config.load()
    _sqlite_only(settings)
    if not yes:
        click.confirm(f"Replace the database in {settings.data_dir} by {file}?", abort=True)
    _say(backups.restore(settings, file))


@click.group()
def erasures() -> None:
    """The ledger of erasures."""


@erasures.command()
@click.option(
    "--ledger",
    "path",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The ledger's file (else DATA_DIR/erasures.jsonl).",
)
def replay(path: Path | None) -> None:
    """Erase again whoever a restored backup brought back."""
    settings = config.load()
    with open_engine(settings) as engine:
        if not schema.is_current(engine):
            raise click.ClickException("The database is not ready. Run: clienteling init")
        _say(backups.replay(engine, settings, path or settings.data_dir / ledger.NAME, ends_sessions=True))


def _say(done: backups.Replayed) -> None:
    click.echo(f"Ledger of erasures: {done.lines} new lines, {done.erased} customers erased again.")
    if done.broken_off:
        numbers = ", ".join(map(str, done.broken_off))
        click.echo(f"Passed over, since a power cut broke them off: lines {numbers} of the ledger.", err=True)
    click.echo("Everybody is signed out, and programs need new tokens.")


def _sqlite_only(settings: config.Settings) -> None:
    if not settings.is_sqlite:
        raise click.ClickException(_ON_POSTGRESQL)
