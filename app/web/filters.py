"""How values look on pages: money, times, names; and what templates may call."""

import datetime as dt
import hashlib
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import babel.dates
import babel.numbers
import phonenumbers
from babel import Locale
from babel.support import Translations
from flask import Flask, request, url_for
from flask_babel import gettext as _
from flask_babel import pgettext
from flask_login import current_user
from markupsafe import Markup, escape

from app.domain import addresses, clock, consent_wordings, jobs, orders, search_matches, searches
from app.domain.attributes import AttributeType
from app.domain.consent_reviews import Reason, decision_label
from app.domain.iso_codes import COUNTRY_CODES
from app.domain.order_states import Label
from app.domain.permissions import ROLE_PERMISSIONS, Permission, Role
from app.domain.texts import Text
from app.queries import consent_reviews
from app.request_session import get_session
from app.templates import Maker, Templates, templates_of
from app.web.access import current_actor, found_user
from app.web.headers import csp_nonce
from app.web.kept import kept
from app.web.language import chosen, say

_DAY, _TWO_DAYS = dt.timedelta(days=1), dt.timedelta(days=2)
_OWN_PICTURE = re.compile(r"/static/[\w/-]+\.svg\Z", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class NavItem:
    """One entry of the navigation."""

    endpoint: str
    label: str
    icon: str
    is_active: bool


def money(amount_minor: int, currency: str, *, language: str = "") -> str:
    """Return an amount given in the currency's smallest unit, written in the user's format."""
    return _money(amount_minor, currency, language or html_lang())


# Prices and days come again and again: to write one takes as long as a statement.
@lru_cache(maxsize=8192)
def _money(amount_minor: int, currency: str, locale: str) -> str:
    digits = babel.numbers.get_currency_precision(currency)
    return _price(Decimal(amount_minor).scaleb(-digits), currency, locale)


@lru_cache(maxsize=8192)
def _price(value: Decimal | int, currency: str, locale: str) -> str:
    return babel.numbers.format_currency(value, currency, locale=locale)


@lru_cache(maxsize=8192)
def _date(day: dt.date, locale: str) -> str:
    return babel.dates.format_date(day, "medium", locale=locale)


def amount(value: Decimal | int | None, currency: str | None) -> str:
    """Return an exact amount in the user's format; "" for none."""
    if value is None:
        return ""
    if not currency:
        return babel.numbers.format_decimal(value, locale=_locale())
    return _price(value, currency, html_lang())


def date(value: dt.datetime | dt.date | str | None, *, language: str = "") -> str:
    """Return a day in the user's format, in the time zone of the store."""
    moment = value if type(value) is dt.date else _moment(value)
    if moment is None:
        return ""
    return _date(moment.date() if type(moment) is dt.datetime else moment, language or html_lang())


def datetime(value: dt.datetime | str | None) -> str:
    """Return a day and time in the user's format, in the time zone of the store."""
    moment = _moment(value)
    return babel.dates.format_datetime(moment, "medium", locale=_locale()) if moment else ""


def minute(value: dt.datetime | str | None) -> str:
    """Return a day and time without its seconds, which nobody who advises a customer asks for."""
    moment, locale = _moment(value), _locale()
    if not isinstance(moment, dt.datetime):
        return ""
    both = str(babel.dates.get_datetime_format("medium", locale=locale)).replace("'", "")
    day, time = _date(moment, str(locale)), babel.dates.format_time(moment, "short", locale=locale)
    return both.replace("{0}", time).replace("{1}", day)


def datetime_in(value: dt.datetime, zone: str) -> str:
    """Return a day and time in the user's format, in the time zone given."""
    return babel.dates.format_datetime(value, "medium", tzinfo=ZoneInfo(zone), locale=_locale())


def duration(value: dt.timedelta) -> str:
    """Return how long something took, in words."""
    return babel.dates.format_timedelta(value, threshold=1.5, locale=_locale())


def number(value: int) -> str:
    """Return a whole number in the user's format."""
    return babel.numbers.format_decimal(value, locale=_locale())


def percent(value: float | None) -> str:
    """Return a share from 0 to 1 as whole percent, a dash for none."""
    return "–" if value is None else babel.numbers.format_percent(value, locale=_locale())


def ago(value: dt.datetime | None, *, language: str = "") -> str:
    """Return how long ago a time was, in words."""
    if value is None:
        return ""
    passed = value - clock.utcnow()
    if not -_TWO_DAYS <= passed <= _TWO_DAYS:
        # Of what is days ago nobody is told the hours, so it is told alike.
        return _days_ago(round(passed / _DAY), language or html_lang())
    return babel.dates.format_timedelta(passed, add_direction=True, locale=_locale())


@lru_cache(maxsize=4096)
def _days_ago(days: int, locale: str) -> str:
    return babel.dates.format_timedelta(dt.timedelta(days=days), add_direction=True, locale=locale)


def code_name(value: str) -> Markup:
    """Return a name from code, as of an event, that may break after its dots and underscores."""
    return Markup(re.sub(r"([._])", r"\1<wbr>", str(escape(value))))  # noqa: S704 -- escaped before


def phone(value: str) -> str:
    """Return a phone number grouped as its country writes it, or as it was typed."""
    try:
        parsed = phonenumbers.parse(value, current_user.store.country_code if current_user.store else None)
    except (phonenumbers.NumberParseException, AttributeError):
        return value
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


def email_text(address: str) -> Markup:
    """Return an e-mail address that goes to the next line before its @ or after a dot, not within a word."""
    name, at, host = address.rpartition("@")
    return escape(name).replace(".", Markup(".<wbr>")) + Markup("<wbr>") + escape(at + host)


def initials(name: str) -> str:
    """Return the first letters of the first and last word of a name."""
    words = [word for word in name.split() if word[0].isalnum()]
    last = words[-1][0] if len(words) > 1 else ""
    return f"{words[0][0]}{last}".upper() if words else "?"


def hue(value: object) -> int:
    """Return one of eight colours, 0 to 7, always the same for the same id."""
    return hashlib.blake2s(str(value).encode(), digest_size=1).digest()[0] % 8


def highlight(text: str, query: str) -> str:
    """Return the text with the parts that the search matched in <mark>; accents do not matter."""
    found = search_matches.spans(text, searches.terms(query)) if query else []
    if not found:
        return text  # escaped like any other
    parts, end = [], 0
    for start, stop in found:
        parts += [escape(text[end:start]), "<mark>", escape(text[start:stop]), "</mark>"]
        end = stop
    return Markup("".join([*parts, escape(text[end:])]))  # noqa: S704 -- escaped part by part


def delivery_label(details: Mapping[str, Any] | None) -> Label:
    """Return the state of a shipment in words, with its tone."""
    known = details or {}
    return orders.delivery_label(known.get("delivery_status_id"), known.get("delivery_status_label"))


def order_address_lines(address: Mapping[str, Any]) -> list[str]:
    """Return the lines of an address of an order, in the order of its country, without the empty ones."""

    def joined(*names: str) -> str:
        return " ".join(str(address[name]) for name in names if address.get(name))

    name = joined("salutation", "title", "first_name", "second_name", "last_name", "suffix")
    street, more = joined("address_line_1"), joined("address_line_2")
    city, state = joined("city"), joined("province", "state")
    zip_code, country = joined("zip_code"), joined("country_code")
    code = country.upper()
    if code not in COUNTRY_CODES:
        # The source may send any word, or none.
        return [line for line in (name, street, more, f"{zip_code} {city}".strip(), state, country) if line]
    given = dict.fromkeys(addresses.FIELD_LABELS, "") | {
        "first_name": name,
        "address_1": street,
        "address_2": more,
        "zip_code": zip_code,
        "city": city,
        "state": state,
        "country_code": code,
    }
    return addresses.lines(given, country=_upper_country_name(code, html_lang()))


def address_lines(address: Any, *, language: str = "") -> list[str]:
    """Return the lines of a customer's address, in the order of its country."""
    # A row names its values by itself, in one call.
    is_row = isinstance(address, tuple)
    given = address._asdict() if is_row else {name: getattr(address, name) for name in addresses.FIELD_LABELS}
    return addresses.lines(given, country=_upper_country_name(given["country_code"], language or html_lang()))


def picture(image: str) -> str | None:
    """Return the address of a picture when it is one of this site, which is all the pages may show."""
    return image if _OWN_PICTURE.match(image) else None


def attribute_type(value: str) -> str:
    """Return the type of an attribute in words."""
    return AttributeType(value).label


def country_name(code: str, *, language: str = "") -> str:
    """Return a country's name in the user's language, or the code."""
    return _country_name(code, language or html_lang())


@lru_cache(maxsize=1024)
def _country_name(code: str, locale: str) -> str:
    return str(Locale.parse(locale).territories.get(code, code))


def language_name(tag: str, *, language: str = "") -> str:
    """Return a language's name in the user's language."""
    return consent_wordings.language_name(tag, language=language or html_lang())


@lru_cache(maxsize=1024)
def _upper_country_name(code: str, locale: str) -> str:
    return _country_name(code, locale).upper()


def navigation() -> tuple[NavItem, ...]:
    """Return the pages that the user may open, the open one marked.

    Names with the context `navigation` may hold soft hyphens: the rail is narrow.
    """
    user = found_user()
    if user is None:
        return ()
    here = (request.blueprint or "").split(".")[0]
    return _navigation(user.role, _BELOW.get(here, here), html_lang())


# Parts of a customer's page with an address of their own, and the time limit, which leads to data requests.
_BELOW = dict.fromkeys(("addresses", "attributes", "consents", "orders"), "customers") | {
    "retention": "data_requests"
}


@lru_cache(maxsize=512)
def _navigation(role: Role, here: str, _language: str) -> tuple[NavItem, ...]:
    entries: list[tuple[str, str, str, str, Permission | None]] = [
        ("customers.index", _("Customers"), "users", "customers", None),
        (
            "reviews.index",
            pgettext("navigation", "Opt-ins"),
            "clipboard-check",
            "reviews",
            Permission.REVIEW_VIEW,
        ),
        ("dashboards.index", _("Dashboard"), "chart-column", "dashboards", Permission.DASHBOARD_VIEW),
        (
            "data_requests.index",
            pgettext("navigation", "Data requests"),
            "file-text",
            "data_requests",
            Permission.DATA_REQUEST_VIEW,
        ),
        ("stores.index", _("Stores"), "store", "stores", Permission.ADMIN_MANAGE),
        (
            "associates.index",
            pgettext("navigation", "Associates"),
            "user",
            "associates",
            Permission.ADMIN_MANAGE,
        ),
        ("definitions.index", _("Attributes"), "tag", "definitions", Permission.ADMIN_MANAGE),
        ("webhooks.index", _("Webhooks"), "webhook", "webhooks", Permission.ADMIN_MANAGE),
        ("wordings.index", _("Wordings"), "file-text", "wordings", Permission.ADMIN_MANAGE),
        ("api_clients.index", _("API clients"), "key-round", "api_clients", Permission.ADMIN_MANAGE),
        ("jobs.index", _("Jobs"), "list-checks", "jobs", Permission.JOB_VIEW),
        ("logs.audit", _("Logs"), "history", "logs", Permission.AUDIT_EXPORT),
    ]
    return tuple(
        NavItem(endpoint=endpoint, label=label, icon=icon, is_active=here == blueprint)
        for endpoint, label, icon, blueprint, permission in entries
        if permission is None or permission in ROLE_PERMISSIONS[role]
    )


def html_lang() -> str:
    """Return the language of the page, as babel names it."""
    known = kept()
    if "language" not in known:
        known["language"] = chosen()
    language: str = known["language"]
    return language


def reviews_waiting() -> int:
    """Return how many opt-ins wait for a review, up to 100: the layout asks when it draws the navigation."""
    return consent_reviews.waiting(get_session(), current_actor())


def said(value: str | dt.datetime) -> str:
    """Return a text of ours or a time as the user reads it, and what people wrote as it is."""
    if type(value) is str:
        return value
    if isinstance(value, dt.datetime):
        return datetime(value)
    return say(value) if isinstance(value, Text) else value


def role_label(role: str) -> str:
    """Name a role."""
    return Role(role).label


def reason_label(reason: str) -> str:
    """Name the reason of a review's decision."""
    return Reason(reason).label


def register(app: Flask) -> None:
    """Give the templates their filters and globals."""
    versions: dict[str, str] = {}

    def version(view_args: dict[str, Any]) -> str:
        name = str(view_args.get("filename", ""))
        if name not in versions or app.debug:
            file = Path(app.static_folder or "") / name
            versions[name] = hashlib.sha256(file.read_bytes()).hexdigest()[:12] if file.is_file() else ""
        return versions[name]

    def make_asset(_templates: Templates) -> Callable[[str], str]:
        assets: dict[str, str] = {}

        def asset(path: str) -> str:
            if path not in assets or app.debug:
                assets[path] = url_for("static", filename=path, v=version({"filename": path}))
            return assets[path]

        return asset

    app.extensions["asset_version"] = version
    for function in (
        money,
        amount,
        date,
        datetime,
        minute,
        datetime_in,
        duration,
        number,
        percent,
        decision_label,
        reason_label,
        ago,
        code_name,
        phone,
        email_text,
        initials,
        hue,
        highlight,
        attribute_type,
        country_name,
        language_name,
        address_lines,
        picture,
        delivery_label,
        order_address_lines,
        said,
        role_label,
    ):
        app.add_template_filter(function)
    app.add_template_filter(jobs.label, "job_label")
    app.jinja_env.globals.update(reviews_waiting=reviews_waiting, navigation=navigation)
    app.jinja_env.globals.update(csp_nonce=csp_nonce, new_key=lambda: uuid.uuid4().hex)
    templates = templates_of(app)
    templates.in_language |= {"money", "date", "ago", "country_name", "language_name", "address_lines"}
    templates.makers.update(
        asset=make_asset,
        icon=_kept("components/icon.html", "icon"),
        kept_consent_badge=_kept("components/badge.html", "consent_badge"),
        html_lang=lambda templates: lambda: templates.language,
    )


def _kept(path: str, name: str) -> Maker:
    """Give templates a macro that is run once for the same names, which stand in the code."""

    def make(templates: Templates) -> Callable[..., Markup]:
        known: dict[tuple[str, ...], Markup] = {}

        def macro(*names: str) -> Markup:
            if names not in known:
                known[names] = getattr(templates.get_template(path).module, name)(*names)
            return known[names]

        return macro

    return make


def translate(app: Flask) -> None:
    """Give templates their translations, each language its own."""
    folder = Path(app.root_path) / "translations"

    def make_translated(templates: Templates) -> Callable[..., Markup]:
        catalogue = Translations.load(folder, [templates.language])

        @lru_cache(maxsize=4096)
        def fixed(text: str) -> Markup:
            return _filled(catalogue.ugettext(text), {})

        return lambda text, **values: _filled(catalogue.ugettext(text), values) if values else fixed(text)

    def make_counted(templates: Templates) -> Callable[..., Markup]:
        catalogue = Translations.load(folder, [templates.language])

        def counted(one: str, many: str, number: int, **values: Any) -> Markup:
            return _filled(catalogue.ungettext(one, many, number), {"num": number, **values})

        return counted

    templates = templates_of(app)
    templates.makers.update(_=make_translated, ngettext=make_counted)
    templates.page = lambda: (html_lang(), request.script_root)


def _filled(text: str, values: Mapping[str, Any]) -> Markup:
    # Our own texts: what is put into them is escaped.
    return Markup(text) % values if values or "%" in text else Markup(text)  # noqa: S704


def _locale() -> Locale:
    """Return the user's locale; a page asks for each of its amounts and times."""
    known = kept()
    if "locale" not in known:
        known["locale"] = Locale.parse(html_lang())
    locale: Locale = known["locale"]
    return locale


def _moment(value: dt.datetime | dt.date | str | None) -> dt.datetime | dt.date | None:
    if type(value) is not dt.datetime and isinstance(value, str):
        try:
            value = dt.datetime.fromisoformat(value)
        except ValueError:
            return None
    if type(value) is dt.datetime and value.tzinfo is not None:
        return value.astimezone(_time_zone())
    return value


def _time_zone() -> ZoneInfo:
    """Return the time zone of the store that the user stands in; a page asks for each of its times."""
    known = kept()
    if "time_zone" not in known:
        user = found_user()
        known["time_zone"] = ZoneInfo(user.store.time_zone if user and user.store else "UTC")
    zone: ZoneInfo = known["time_zone"]
    return zone
