"""`clienteling jobs`: background work in a process of its own."""

import contextlib
import sys

import click
from sqlalchemy.exc import DBAPIError

from app import backups, config, logs
from app.cli.database import open_engine
from app.jobs import runner


@click.command()
@click.option("--beside-server", is_flag=True, hidden=True, help="Stop when standard input closes.")
def jobs(beside_server: bool) -> None:
    """Do background jobs until stopped; what is in flight is finished first."""
    settings = config.load()
    logs.set_up(settings.log_level)
    if beside_server:
        runner.stop_with_parent(sys.stdin)
    else:
        # A database that is away or not made yet is waited for. The server asked this already.
        with open_engine(settings) as engine, contextlib.suppress(DBAPIError):
            backups.refuse_other_key(engine, settings)
    runner.run(settings)
