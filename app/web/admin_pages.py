"""What the administrator's lists and forms share: search, paging, saving, opening and closing."""

from collections.abc import Callable, Mapping
from typing import Any

from flask import Response, flash, request, url_for
from flask_babel import gettext as _

from app.db import transaction
from app.domain import values
from app.domain.paging import PageRequest
from app.errors import STATUS, Conflict, Forbidden, Invalid, Stale
from app.request_session import get_session
from app.services import idempotency
from app.web import htmx, paging
from app.web.access import current_actor
from app.web.forms.base import BaseForm, RevisionMixin
from app.web.language import say

MAX_SEARCH = 200


class StateForm(RevisionMixin, BaseForm):
    """Only the revision that was looked at."""


def asked() -> tuple[str, PageRequest]:
    """Return the text searched for and the part of the list. Raises Invalid for a bad one."""
    try:
        text = values.text(request.args.get("q", ""), max_length=MAX_SEARCH)
    except values.BadValue as error:
        raise Invalid({"": [error.reason]}, error.reason) from None
    return text, PageRequest(offset=paging.offset())


def show_list(template: str, endpoint: str, text: str, page: Any) -> Response:
    """Show a list with links to the parts before and after this one."""
    urls = {
        "previous_url": url_for(endpoint, q=text or None, offset=page.previous_offset),
        "next_url": url_for(endpoint, q=text or None, offset=page.next_offset),
    }
    return htmx.render(template, page=page, text=text, urls=urls)


def save_new(form: Any, act: str, given: Any, make: Callable[[], Any], context: dict[str, Any]) -> Response:
    """Create once for the form's key and go on to the list, or show what is wrong.

    `after` in the context says by the new id where to go on to instead.
    """
    session, actor = get_session(), current_actor()
    try:
        with transaction(session):
            made_id = idempotency.once(
                session,
                actor,
                act,
                form.sent_key,
                {"given": repr(given)},
                lambda: make().id,
            )
    except (Invalid, Conflict) as error:
        status = STATUS[type(error)]
        return show_form(form, context, messages=form.apply_errors(error), status=status)
    if "after" in context:
        return _done({**context, "back_url": context["after"](made_id)})
    return _done(context)


def shown_before() -> str:
    """Return what is said after a second submit to whom the first one's answer showed a secret."""
    return _("It was saved already, and its secret was shown then. Make a new one if it got lost.")


def save_edit(
    form: Any, save: Callable[[], Any], current: Callable[[], Mapping[str, Any]], context: dict[str, Any]
) -> Response:
    """Save and go on to the list, or show what is wrong; after somebody else's save, both values.

    `current` gives the saved values by field, as the form writes them.
    """
    try:
        with transaction(get_session()):
            save()
    except (Invalid, Conflict, Forbidden) as error:
        status = {Conflict: 409, Forbidden: 403}.get(type(error), 422)
        messages = [say(error.message)] if isinstance(error, Forbidden) else form.apply_errors(error)
        return show_form(form, context, messages=messages, status=status)
    except Stale as error:
        for name, value in current().items():
            if value != form[name].data:
                form[name].errors = [
                    *form[name].errors,
                    _("Somebody else saved this meanwhile: %(value)s", value=_text(value)),
                ]
        form.revision.data = str(error.current_revision)
        return show_form(
            form, context, messages=[say(error.message), _("Save again to keep yours.")], status=409
        )
    return _done(context)


def show_form(
    form: Any, context: Mapping[str, Any], *, messages: list[str] | None = None, status: int | None = None
) -> Response:
    """Show the form with what was typed."""
    code = status or (422 if form.is_submitted() else 200)
    return htmx.render("admin/form.html", status=code, form=form, messages=messages or [], **context)


def change_state(row: Any, change: Callable[[int], Any], context: dict[str, Any]) -> Response:
    """Ask whether to do it; do it and go on to the list."""
    form = StateForm(data={"revision": row.revision})
    messages: list[str] = []
    status = 200
    if form.validate_on_submit():
        try:
            with transaction(get_session()):
                change(form.seen_revision)
        except (Stale, Conflict, Invalid) as error:
            messages, status = [say(error.message)], STATUS[type(error)]
            if isinstance(error, Stale):
                form = StateForm(formdata=None, data={"revision": error.current_revision})
        else:
            return _done(context)
    elif form.is_submitted():
        status = 422
    return htmx.render(
        "admin/state.html",
        fragment="admin/_state.html",
        status=status,
        form=form,
        messages=messages,
        action_url=request.path,
        **context,
    )


def _done(context: Mapping[str, Any]) -> Response:
    flash(context["done"], "ok")
    return htmx.see_other(context["back_url"])


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return ", ".join(value) if isinstance(value, list) else str(value).replace("\n", ", ") or "–"
