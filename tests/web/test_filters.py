"""How values look on pages."""

from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
import time_machine
from markupsafe import escape

from app.web import filters
from app.web.access import signed_in


@pytest.fixture
def speak(app):
    """Enter a request that is answered in a language."""

    @contextmanager
    def enter(language):
        with app.test_request_context("/sign-in", headers={"Accept-Language": language}):
            yield

    return enter


@pytest.mark.parametrize(
    ("minor", "currency", "english", "german"),
    [
        (123456, "EUR", "€1,234.56", "1.234,56\xa0€"),
        (123456, "JPY", "¥123,456", "123.456\xa0¥"),
        (1234567, "KWD", "KWD1,234.567", "1.234,567\xa0KWD"),
        (-1, "USD", "-$0.01", "-0,01\xa0$"),
    ],
)
def test_money_has_the_digits_of_its_currency(speak, minor, currency, english, german):
    with speak("en"):
        assert filters.money(minor, currency) == english
    with speak("de"):
        assert filters.money(minor, currency) == german


def test_amounts_are_exact_and_may_lack_a_currency(speak):
    with speak("en"):
        assert filters.amount(Decimal("9007199254740993.10"), "EUR") == "€9,007,199,254,740,993.10"
        assert filters.amount(Decimal("1.5"), None) == "1.5"
        assert filters.amount(None, "EUR") == ""


def test_days_and_countries_are_in_the_language(speak):
    with speak("de-AT, de;q=0.9"):
        assert filters.date(date(2026, 5, 4)) == "04.05.2026"
        assert filters.country_name("FR") == "Frankreich"
    with speak("en"):
        assert filters.date(date(2026, 5, 4)) == "May 4, 2026"
        assert filters.country_name("QQ") == "QQ"


def test_times_are_in_the_zone_of_the_store(app, cast, sign_in, monkeypatch):
    moment = datetime(2026, 5, 4, 23, 30, tzinfo=UTC)
    view = signed_in(lambda: filters.datetime(moment))
    monkeypatch.setitem(app.view_functions, "auth.password", view)
    assert sign_in(cast.ada).get("/password").text.startswith("May 5, 2026, 1:30:00")
    monkeypatch.setitem(app.view_functions, "auth.password", signed_in(lambda: filters.minute(moment)))
    assert sign_in(cast.ada).get("/password").text == "May 5, 2026, 1:30\u202fAM"


def test_the_address_of_an_order_is_written_as_in_its_country(speak):
    sent = {
        "title": "Dr.",
        "first_name": "Harper",
        "last_name": "Brown",
        "address_line_1": "9 Bleecker St",
        "address_line_2": None,
        "zip_code": "11201",
        "city": "Brooklyn",
        "state": "NY",
        "country_code": "us",
    }
    with speak("de"):
        lines = ["Dr. Harper Brown", "9 Bleecker St", "BROOKLYN, NY 11201", "VEREINIGTE STAATEN"]
        assert filters.order_address_lines(sent) == lines
        french = filters.order_address_lines(sent | {"country_code": "FR", "state": None})
        assert french[2:] == ["11201 BROOKLYN", "FRANKREICH"]
        # A country that nobody knows, or none: all that was sent is there.
        assert filters.order_address_lines(sent | {"country_code": "Moon"})[2:] == [
            "11201 Brooklyn",
            "NY",
            "Moon",
        ]
        assert filters.order_address_lines({"city": "Brooklyn"}) == ["Brooklyn"]


@pytest.mark.parametrize(
    ("delta", "words"), [(timedelta(days=3), "3 days ago"), (timedelta(hours=1), "1 hour ago")]
)
def test_ago_says_how_long(speak, delta, words):
    with speak("en"), time_machine.travel(datetime(2026, 5, 4, 12, tzinfo=UTC), tick=False):
        assert filters.ago(datetime(2026, 5, 4, 12, tzinfo=UTC) - delta) == words


@pytest.mark.parametrize(
    ("text", "query", "marked"),
    [
        ("Müller", "muller", "<mark>Müller</mark>"),
        ("Marie Lefèvre", "lef MAR", "<mark>Mar</mark>ie <mark>Lef</mark>èvre"),
        ("Straße", "strasse", "<mark>Straße</mark>"),
        ("O'Connor", "oconnor", "<mark>O&#39;Connor</mark>"),
        ("<b>Zoë</b>", "zoe", "&lt;b&gt;<mark>Zoë</mark>&lt;/b&gt;"),
        ("a&b", "", "a&amp;b"),
        ("Li", "xyz", "Li"),
    ],
)
def test_what_was_found_is_marked_and_everything_escaped(text, query, marked):
    assert escape(filters.highlight(text, query)) == marked


@pytest.mark.parametrize(
    ("name", "letters"),
    [("Marie Lefèvre", "ML"), ("Zoë", "Z"), ("", "?"), ("jean de Gaulle", "JG"), ("李 明", "李明")]
)  # fmt: skip
def test_initials(name, letters):
    assert filters.initials(name) == letters


def test_the_hue_is_one_of_eight_and_stays():
    hues = [filters.hue(number) for number in range(200)]
    assert set(hues) == set(range(8))
    assert hues == [filters.hue(number) for number in range(200)]


def test_only_pictures_of_this_site_are_shown():
    assert filters.picture("/static/products/coat.svg") == "/static/products/coat.svg"
    for image in (
        "https://evil.invalid/a.svg",
        "/static/../secret.svg",
        "//x/a.svg",
        "/static/a.svg\n",
        "/static/a.js",
    ):
        assert filters.picture(image) is None


def test_a_language_is_named_in_the_users_own(speak):
    for language, names in (
        ("en", ["German", "Portuguese (Brazil)"]),
        ("de", ["Deutsch", "Portugiesisch (Brasilien)"]),
    ):
        with speak(language):
            assert [filters.language_name(tag) for tag in ("de", "pt-BR")] == names


def test_an_email_address_goes_on_after_a_dot_or_before_its_at():
    assert filters.email_text("zoe.<b>@shop.example") == "zoe.<wbr>&lt;b&gt;<wbr>@shop.example"
