"""`clienteling retention`: customers beyond the time limit, and asking for their deletion."""

from collections.abc import Iterator
from contextlib import contextmanager

import click
from sqlalchemy.orm import Session

from app import config
from app.cli.database import command_actor, open_engine
from app.db import transaction
from app.domain import clock
from app.domain.paging import PageRequest
from app.queries import retention as queries
from app.services import retention as service


@click.group("retention")
def retention_group() -> None:
    """Customers of whom nothing was heard for RETENTION_MONTHS."""


@retention_group.command()
@click.option("--limit", type=click.IntRange(1, 100), default=20, help="How many to name.")
def preview(limit: int) -> None:
    """Say how many are beyond the time limit and name the first by their ID; changes nothing."""
    settings = config.load()
    with open_engine(settings) as engine, Session(engine) as session:
        page = queries.list_page(
            session, command_actor(), settings.retention, PageRequest(count=limit), now=clock.utcnow()
        )
    for row in page.items:
        bought = f"{row.last_order_at:%Y-%m-%d}" if row.last_order_at else "never"
        contact = f"{row.last_contact_at:%Y-%m-%d}" if row.last_contact_at else "never"
        click.echo(f"{row.display_id}  last purchase {bought}  last contact {contact}")
    more = "+" if page.total_capped else ""
    click.echo(f"{page.total}{more} customers beyond {settings.retention_months} months.")


@retention_group.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
def request(yes: bool) -> None:
    """Ask for the deletion of all of them; each can be called off for DELETION_CALL_OFF_DAYS."""
    settings = config.load()
    if not yes:
        click.confirm("Ask for the deletion of all customers beyond the time limit?", abort=True)
    with open_engine(settings) as engine, Session(engine) as session:

        @contextmanager
        def step(_done: int) -> Iterator[Session]:
            with transaction(session):
                yield session

        done = service.request_all(
            step,
            command_actor(),
            settings.retention,
            call_off_days=settings.deletion_call_off_days,
            tells=settings.sends_mails,
        )
    click.echo(f"Asked for {done} deletions.")
