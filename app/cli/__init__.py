"""The command line: `clienteling COMMAND`, each with `--help`."""

import gc
import os
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import click

from app.errors import AppError, Conflict, Invalid

# Where each command is; only the one that is asked for is imported, so that the server starts sooner.
COMMANDS = {
    "backup": "backups:backup",
    "client": "clients:client_group",
    "data-map": "system:data_map_command",
    "demo": "demo:demo_command",
    "doctor": "system:doctor",
    "erasures": "backups:erasures",
    "import": "imports:import_group",
    "init": "system:init",
    "jobs": "jobs:jobs",
    "openapi": "system:openapi_command",
    "restore": "backups:restore",
    "retention": "retention:retention_group",
    "run": "serve:run",
    "user": "users:user_group",
}


class FriendlyGroup(click.Group):
    """A group whose commands end with one clear line, not with a trace, when something is wrong."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 -- as click calls it
        """Return the names of all commands."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Return the command, importing it now."""
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name].split(":")
        command: click.Command = getattr(_load(f"app.cli.{module}"), name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; say what is wrong in a line and end with 1, or 130 when it was stopped."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo("Stopped.", err=True)
            raise SystemExit(130) from None
        except Exception as error:
            line = describe(error)
            if line is None:
                raise
            raise click.ClickException(line) from None


def _load(module: str) -> ModuleType:
    if module in sys.modules:
        return sys.modules[module]
    # What is imported stays: to look for garbage in it would be a fifth of a command's start.
    gc.disable()
    try:
        return import_module(module)
    finally:
        gc.freeze()
        gc.enable()


# What SQLite says, without naming the file.
_NO_FILE = ("unable to open database file", "attempt to write a readonly database")


def _say_file() -> str:
    """Return which file of DATABASE_URL cannot be used, and what helps."""
    from sqlalchemy.engine import make_url  # noqa: PLC0415 -- see below

    from app import config  # noqa: PLC0415 -- see below

    path = Path(make_url(config.load().database_url).database or "").absolute()
    if not path.parent.is_dir():
        return (
            f"The database does not answer: there is no folder {path.parent}. Make it, or correct "
            "DATABASE_URL."
        )
    return (
        f"The database does not answer: {path} cannot be opened or made. Whoever runs this needs to be "
        "allowed to write that file and its folder; else correct DATABASE_URL."
    )


def describe(error: Exception) -> str | None:
    """Return what is wrong in a line, with the reasons by field; None for a fault of the program."""
    # Here, so that each command imports what it needs, and without looking for garbage.
    import sqlite3  # noqa: PLC0415 -- see above

    from sqlalchemy.exc import DBAPIError  # noqa: PLC0415 -- see above

    from app.config import BadSetting  # noqa: PLC0415 -- see above
    from app.db import as_app_error, sqlite_library  # noqa: PLC0415 -- see above

    if isinstance(error, BadSetting):
        return str(error)
    if isinstance(error, DBAPIError) and isinstance(as_app_error(error), AppError):
        reason = str(error.orig).strip().splitlines()[0] if error.orig else ""
        if reason.startswith(_NO_FILE):
            return _say_file()
        return f"The database does not answer as it should: {reason}"
    if isinstance(error, (sqlite3.Error, sqlite_library.Error)):
        return f"The database does not answer as it should: {error}"
    if isinstance(error, OSError) and not isinstance(error, BrokenPipeError):
        place = f"{error.filename}: " if error.filename else ""
        return f"{place}{error.strerror or error or type(error).__name__}."
    if not isinstance(error, AppError):
        return None
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
