"""The API under test: the same application as the pages, asked with a token."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from app.domain.permissions import Scope
from app.models import Store
from tests import factories
from tests.web.conftest import app, application, cast, own_app, quick_passwords, settings

__all__ = ["app", "application", "cast", "own_app", "quick_passwords", "settings"]


class Program(FlaskClient):
    """A program that sends its token with each request, as `Authorization: Bearer`."""

    access_token = ""

    def open(self, *args: Any, **kwargs: Any) -> Any:
        if self.access_token:
            kwargs["headers"] = {
                "Authorization": f"Bearer {self.access_token}",
                **dict(kwargs.get("headers") or {}),
            }
        return super().open(*args, **kwargs)


@pytest.fixture
def anonymous(app: Flask) -> Program:
    """A program without a token."""
    return Program(app, app.response_class)


@pytest.fixture
def api(app: Flask, session: Session) -> Callable[..., Program]:
    """Make a program with a token: `api()`, `api(scopes={Scope.PROFILE_READ}, stores=(cast.north,))`.

    Without scopes it has all, without stores it works for all.
    """

    def make(
        scopes: Iterable[str] = tuple(Scope), stores: tuple[Store, ...] | None = None, **over: Any
    ) -> Program:
        program = Program(app, app.response_class)
        client = factories.make_api_client(session, scopes=scopes, stores=stores, **over)
        program.access_token = factories.make_token(session, client)
        return program

    return make
