"""Rules of the languages: every text for people is marked, collected, translated and compiled."""

import ast
import io
import re
from pathlib import Path

import pytest
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from app.domain.texts import N_

ROOT = Path(__file__).parent.parent.parent
TRANSLATIONS = ROOT / "app/translations"
CATALOGUES = sorted(TRANSLATIONS.glob("*/LC_MESSAGES/messages.po"))
TEMPLATES = ROOT / "templates"

# What is said to programs and on the command line, and to customers in their own language.
_OTHERS = """
    domain/csv_rows domain/customer_words domain/events domain/order_kinds domain/order_shape domain/orders
    domain/personal_data domain/profile_lists domain/shapes services/erasures services/import_fields
    services/import_files services/import_reading services/import_rows services/imports services/orders
    services/profiles services/tokens
""".split()
# The description of the API, which is English itself.
_ENGLISH = {TEMPLATES / "api/docs.html"}
_MARKS = {"N_", "_", "gettext", "ngettext", "pgettext", "lazy_gettext"}
_SENTENCE = re.compile(r"[A-Z{].* .*[.?!…]", re.DOTALL)
_NOT_TEXT = re.compile(r"{#.*?#}|{%.*?%}|{{.*?}}|<[^>]*>", re.DOTALL)
_SAID_ASIDE = re.compile(r'\s(?:aria-label|alt|title|placeholder|data-announce)="([^"]*)"')


def language(path):
    return path.parent.parent.name


def read(path):
    with path.open("rb") as file:
        return read_po(file, locale=language(path))


@pytest.fixture(scope="module")
def collected():
    """Return the texts of the program, as `make translations` collects them."""
    with (TRANSLATIONS / "babel.cfg").open(encoding="utf-8") as file:
        methods, options = parse_mapping_cfg(file)
    keywords = DEFAULT_KEYWORDS | {"lazy_gettext": None}
    found = set()
    # Each folder by itself: the walk through everything would enter the environments too.
    for folder in ("app", "templates"):
        here = [(pattern.removeprefix(f"{folder}/"), method) for pattern, method in methods]
        settings = {pattern.removeprefix(f"{folder}/"): given for pattern, given in options.items()}
        for _file, _line, text, _comments, context in extract_from_dir(
            ROOT / folder, here, settings, keywords
        ):
            found.add((context, tuple(text) if isinstance(text, list) else text))
    return found


@pytest.mark.parametrize("path", CATALOGUES, ids=language)
def test_the_catalogue_holds_the_texts_of_the_program_and_no_others(path, collected):
    ids = {(entry.context, entry.id) for entry in read(path) if entry.id}
    assert ids == collected, "make translations"


@pytest.mark.parametrize("path", CATALOGUES, ids=language)
def test_every_text_is_translated_with_the_values_of_the_original(path):
    wrong = []
    for entry in read(path):
        originals = entry.id if isinstance(entry.id, tuple) else (entry.id,)
        translations = entry.string if isinstance(entry.string, tuple) else (entry.string,)
        if not entry.id:
            continue
        if entry.fuzzy or not all(translations):
            wrong.append(entry.id)
        # The singular may say "one" in words, and so need no number.
        values = set(re.findall(r"%\(\w+\)s", originals[-1]))
        said = [set(re.findall(r"%\(\w+\)s", text)) for text in translations[1:] or translations]
        if any(found != values for found in said):
            wrong.append(entry.id)
    assert wrong == []


@pytest.mark.parametrize("path", CATALOGUES, ids=language)
def test_what_the_program_reads_is_compiled_from_the_catalogue(path):
    compiled = io.BytesIO()
    write_mo(compiled, read(path))
    assert path.with_suffix(".mo").read_bytes() == compiled.getvalue(), "make translations"


def sentences(tree):
    """Return (line, text) of every sentence in the code that is neither marked nor a docstring."""
    aside = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr):
            aside.add(id(node.value))
        elif isinstance(node, ast.Call):
            name = getattr(node.func, "id", "")
            if name in _MARKS:
                aside.update(map(id, ast.walk(node)))
        elif isinstance(node, ast.Raise) and "ValueError" in ast.dump(node):
            # Said to whoever calls the function wrongly.
            aside.update(map(id, ast.walk(node)))
        elif isinstance(node, ast.JoinedStr):
            aside.update(id(part) for part in node.values)
    for node in ast.walk(tree):
        if id(node) in aside:
            continue
        if isinstance(node, ast.JoinedStr):
            text = "".join(
                str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = node.value
        else:
            continue
        if _SENTENCE.fullmatch(text):
            yield node.lineno, text


def test_every_sentence_in_the_code_is_marked():
    found = []
    for folder in ("domain", "queries", "services", "web"):
        for path in sorted((ROOT / "app" / folder).rglob("*.py")):
            name = f"{folder}/{path.stem}"
            if name not in _OTHERS:
                tree = ast.parse(path.read_text(encoding="utf-8"))
                found += [f"{name}:{line}: {text}" for line, text in sentences(tree)]
    assert found == []


def test_an_unmarked_sentence_is_found():
    code = 'refuse(f"Send at most {size} of them.", N_("Marked."), "Write it down.", _("Said."), "a code")'
    assert [text for _line, text in sentences(ast.parse(code))] == [
        "Send at most {} of them.",
        "Write it down.",
    ]
    assert N_("Marked.") == "Marked."


def test_no_template_holds_words_that_are_not_marked():
    found = {}
    for path in sorted(TEMPLATES.rglob("*.*")):
        text = path.read_text(encoding="utf-8")
        spoken = [re.sub(r"{{.*?}}|{%.*?%}", "", aside) for aside in _SAID_ASIDE.findall(text)]
        shown = re.sub(r'[\w-]+="[^"]*"', "", _NOT_TEXT.sub(" ", text)).replace(" novalidate ", " ")
        words = set(re.findall(r"(?<![\w-])[^\W\d_]{2,}", " ".join([shown, *spoken]))) - {"Clienteling"}
        if words and path not in _ENGLISH:
            found[str(path.relative_to(TEMPLATES))] = words
    assert found == {}
