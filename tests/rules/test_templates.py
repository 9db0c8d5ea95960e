"""Rules of the templates: pages and fragments, nothing inline, a token in every form, nothing left over."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
TEMPLATES = ROOT / "templates"
ALL = sorted(TEMPLATES.rglob("*.html"))

_FORBIDDEN = {
    "an inline style": re.compile(r"\sstyle\s*=|<style\b", re.IGNORECASE),
    "an inline handler": re.compile(r"\son[a-z]+\s*=|\shx-on", re.IGNORECASE),
    "an inline script": re.compile(r"<script\b(?![^>]*\ssrc=)", re.IGNORECASE),
    "javascript: in an address": re.compile(r"javascript:", re.IGNORECASE),
    "markup that is not escaped": re.compile(r"\|\s*safe\b|autoescape\s+false", re.IGNORECASE),
}
_FORM = re.compile(r"<form\b.*?</form>", re.DOTALL | re.IGNORECASE)
_POSTS = re.compile(r'method="post"|hx-post=|section_form\(', re.IGNORECASE)
_TOKEN = re.compile(r"\btoken\(\)|\bhidden\(form\)|csrf_token")


def relative(path):
    return str(path.relative_to(TEMPLATES))


# Below /v0/ nobody is signed in and no script runs, so the description has no layout to share.
ALONE = {TEMPLATES / "base.html", TEMPLATES / "api" / "docs.html"}


def is_page(path):
    folder = path.parent.name
    return not path.name.startswith("_") and path not in ALONE and folder != "components"


@pytest.mark.parametrize("path", ALL, ids=relative)
def test_pages_stand_in_a_layout_and_fragments_do_not(path):
    extends = re.search(r"{%-?\s*extends\b", path.read_text(encoding="utf-8")) is not None
    assert extends == is_page(path)


@pytest.mark.parametrize("path", ALL, ids=relative)
def test_nothing_is_inline(path):
    text = path.read_text(encoding="utf-8")
    assert [what for what, pattern in _FORBIDDEN.items() if pattern.search(text)] == []


def test_no_title_names_a_customer():
    """Titles stay in the history of a shared tablet's browser, and among its closed tabs, after sign-out."""
    titles = re.compile(r'{% block title %}.*?{% endblock %}|data-title="[^"]*"', re.DOTALL)
    found = {relative(path): titles.findall(path.read_text(encoding="utf-8")) for path in ALL}
    assert sum(map(len, found.values())) > 60
    named = re.compile(r"customer\w*\.(?!display_id)\w")
    assert [path for path, several in found.items() if named.search(" ".join(several))] == []


@pytest.mark.parametrize("path", ALL, ids=relative)
def test_every_form_that_posts_carries_the_token(path):
    text = path.read_text(encoding="utf-8")
    assert text.count("<form") == text.count("</form>")
    assert [form for form in _FORM.findall(text) if _POSTS.search(form) and not _TOKEN.search(form)] == []


@pytest.mark.parametrize("path", ALL, ids=relative)
def test_only_forms_post(path):
    """A button that posts by itself would do nothing without JavaScript."""
    outside = _FORM.sub("", path.read_text(encoding="utf-8"))
    if path == TEMPLATES / "components/forms.html":
        outside = re.sub(r"{% macro section_form.*?endmacro %}", "", outside, flags=re.DOTALL)
    assert "hx-post" not in outside
    assert not re.search(r"hx-(put|patch|delete)=", outside)


_IMPORT = re.compile(r'{%-? from "[^"]+" import ([\w, ]+?) -?%}')


@pytest.mark.parametrize("path", ALL, ids=relative)
def test_what_is_imported_is_used(path):
    text = path.read_text(encoding="utf-8")
    names = [name.split()[-1] for found in _IMPORT.findall(text) for name in found.split(",")]
    rest = _IMPORT.sub("", text)
    assert [name for name in names if not re.search(rf"\b{name}\b", rest)] == []


def test_every_icon_that_is_named_is_there():
    sprite = (ROOT / "static/icons/sprite.svg").read_text(encoding="utf-8")
    text = "\n".join(path.read_text(encoding="utf-8") for path in ALL)
    named = set(re.findall(r'\bicon\("([\w-]+)"', text))
    assert sorted(named - set(re.findall(r'<symbol id="([^"]+)"', sprite))) == []


def test_every_class_and_icon_of_our_own_is_used():
    """A class counts as used where its name stands, or its first part before a `{{`."""
    sources = [*ALL, *(ROOT / "static/js").glob("*.js"), *(ROOT / "app").rglob("*.py")]
    text = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    words = set(re.findall(r"[\w-]+", text)) | {"htmx-request"}  # htmx sets it while it waits
    made = set(re.findall(r"([\w-]+-)\{\{", text))
    styles = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "static/css").glob("*.css"))
    selectors = re.sub(r"/\*.*?\*/|\{[^{}]*\}", " ", styles, flags=re.DOTALL)
    classes = {
        name for name in re.findall(r"\.([a-z][\w-]*)", selectors) if name[: name.rfind("-") + 1] not in made
    }
    sprite = (ROOT / "static/icons/sprite.svg").read_text(encoding="utf-8")
    icons = set(re.findall(r'<symbol id="([^"]+)"', sprite))
    assert sorted((classes | icons) - words) == []


@pytest.mark.parametrize("macro", ["avatar", "thumb"])
def test_every_size_that_is_asked_for_has_its_class(macro):
    """The class is put together, so that no search for its name finds where it is used."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in ALL)
    asked = set(re.findall(rf"\b{macro}\([^{{}}]*, \"(\w+)\"\)", text))
    styles = (ROOT / "static/css/components.css").read_text(encoding="utf-8")
    assert asked
    assert [size for size in asked if f".{macro}-{size} {{" not in styles] == []
