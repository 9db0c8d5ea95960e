"""`clienteling jobs`: background work in a process of its own."""

import sys

import click

from app import config, logs
from app.jobs import runner


@click.command()
@click.option("--beside-server", is_flag=True, hidden=True, help="Stop when standard input closes.")
def jobs(beside_server: bool) -> None:
    """Do background jobs until stopped; what is in flight is finished first."""
    settings = config.load()
    logs.set_up(settings.log_level)
    if beside_server:
        runner.stop_with_parent(sys.stdin)
    runner.run(settings)
