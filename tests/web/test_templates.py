"""Templates are compiled once a language, and called straight."""

import re
import uuid

import jinja2
import pytest
from flask import url_for

CARD = """\
{% macro card(text, class="a", end="!") %}
<{{ class }} {{ text }}{{ caller() if caller is defined }}{{ end }}>
{% endmacro %}
{{ card("<x>", class="b") }}
{% call card("y", end="?") %}{% for n in range(2) %}{{ loop.index }}{% endfor %}{% endcall %}
{{ dict(**{"for": 1})["for"] }}{{ _(*["Edit"]) }}
"""


@pytest.fixture
def render(app):
    """Render the template `page.html` of these texts in a language."""

    def rendered(language, sources):
        environment = app.jinja_env.for_page(language, "", loader=jinja2.DictLoader(sources))
        with app.test_request_context("/sign-in", headers={"Accept-Language": language}):
            return environment.get_template("page.html").render()

    return rendered


def test_each_language_has_fixed_texts_of_its_own(render):
    sources = {
        "page.html": '{% from "part.html" import part %}{{ part() }}, {{ _("Created %(day)s", day="<b>") }}',
        "part.html": (
            "{% macro part() %}"
            '{{ _("Edit") }}, {{ ngettext("%(num)s day", "%(num)s days", 2) }}{% endmacro %}'
        ),
    }
    assert render("en", sources) == "Edit, 2 days, Created &lt;b&gt;"
    assert render("de", sources) == "Bearbeiten, 2 days, Angelegt am &lt;b&gt;"


def test_macros_functions_and_blocks_are_called_with_all_they_take(render):
    assert render("en", {"page.html": CARD}).split() == ["<b", "&lt;x&gt;!>", "<a", "y12?>", "1Edit"]


def test_pages_get_the_blocks_of_their_layouts_and_what_they_include(render):
    sources = {
        "layout.html": "<{% block a %}1{% endblock %}{% block b %}2{{ self.a() }}{% endblock %}>",
        "page.html": (
            '{% extends "layout.html" %}never'
            "{% block b %}{{ super() }}{% for v in [3, 4] %}"
            "{% include 'part.html' %}{% endfor %}{% endblock %}"
        ),
        "part.html": '{{ v }}{% set d = {"x": ["&"]} %}{{ d.x[0] }}{{ d.y is defined }}',
    }
    assert render("en", sources) == "<1213&amp;False4&amp;False>"


def test_a_macro_knows_the_names_of_its_own_file(render):
    sources = {
        "page.html": '{% set end = "?" %}{% from "part.html" import part %}{{ part(_("Edit")) }}{{ end }}',
        "part.html": (
            '{% set end, icon = "<", "own" %}{% macro part(text) %}{% for n in [text, text] %}'
            "{{ n }}{{ loop.index0 }}{{ end }}{{ icon }}{{ none_such is defined }}{% endfor %}{% endmacro %}"
        ),
    }
    assert render("en", sources) == "Edit0&lt;ownFalseEdit1&lt;ownFalse?"


def test_what_is_not_there_is_an_error(render):
    with pytest.raises(jinja2.UndefinedError):
        render("en", {"page.html": "{{ {}.x.y }}"})
    with pytest.raises(TypeError):
        render("en", {"page.html": "{% macro one(a) %}{{ a }}{% endmacro %}{{ one(1, 2) }}"})
    for call in ("one(1, a=2)", "one(b=2)"):
        with pytest.raises(TypeError):
            render("en", {"page.html": f"{{% macro one(a) %}}{{{{ a }}}}{{% endmacro %}}{{{{ {call} }}}}"})
    with pytest.raises(jinja2.UndefinedError):
        render("en", {"page.html": "{% macro one(a) %}{{ a }}{% endmacro %}{{ one() }}"})


def test_pages_below_an_address_have_its_links(app, client):
    for root in ("", "/below", ""):
        page = client.get("/sign-in", environ_overrides={"SCRIPT_NAME": root}).text
        links = re.findall('(?:href|src|action)="([^"#]+)', page)
        assert len(links) > 5
        assert [link for link in links if not link.startswith((f"{root}/static/", f"{root}/sign-in"))] == []


def test_what_takes_the_context_gets_it(app, render):
    @jinja2.pass_context
    def own_name(context):
        return context.name

    app.jinja_env.globals["own_name"] = own_name
    assert render("en", {"page.html": "{{ own_name() }}"}) == "page.html"


@pytest.mark.parametrize(
    ("endpoint", "values"),
    [
        ("customers.index", {}),
        ("customers.show", {"customer_id": uuid.UUID(int=7)}),
        ("addresses.edit", {"address_id": uuid.UUID(int=1), "customer_id": uuid.UUID(int=2)}),
        ("customers.show", {"customer_id": uuid.UUID(int=3), "list": "a b&c"}),
        ("customers.index", {"associate": uuid.UUID(int=4)}),
        ("static", {"filename": "a b.css"}),
        ("own_phone.withdraw", {"token": "{x}/ä"}),
        ("customers.index", {"_external": True}),
    ],
)
@pytest.mark.parametrize("root", ["", "/a{0}"])
def test_addresses_are_those_of_flask(app, endpoint, values, root):
    with app.test_request_context("/sign-in", environ_overrides={"SCRIPT_NAME": root}):
        made = app.jinja_env.for_page("en", root).fixed["url_for"]
        assert made(endpoint, **values) == url_for(endpoint, **values)
        others = {name: uuid.uuid4() if type(value) is uuid.UUID else value for name, value in values.items()}
        assert made(endpoint, **others) == url_for(endpoint, **others)
