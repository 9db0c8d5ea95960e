"""The addresses of the program's own pages, as templates ask for them."""

import uuid
from collections.abc import Callable
from typing import Any

from flask import Flask
from flask_wtf.csrf import generate_csrf
from markupsafe import Markup

from app.templates import templates_of
from app.web.kept import kept


def register(app: Flask) -> None:
    """Give the templates `url_for`; a profile asks it for fifty addresses."""
    app.jinja_env.globals.update(csrf_token=csrf_token)
    templates_of(app).makers["url_for"] = lambda _templates: _maker(app.url_for)


def csrf_token() -> Markup:
    """Return the request's token, which Flask-WTF signs once; to ask it again takes three look-ups."""
    known = kept()
    if "token_on_page" not in known:
        # What is signed for an address needs no escaping either.
        known["token_on_page"] = Markup(generate_csrf())  # noqa: S704
    token: Markup = known["token_on_page"]
    return token


_TEXTS_KEPT = 1024


def _maker(build: Callable[..., str]) -> Callable[..., str]:
    patterns: dict[tuple[str, ...], str] = {}
    texts: dict[int, str] = {}

    def url_for(endpoint: str, **values: Any) -> str:
        """Return the address of a view, as Flask's function of that name does.

        One whose values are all ids is built once, with others in their place: of an id nothing is
        ever escaped.
        """
        for name, value in values.items():
            if type(value) is not uuid.UUID:
                return build(endpoint, **values)
            # Most of a page's addresses name the same customer, and Python writes an id slowly.
            text = texts.get(value.int)
            if text is None:
                if len(texts) >= _TEXTS_KEPT:
                    texts.clear()
                text = texts[value.int] = str(value)
            values[name] = text
        key = (endpoint, *values)
        if key not in patterns:
            places = {name: uuid.uuid4() for name in values}
            pattern = build(endpoint, **places).replace("{", "{{").replace("}", "}}")
            for name, place in places.items():
                pattern = pattern.replace(str(place), f"{{{name}}}")
            patterns[key] = pattern
        return patterns[key].format(**values)

    return url_for
