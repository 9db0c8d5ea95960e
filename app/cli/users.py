"""`clienteling user`: accounts from the command line, the first administrator above all."""

import sys

import click

from app.cli.database import command_actor, find_store, open_session
from app.db import transaction
from app.domain.associates import AssociateInput
from app.domain.permissions import ASSIGNABLE, Role
from app.errors import NotFound
from app.queries import associates as associate_queries
from app.services import associates, sign_in


@click.group("user")
def user_group() -> None:
    """Create accounts and set their passwords."""


@user_group.command("create")
@click.argument("email")
@click.option("--first-name", required=True, help="The first name.")
@click.option("--last-name", required=True, help="The last name.")
@click.option(
    "--role",
    type=click.Choice([role.value for role in ASSIGNABLE]),
    default=Role.ASSOCIATE.value,
    show_default=True,
    help="What the person may do.",
)
@click.option("--store", "stores", multiple=True, metavar="NAME", help="A store; repeat it for several.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
def create(
    email: str, first_name: str, last_name: str, role: str, stores: tuple[str, ...], password_stdin: bool
) -> None:
    """Create an account that can sign in."""
    with open_session() as session:
        store_ids = frozenset(find_store(session, name).id for name in stores)
        password = _ask_password(from_stdin=password_stdin)
        given = AssociateInput(
            email=email, first_name=first_name, last_name=last_name, role=role, store_ids=store_ids
        )
        hashed = sign_in.hash_password(password, email=email)
        with transaction(session):
            associate = associates.create(session, command_actor(), given, password_hash=hashed)
        click.echo(f"Created {associate.email} ({Role(associate.role).label}).")


@user_group.command("password")
@click.argument("email")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
def password(email: str, password_stdin: bool) -> None:
    """Set an account's password and end its sessions."""
    with open_session() as session:
        associate = associate_queries.by_email(session, command_actor(), email)
        if associate is None:
            raise NotFound(f"There is no account with the e-mail address {email}.")
        hashed = sign_in.hash_password(_ask_password(from_stdin=password_stdin), email=associate.email)
        with transaction(session):
            associates.set_password(
                session, command_actor(), associate.id, hashed, revision=associate.revision
            )
        click.echo(f"Password set for {associate.email}; all their sessions ended.")


def _ask_password(*, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    answer: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    return answer
