"""Attribute definitions: what is accepted, what cannot change once customers have values."""

import pytest
from sqlalchemy import select

from app.db import transaction
from app.domain.actor import Actor
from app.domain.attribute_definitions import DefinitionInput
from app.domain.paging import PageRequest
from app.errors import Conflict, Forbidden, Invalid, Stale
from app.models import AuditEntry, ExtendedAttribute
from app.queries import attribute_definitions as queries
from app.services import attribute_definitions as definitions
from tests.factories import make_actor, make_associate, make_attribute, make_customer, make_definition

SYSTEM = Actor.system("test")


def given(**over):
    values = {
        "key": "shirt_fit",
        "label": "Shirt fit",
        "type": "choice",
        "choices": "slim\r\nregular\r\n\r\nrelaxed",
        "group": "Sizes",
        "position": "10",
        "is_in_list": True,
    }
    return DefinitionInput(**values | over)


def created(session, **over):
    with transaction(session):
        return definitions.create(session, SYSTEM, given(**over))


def test_a_definition_is_kept_and_noted(session):
    row = created(session)
    assert (row.key, row.type, row.choices, row.position, row.is_in_list) == (
        "shirt_fit",
        "choice",
        ["slim", "regular", "relaxed"],
        10,
        True,
    )
    assert session.scalars(select(AuditEntry.action)).all() == ["attribute_definition.created"]


def test_choices_of_a_type_without_choices_are_dropped(session):
    assert created(session, type="number").choices == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("key", ""),
        ("key", "Shirt"),
        ("key", "1st"),
        ("key", "a b"),
        ("key", "a" * 61),
        ("key", "\u0430bc"),
        ("label", ""),
        ("label", "x" * 101),
        ("type", "colour"),
        ("choices", "one"),
        ("choices", "a,b\nc"),
        ("choices", "Grün\ngrun"),
        ("choices", "\n".join(map(str, range(51)))),
        ("choices", "x" * 61 + "\ny"),
        ("group", "x" * 61),
        ("position", "-1"),
        ("position", "99999999999999999999"),
        ("position", "١٢"),
        ("label", "a\0b"),
        ("choices", "\ud800\nb"),
    ],
)
def test_bad_input_says_which_field(session, field, value):
    with pytest.raises(Invalid) as caught:
        definitions.create(session, SYSTEM, given(**{field: value}))
    assert list(caught.value.fields) == [field]


def test_a_sensitive_attribute_is_never_in_the_list(session):
    with pytest.raises(Invalid) as caught:
        definitions.create(session, SYSTEM, given(is_sensitive=True))
    assert list(caught.value.fields) == ["is_in_list"]


def test_a_taken_key_is_refused(session):
    created(session)
    with pytest.raises(Conflict) as caught:
        created(session, label="Another")
    assert list(caught.value.fields) == ["key"]


@pytest.mark.parametrize(("field", "value"), [("key", "fit"), ("type", "text")])
def test_key_and_type_change_only_while_nobody_has_a_value(session, field, value):
    row = make_definition(session)
    with transaction(session):
        definitions.update(session, SYSTEM, row.id, given(**{field: value}), revision=1)
    assert getattr(row, field) == value
    make_attribute(session, make_customer(session), row.key, "slim")
    with pytest.raises(Conflict) as caught, transaction(session):
        definitions.update(session, SYSTEM, row.id, given(label="Fit"), revision=2)
    assert list(caught.value.fields) == [field]


def test_the_label_changes_while_customers_have_values(session):
    row = make_definition(session)
    make_attribute(session, make_customer(session), "shirt_fit", "slim")
    with transaction(session):
        definitions.update(session, SYSTEM, row.id, given(label="Fit"), revision=1)
    assert (row.label, row.revision) == ("Fit", 2)
    with pytest.raises(Stale):
        definitions.update(session, SYSTEM, row.id, given(label="Cut"), revision=1)


def test_retiring_keeps_the_values_and_can_be_undone(session):
    row = make_definition(session)
    make_attribute(session, make_customer(session), "shirt_fit", "slim")
    with transaction(session):
        definitions.deactivate(session, SYSTEM, row.id, revision=1)
    assert row.is_active is False
    assert session.scalars(select(ExtendedAttribute.value)).all() == ["slim"]
    with transaction(session):
        definitions.reactivate(session, SYSTEM, row.id, revision=2)
    assert (row.is_active, row.revision) == (True, 3)


@pytest.mark.parametrize("role", ["associate", "manager", "auditor"])
def test_only_administrators_may(session, role):
    actor = make_actor(make_associate(session, role=role))
    row = make_definition(session)
    with pytest.raises(Forbidden):
        definitions.create(session, actor, given())
    with pytest.raises(Forbidden):
        definitions.update(session, actor, row.id, given(), revision=1)
    with pytest.raises(Forbidden):
        definitions.deactivate(session, actor, row.id, revision=1)
    with pytest.raises(Forbidden):
        queries.list_page(session, actor, "", PageRequest())


def test_the_list_finds_by_label_and_key(session):
    make_definition(session)
    make_definition(session, key="shoe_size", label="Schuhgröße", type="number", choices=[], position=5)
    found = lambda text: [row.key for row in queries.list_page(session, SYSTEM, text, PageRequest()).items]  # noqa: E731
    assert found("") == ["shoe_size", "shirt_fit"]
    assert found("SCHUH") == ["shoe_size"]
    assert found("%") == []
