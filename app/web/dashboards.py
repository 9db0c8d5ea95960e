"""The dashboard: figures of opt-ins as charts, as tables and as CSV."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, request, url_for
from flask_babel import gettext as _

from app.db import transaction
from app.domain import clock, csv_rows
from app.domain.audit import AuditAction
from app.domain.consents import State
from app.domain.permissions import Permission
from app.domain.texts import N_
from app.errors import Invalid, NotFound
from app.queries import consent_reviews, dashboards, data_requests
from app.queries.dashboards import OptInFigures, Scope
from app.request_session import get_session
from app.services import audit
from app.web import charts, filters, htmx
from app.web.access import current_actor, requires

blueprint = Blueprint("dashboards", __name__)

PERIODS = (4, 13, 26, 52)
DEFAULT_WEEKS = 26


@dataclass(frozen=True, kw_only=True)
class Figures:
    """The table behind a chart: what the page shows and the file holds."""

    name: str
    title: str
    columns: Sequence[tuple[str, str]]
    rows: Sequence[Sequence[Any]]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Which stores and how many weeks are looked at."""

    store_id: uuid.UUID | None
    weeks: int

    @property
    def parameters(self) -> dict[str, Any]:
        """The same in an address."""
        return {"store": self.store_id or "all", "weeks": self.weeks}


@blueprint.get("/dashboard")
@requires(Permission.DASHBOARD_VIEW)
def index() -> Response:
    """Show all figures."""
    session, actor, asked = get_session(), current_actor(), _asked()
    scope, choices = dashboards.scope(session, actor, asked.store_id, weeks=asked.weeks, now=clock.utcnow())
    figures = dashboards.opt_ins(session, scope)
    waiting = consent_reviews.counts(session, actor, asked.store_id, scope.now)
    tables = _tables(figures)
    return htmx.render(
        "dashboards/index.html",
        asked=asked,
        stores=choices,
        periods=PERIODS,
        figures=figures,
        waiting=waiting,
        waiting_total=sum(waiting.values()),
        withdrawals=dashboards.withdrawals(session, scope),
        requests=data_requests.counts(session, actor),
        review_url=url_for("reviews.index", store=asked.store_id or "all"),
        charts=_charts(figures),
        tables=tables,
        csv_urls={name: url_for("dashboards.download", table=name, **asked.parameters) for name in tables},
    )


@blueprint.get("/dashboard/<string:table>.csv")
@requires(Permission.DASHBOARD_VIEW)
def download(table: str) -> Response:
    """Send one table as CSV, with cells that a spreadsheet does not run; the audit log notes it."""
    session, actor, asked = get_session(), current_actor(), _asked()
    if table not in TABLES:
        raise NotFound
    scope, _choices = dashboards.scope(session, actor, asked.store_id, weeks=asked.weeks, now=clock.utcnow())
    chosen = _tables(dashboards.opt_ins(session, scope))[table]
    with transaction(session):
        audit.record(
            session,
            actor,
            AuditAction.DASHBOARD_EXPORTED,
            subject=("dashboard", table),
            store_id=asked.store_id,
        )
    return _as_csv(chosen, scope)


def _as_csv(table: Figures, scope: Scope) -> Response:
    rows = ([_plain(cell) for cell in row] for row in table.rows)
    name = f"opt-ins-{table.name}-{scope.now:%Y-%m-%d}.csv"
    return Response(
        csv_rows.table_text([label for label, _kind in table.columns], rows),
        mimetype="text/csv",
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
    )


def _plain(cell: Any) -> str:
    if cell is None:
        return ""
    return f"{cell:.4f}" if isinstance(cell, float) else str(cell)


def _asked() -> Asked:
    """Return what the address asks for. Raises Invalid for another period, NotFound for no store."""
    given = request.args.get("weeks") or str(DEFAULT_WEEKS)
    if given not in {str(weeks) for weeks in PERIODS}:
        raise Invalid({"weeks": [N_("Choose one of the periods.")]}, N_("Choose one of the periods."))
    store = request.args.get("store") or "all"
    try:
        store_id = None if store == "all" else uuid.UUID(store)
    except ValueError:
        raise NotFound from None
    return Asked(store_id=store_id, weeks=int(given))


def _age_label(end: int | None) -> str:
    return {
        90: _("up to 3 months"),
        180: _("3 to 6 months"),
        365: _("6 to 12 months"),
        730: _("1 to 2 years"),
    }.get(end or 0, _("over 2 years"))


def _store_table(figures: OptInFigures) -> Figures:
    return Figures(
        name="stores",
        title=_("Opt-in rate by store"),
        columns=[
            (_("Store"), ""), (_("Customers"), "number"), (_("Opted in"), "number"),
            (_("Opt-in rate"), "share"), (_("Of these weak"), "share"),
        ],
        rows=[(one.label, one.customers, one.opted_in, one.rate, one.weak_share) for one in figures.stores],
    )  # fmt: skip


def _channel_table(figures: OptInFigures) -> Figures:
    states = (State.ACCEPTED, State.PENDING, State.REFUSED, State.WITHDRAWN)
    return Figures(
        name="channels",
        title=_("Opt-ins by channel"),
        columns=[
            (_("Channel"), ""), (_("Asked"), "number"), *((_(state.label), "number") for state in states),
            (_("Opt-in rate"), "share"), (_("Of these weak"), "share"),
        ],
        rows=[
            (_(one.channel.label), one.total, *(one.states[state] for state in states), one.rate,
             one.weak_share)
            for one in figures.channels
        ],
    )  # fmt: skip


def _week_table(figures: OptInFigures) -> Figures:
    return Figures(
        name="weeks",
        title=_("Answers by week"),
        columns=[
            (_("Week"), ""), (_("Yes"), "number"), (_("No"), "number"), (_("Withdrawn"), "number"),
            (_("Opt-in rate"), "share"), (_("Of these weak"), "share"),
        ],
        rows=[
            (filters.said(one.label), one.yes, one.no, one.withdrawn, one.rate, one.weak_share)
            for _monday, one in figures.weeks
        ],
    )  # fmt: skip


def _associate_table(figures: OptInFigures) -> Figures:
    return Figures(
        name="associates",
        title=_("Answers by associate"),
        columns=[
            (_("Associate"), ""), (_("Yes"), "number"), (_("No"), "number"),
            (_("Opt-in rate"), "share"), (_("Of these weak"), "share"),
        ],
        rows=[(one.label, one.yes, one.no, one.rate, one.weak_share) for one in figures.associates],
    )  # fmt: skip


def _age_table(figures: OptInFigures) -> Figures:
    return Figures(
        name="ages",
        title=_("Age of opt-ins"),
        columns=[(_("Age"), ""), (_("Opt-ins"), "number")],
        rows=[(_age_label(end), count) for end, count in figures.ages],
    )


TABLES: dict[str, Callable[[OptInFigures], Figures]] = {
    "weeks": _week_table,
    "stores": _store_table,
    "channels": _channel_table,
    "associates": _associate_table,
    "ages": _age_table,
}


def _tables(figures: OptInFigures) -> dict[str, Figures]:
    return {name: make(figures) for name, make in TABLES.items()}


def _weak_note(share: float | None) -> str:
    return _("%(share)s weak", share=filters.percent(share)) if share is not None else ""


def _charts(figures: OptInFigures) -> dict[str, Any]:
    states = ((State.ACCEPTED, "main"), (State.PENDING, "pending"), (State.REFUSED, "no"),
              (State.WITHDRAWN, "gone"))  # fmt: skip
    highest_week = charts.scale_end(max((one.answers for _monday, one in figures.weeks), default=0) or 1)
    highest_age = max((count for _end, count in figures.ages), default=0)
    return {
        "stores": [
            charts.share_bar(
                one.label, one.rate, filters.percent(one.rate), weak=one.weak_share,
                note=_weak_note(one.weak_share),
            )
            for one in figures.stores
        ],
        "channels": [
            charts.stacked_bar(
                _(one.channel.label),
                [(tone, one.states[state]) for state, tone in states],
                max(other.total for other in figures.channels),
                filters.percent(one.rate),
                _weak_note(one.weak_share),
            )
            for one in figures.channels
        ],
        "associates": [
            charts.share_bar(
                one.label, one.rate, filters.percent(one.rate), weak=one.weak_share,
                note=_weak_note(one.weak_share),
            )
            for one in figures.associates
        ],
        "ages": [
            charts.stacked_bar(_age_label(end), [("main", count)], highest_age, filters.number(count))
            for end, count in figures.ages
        ],
        "weeks": {
            "columns": [
                charts.stacked_bar(
                    filters.said(one.label),
                    [("main", one.yes - one.weak), ("weak", one.weak), ("no", one.no)],
                    highest_week,
                    filters.percent(one.rate),
                )
                for _monday, one in figures.weeks
            ],
            "highest": highest_week,
            "lines": charts.line([one.rate for _monday, one in figures.weeks]),
        },
    }  # fmt: skip
