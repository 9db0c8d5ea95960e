"""The command line: `clienteling COMMAND`, each with `--help`."""

import os
import sys
from typing import Any

import click
from sqlalchemy.exc import DBAPIError

from app import config
from app.cli.backups import backup, erasures, restore
from app.cli.clients import client_group
from app.cli.demo import demo_command
from app.cli.imports import import_group
from app.cli.jobs import jobs
from app.cli.retention import retention_group
from app.cli.serve import run
from app.cli.system import data_map_command, doctor, init, openapi_command
from app.cli.users import user_group
from app.db import as_app_error
from app.errors import AppError, Conflict, Invalid


class FriendlyGroup(click.Group):
    """A group whose commands end with one clear line, not with a trace, when something is wrong."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; say what is wrong in a line and end with 1."""
        try:
            return super().invoke(ctx)
        except config.BadSetting as error:
            raise click.ClickException(str(error)) from None
        except AppError as error:
            raise click.ClickException(describe(error)) from None
        except DBAPIError as error:
            known = as_app_error(error)
            if not isinstance(known, AppError):
                raise
            reason = str(error.orig).strip().splitlines()[0] if error.orig else ""
            raise click.ClickException(f"The database does not answer as it should: {reason}") from None


def describe(error: AppError) -> str:
    """Return an error in a line, with the reasons by field where it has them."""
    if not isinstance(error, (Invalid, Conflict)) or not error.fields:
        return error.message
    return " ".join(
        f"{name}: {reason}" if name else reason
        for name, reasons in error.fields.items()
        for reason in reasons
    )


@click.group(cls=FriendlyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="clienteling")
def main() -> None:
    """Run and look after the clienteling app. Settings come from the environment."""
    # The database, its copies and reports hold personal data: only their owner may read them.
    os.umask(0o077)
    if hasattr(sys.stdout, "reconfigure"):
        # Names are written in many scripts, and a terminal set to C must not stop a command.
        sys.stdout.reconfigure(errors="replace")


COMMANDS = (
    backup, client_group, data_map_command, demo_command, doctor, erasures, import_group, init, jobs,
    openapi_command, restore, retention_group, run, user_group,
)  # fmt: skip

for command in COMMANDS:
    main.add_command(command)
