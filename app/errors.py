"""The one family of errors that acts raise; the edges turn them into pages and JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any


def N_(text: str) -> str:  # noqa: N802
    """Mark a text for translation, as `app.domain.texts` does, which stands above this file."""
    return text


class AppError(Exception):
    """Something the user or the operator can be told about."""

    message = N_("Something went wrong.")

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or self.message)
        self.message = message or self.message


class Invalid(AppError):
    """Input breaks a rule.

    `fields` maps a field's name to the reasons, each a sentence that says how to mend it.
    The key "" holds reasons that belong to no single field.
    """

    message = N_("Please check the highlighted fields.")

    def __init__(self, fields: Mapping[str, Sequence[str]], message: str | None = None) -> None:
        super().__init__(message)
        self.fields = {name: list(reasons) for name, reasons in fields.items()}

    def __reduce__(self) -> tuple[Any, ...]:
        """Say how to make it again in another process, where a file is read."""
        return type(self), (self.fields, self.message)


class Unreadable(AppError):
    """A request whose bytes are no text; the text says where."""

    message = N_("This request cannot be read.")


class Unauthenticated(AppError):
    """Nobody is signed in."""

    message = N_("Please sign in.")


class Forbidden(AppError):
    """The actor may see it, and may not do it."""

    message = N_("Your role does not allow this. Ask a manager or an administrator.")


class NotFound(AppError):
    """It is not there, or it is in a store that the actor may not see."""

    message = N_("This page does not exist, or it belongs to another store.")


class Conflict(AppError):
    """The same value exists already, or the thing is in the wrong state.

    `fields` as in `Invalid`; `existing_id` is set where the actor may see the other record.
    """

    message = N_("This is already there.")

    def __init__(
        self,
        fields: Mapping[str, Sequence[str]] | None = None,
        message: str | None = None,
        existing_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.fields = {name: list(reasons) for name, reasons in (fields or {}).items()}
        self.existing_id = existing_id


@dataclass(frozen=True, kw_only=True)
class FieldConflict:
    """One field that two people changed: the value both started from, theirs (saved) and mine."""

    field: str
    base: str | None
    theirs: str | None
    mine: str | None
    theirs_by: str = ""
    theirs_at: datetime | None = None


class Stale(AppError):
    """Somebody else saved meanwhile, and changed what this act would change.

    `conflicts` names the fields, `kept` what can be saved of the others without a question;
    `current_revision` is the revision to answer with.
    """

    message = N_("Somebody else changed this record while you were editing.")

    def __init__(
        self,
        current_revision: int,
        conflicts: Sequence[FieldConflict] = (),
        kept: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.current_revision = current_revision
        self.conflicts = tuple(conflicts)
        self.kept = dict(kept or {})


class RateLimited(AppError):
    """Too many tries; `retry_after` is in seconds."""

    message = N_("Too many tries. Please wait a little and try again.")

    def __init__(self, retry_after: int, message: str | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Unavailable(AppError):
    """The database is locked, full or away; nothing was saved."""

    message = N_("Not saved: the database cannot be reached right now. Please try again in a moment.")
    retry_after = 2


DISK_FULL = N_(
    "Not saved: the server has no room left on its disk. Please tell whoever runs it, and try again later."
)


# In English only: whoever reads it set up a proxy or a program.
FOREIGN_HOST = (
    "This host name is not served here. Use the address that you were given; whoever runs this server "
    "allows others in TRUSTED_HOSTS."
)

# What each error is in HTTP, for pages and API alike; the API's own differences stand with it.
STATUS: dict[type[AppError], int] = {
    Invalid: 422,
    Unreadable: 400,
    Unauthenticated: 401,
    Forbidden: 403,
    NotFound: 404,
    Conflict: 409,
    Stale: 409,
    RateLimited: 429,
    Unavailable: 503,
}
