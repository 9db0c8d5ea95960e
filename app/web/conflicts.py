"""The page where two people's changes of the same field are settled."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Response, request

from app.errors import Stale
from app.models import Customer
from app.web import htmx
from app.web.forms.base import ActForm
from app.web.language import say


@dataclass(frozen=True, kw_only=True)
class ConflictChoice:
    """One field to choose: theirs or mine."""

    name: str
    label: str
    theirs: str
    theirs_by: str
    theirs_at: datetime | None
    mine: str


def chosen() -> dict[str, str]:
    """Return {field: value} of the choices that the conflict page sent; empty for any other form."""
    form = request.form
    names = [key.removeprefix("keep-") for key in form if key.startswith("keep-")]
    return {name: form.get(f"{form[f'keep-{name}']}-{name}", "") for name in names}


def answer(
    error: Stale,
    customer: Customer,
    *,
    current: Mapping[str, Any],
    labels: Mapping[str, str],
    save_url: str,
    cancel_url: str,
    prefix: str = "",
) -> Response:
    """Show theirs and mine for each field in conflict; all else that was typed is carried along.

    `current` are the saved values by field; `prefix` stands before the field's name in the form.
    """
    conflicts = [
        ConflictChoice(
            name=prefix + conflict.field,
            label=say(labels.get(conflict.field, conflict.field)),
            theirs=_text(conflict.theirs),
            theirs_by=conflict.theirs_by,
            theirs_at=conflict.theirs_at,
            mine=_text(conflict.mine),
        )
        for conflict in error.conflicts
    ]
    in_conflict = {conflict.field for conflict in error.conflicts}
    merged = {**current, **error.kept}
    carried = [(prefix + name, _text(value)) for name, value in merged.items() if name not in in_conflict]
    return htmx.render(
        "customers/conflict.html",
        fragment="customers/_conflict.html",
        status=409,
        customer=customer,
        form=ActForm(),
        carried=[*carried, ("revision", str(error.current_revision))],
        conflicts=conflicts,
        save_url=save_url,
        cancel_url=cancel_url,
    )


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else ""
    return "" if value is None else str(value)
