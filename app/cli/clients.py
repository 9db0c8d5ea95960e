"""`clienteling client`: programs that use the API, from the command line."""

import click

from app.cli.database import command_actor, find_store, open_session
from app.db import transaction
from app.domain.permissions import Scope
from app.domain.tokens import ApiClientInput
from app.errors import NotFound
from app.queries import tokens as queries
from app.services import api_clients, tokens


@click.group("client")
def client_group() -> None:
    """Let programs use the API, and shut them out."""


@client_group.command("create")
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    required=True,
    type=click.Choice([scope.value for scope in Scope]),
    help="What it may do; repeat it for several.",
)
@click.option("--store", "stores", multiple=True, metavar="NAME", help="Only this store; repeat for several.")
@click.option("--all-stores", is_flag=True, help="Every store, those of later too.")
def create(name: str, scopes: tuple[str, ...], stores: tuple[str, ...], all_stores: bool) -> None:
    """Create a client and print its id and secret, once."""
    if all_stores == bool(stores):
        raise click.UsageError("Give either --store for each store, or --all-stores.")
    with open_session() as session:
        store_ids = frozenset(find_store(session, store).id for store in stores)
        given = ApiClientInput(
            name=name, scopes=frozenset(scopes), store_ids=store_ids, every_store=all_stores
        )
        with transaction(session):
            made = api_clients.create(session, command_actor(), given)
        click.echo(f"client_id      {made.client.client_id}")
        click.echo(f"client_secret  {made.secret}")
        click.echo("The secret is shown only now. Keep it where the program keeps its secrets.", err=True)


@client_group.command("list")
def list_clients() -> None:
    """List the clients: id, state, scopes, stores, last use, name."""
    with open_session() as session:
        for client in queries.list_clients(session, command_actor()):
            stores = "all stores" if client.every_store else ", ".join(store.name for store in client.stores)
            state = "active" if client.is_active else "deactivated"
            used = f"{client.last_used_at:%Y-%m-%d %H:%M}" if client.last_used_at else "never used"
            click.echo(f"{client.client_id}  {state:<11}  {client.scopes}  [{stores}]  {used}  {client.name}")


@client_group.command("revoke")
@click.argument("client_id")
@click.option("--tokens-only", is_flag=True, help="Only the tokens; the client may ask for new ones.")
def revoke(client_id: str, tokens_only: bool) -> None:
    """Shut a client out: all its tokens stop working at once."""
    with open_session() as session:
        client = queries.find_client(session, command_actor(), client_id)
        if client is None:
            raise NotFound(f"There is no API client with the id {client_id}. See: clienteling client list")
        with transaction(session):
            if tokens_only:
                count = tokens.revoke_all(session, command_actor(), client.id)
            else:
                api_clients.deactivate(session, command_actor(), client.id, revision=client.revision)
        if tokens_only:
            click.echo(f"Revoked {count} tokens of {client.name}.")
        else:
            click.echo(f"Deactivated {client.name}; its tokens are revoked.")
