"""The audit log, the access log, who saw whom, and each as a file."""

import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from flask import Blueprint, Response, make_response, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.datastructures import MultiDict

from app.db import transaction
from app.domain import clock, csv_rows, logs, values
from app.domain.actor import Channel
from app.domain.audit import AccessAction, AuditAction
from app.domain.logs import Cursor, LogQuery
from app.domain.permissions import Permission
from app.errors import Invalid
from app.queries import logs as queries
from app.queries.audit import ACTION_LABELS, FieldChange
from app.request_session import get_session
from app.services import logs as service
from app.web import htmx
from app.web.access import current_actor, current_settings, requires
from app.web.confirmations import recently_confirmed_from
from app.web.filters import said
from app.web.language import say

blueprint = Blueprint("logs", __name__)

SHOWN = 200


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the filters hold, as they were sent."""

    who: str = ""
    act: str = ""
    customer: str = ""
    store: str = ""
    channel: str = ""
    device: str = ""
    first: str = ""
    last: str = ""
    after: str = ""

    @classmethod
    def read(cls, sent: MultiDict[str, str]) -> "Asked":
        """Take the filters that were sent; the first look is at the last days."""
        names = set(asdict(cls()))
        given = {name: sent[name].strip() for name in names if name in sent}
        if "first" not in given:
            today = clock.utcnow() - logs.OPENING_SPAN
            given["first"] = today.date().isoformat()
        return cls(**given)

    @property
    def filters(self) -> dict[str, Any]:
        """The filters by name, without the place in the list."""
        return {name: value for name, value in asdict(self).items() if name != "after"}

    def to_query(self, actions: Iterable[str]) -> LogQuery:
        """Return the query of the domain. Raises Invalid with the reasons by filter."""
        reasons: dict[str, list[str]] = {}
        checked: dict[str, Any] = {}

        def check(name: str, read: Callable[[], Any]) -> None:
            try:
                checked[name] = read()
            except Invalid as error:
                reasons.update(error.fields)
            except values.BadValue as error:
                reasons[name] = [error.reason]
            except ValueError:
                reasons[name] = [_("Choose one of the list.")]

        check("who", lambda: uuid.UUID(self.who) if self.who else None)
        check("store", lambda: uuid.UUID(self.store) if self.store else None)
        check("act", lambda: _one_of(self.act, actions))
        check("channel", lambda: _one_of(self.channel, [channel.value for channel in Channel]))
        check("device", lambda: values.text(self.device, max_length=64))
        check("customer", lambda: _customer(self.customer))
        check("last", lambda: logs.span(self.first, self.last, _zone()))
        if reasons:
            raise Invalid(reasons)
        since, until = checked["last"]
        return LogQuery(
            actor_id=checked["who"],
            action=checked["act"],
            customer_id=checked["customer"],
            store_id=checked["store"],
            channel=checked["channel"],
            device=checked["device"],
            since=since,
            until=until,
        )

    def cursor(self) -> Cursor | None:
        """Return where the page begins. Raises Invalid."""
        try:
            return Cursor.read(self.after) if self.after else None
        except values.BadValue as error:
            raise Invalid({"": [error.reason]}, error.reason) from None


@blueprint.get("/logs/audit")
@requires(Permission.AUDIT_VIEW)
def audit() -> Response:
    """Show who did what."""
    return _show("audit", _audit_actions(), queries.audit_page)


@blueprint.post("/logs/audit/file")
@requires(Permission.AUDIT_EXPORT)
@recently_confirmed_from("logs.audit")
def audit_file() -> Response:
    """Download who did what."""
    header = [
        _("Time (UTC)"),
        _("Who"),
        _("Role"),
        _("Channel"),
        _("Action"),
        _("Customer"),
        _("Store"),
        _("Changes"),
        _("Device"),
        _("Request"),
    ]

    def cells(row: queries.AuditRow) -> list[object]:
        changes = "; ".join(_change(change) for change in row.fields) or ", ".join(map(said, row.cleared))
        return [
            row.at.isoformat(), said(row.who), row.role, row.channel, _(row.label),
            _customer_cell(row.customer), row.store_name, changes, row.device, row.request_id,
        ]  # fmt: skip

    return _file("audit", _audit_actions(), queries.every_audit_row, header, cells)


@blueprint.get("/logs/access")
@requires(Permission.AUDIT_VIEW)
def access() -> Response:
    """Show who looked at whom."""
    settings = current_settings()
    busy = queries.busy_hours(get_session(), current_actor(), more_than=settings.profiles_per_hour)
    return _show("access", _access_actions(), queries.access_page, busy_hours=busy)


@blueprint.post("/logs/access/file")
@requires(Permission.AUDIT_EXPORT)
@recently_confirmed_from("logs.access")
def access_file() -> Response:
    """Download who looked at whom."""
    header = [
        _("Time (UTC)"), _("Who"), _("Channel"), _("Action"), _("What"), _("Customers"), _("Store"),
        _("Device"), _("Request"),
    ]  # fmt: skip

    def cells(row: queries.AccessRow) -> list[object]:
        return [
            row.at.isoformat(), said(row.who), row.channel, _(row.label), row.detail,
            " ".join(_customer_cell(customer) for customer in row.customers),
            row.store_name, row.device, row.request_id,
        ]  # fmt: skip

    return _file("access", _access_actions(), queries.every_access_row, header, cells)


@blueprint.get("/logs/seen")
@requires(Permission.AUDIT_VIEW)
def seen() -> Response:
    """Show whom somebody saw in a time; of one customer, who saw them."""
    asked = Asked.read(request.args)
    actor = current_actor()
    context: dict[str, Any] = {"customers": None, "people_rows": None}
    errors: dict[str, list[str]] = {}
    try:
        query = asked.to_query(_access_actions())
        if query.customer_id:
            context["people_rows"] = queries.seen_by(get_session(), actor, query)
        else:
            context["customers"] = queries.customers_seen(get_session(), actor, query)
    except Invalid as error:
        errors = error.fields
    return _render("seen", asked, _access_actions(), errors, shown=SHOWN, **context)


@blueprint.post("/logs/seen/file")
@requires(Permission.AUDIT_EXPORT)
@recently_confirmed_from("logs.seen")
def seen_file() -> Response:
    """Download whom somebody saw in a time; of one customer, who saw them."""
    session, actor, asked = get_session(), current_actor(), Asked.read(request.form)
    query = asked.to_query(_access_actions())
    kinds = [action.value for action in AccessAction]
    counted = [_("First (UTC)"), _("Last (UTC)"), *(_(queries.access_label(kind)) for kind in kinds)]

    def cells(found: queries.Seen) -> list[object]:
        return [
            found.first.isoformat(),
            found.last.isoformat(),
            *(found.counts.get(kind, 0) for kind in kinds),
        ]

    if query.customer_id:
        header = [_("Who"), *counted]
        lines = [[said(row.who), *cells(row.seen)] for row in queries.seen_by(session, actor, query)]
    else:
        header = [_("Customer"), *counted]
        found = queries.customers_seen(session, actor, query)
        lines = [[_customer_cell(row.customer), *cells(row.seen)] for row in found]
    return _as_file("seen", asked, header, lines)


def _show(log: str, actions: Sequence[str], read: Any, **more: Any) -> Response:
    asked = Asked.read(request.args)
    page, errors = queries.LogPage(items=[], older=None), {}
    try:
        query, after = asked.to_query(actions), asked.cursor()
        page = read(get_session(), current_actor(), query, after)
    except Invalid as error:
        errors = error.fields
    older = url_for(f"logs.{log}", **asked.filters, after=str(page.older)) if page.older else ""
    return _render(log, asked, actions, errors, page=page, older_url=older, **more)


def _render(
    log: str, asked: Asked, actions: Sequence[str], errors: dict[str, list[str]], **more: Any
) -> Response:
    session, actor = get_session(), current_actor()
    people = [(str(person_id), name) for person_id, name in queries.people(session, actor)]
    label = _audit_label if log == "audit" else queries.access_label
    return htmx.render(
        f"logs/{log}.html",
        status=422 if errors else 200,
        log=log,
        asked=asked,
        errors={name: [say(reason) for reason in reasons] for name, reasons in errors.items()},
        acts=sorted(((action, _(label(action))) for action in actions), key=lambda pair: pair[1]),
        people=people,
        stores=[(str(store_id), name) for store_id, name in queries.stores(session, actor)],
        channels=[(channel.value, _channel(channel)) for channel in Channel],
        newest_url=url_for(f"logs.{log}", **asked.filters),
        file_url=url_for(f"logs.{log}_file"),
        may_export=actor.can(Permission.AUDIT_EXPORT),
        is_own=not people,
        **more,
    )


def _file(
    log: str, actions: Sequence[str], read: Any, header: list[str], cells: Callable[[Any], list[object]]
) -> Response:
    session, actor, asked = get_session(), current_actor(), Asked.read(request.form)
    rows = [cells(row) for row in read(session, actor, asked.to_query(actions))]
    return _as_file(log, asked, header, rows)


def _as_file(log: str, asked: Asked, header: list[str], rows: list[list[object]]) -> Response:
    session, actor = get_session(), current_actor()
    with transaction(session):
        service.record_export(session, actor, log, entries=len(rows), asked=asked.filters)
    response = make_response(csv_rows.table_text(header, rows))
    response.mimetype = "text/csv"
    name = f"{log}-log-{clock.utcnow().date().isoformat()}.csv"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _customer(typed: str) -> uuid.UUID | None:
    cleaned = values.text(typed, max_length=40)
    return queries.find_customer(get_session(), current_actor(), cleaned) if cleaned else None


def _one_of(value: str, known: Iterable[str]) -> str:
    if value and value not in known:
        raise ValueError(value)
    return value


def _zone() -> str:
    return current_user.store.time_zone if current_user.store else "UTC"


def _audit_actions() -> list[str]:
    return [action.value for action in AuditAction]


def _access_actions() -> list[str]:
    return [action.value for action in AccessAction]


def _audit_label(action: str) -> str:
    return ACTION_LABELS.get(AuditAction(action)) or action.replace(".", " ").replace("_", " ").capitalize()


def _channel(channel: Channel) -> str:
    return {
        Channel.WEB: _("Pages"),
        Channel.API: _("API"),
        Channel.CLI: _("Command line"),
        Channel.JOB: _("Background job"),
    }[channel]


def _change(change: FieldChange) -> str:
    return f"{said(change.label)}: {said(change.old)} → {said(change.new)}"


def _customer_cell(customer: queries.CustomerRef | None) -> str:
    return (customer.display_id or str(customer.id)) if customer else ""
