"""The rules look at the same application as the web tests, with one of each thing in it."""

import pytest

from tests.cast import Cast
from tests.rules.things import Things, World, make_world
from tests.web.conftest import app, application, client, quick_passwords, settings, sign_in

__all__ = ["app", "application", "client", "quick_passwords", "settings", "sign_in"]


@pytest.fixture
def world(database, session) -> World:
    return database.scene(session, make_world)


@pytest.fixture
def cast(world) -> Cast:
    return world.cast


@pytest.fixture
def things(world) -> Things:
    return world.things
