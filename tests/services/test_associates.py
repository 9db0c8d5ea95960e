"""Associates' accounts: who may change them, what stays, what ends their sessions."""

import uuid
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from app.db import transaction
from app.domain.actor import Actor
from app.domain.associates import AssociateInput
from app.domain.permissions import Role
from app.errors import Conflict, Forbidden, Invalid, NotFound, Stale
from app.models import AuditEntry, SignInSession
from app.services import associates, sign_in
from tests.factories import make_actor, make_associate, make_store

PASSWORD = "four plain warm words"
SYSTEM = Actor.system("test")


def given(store=None, **over):
    values = {
        "email": "Zoe.Li@Shop.Example",
        "first_name": " Zoë ",
        "last_name": "Li",
        "store_ids": frozenset({store.id} if store else ()),
    }
    return AssociateInput(**values | over)


@pytest.fixture
def store(session):
    return make_store(session)


@pytest.fixture
def admin(session):
    return make_associate(session, role=Role.ADMIN.value)


def signed_in_count(session, associate):
    return session.scalar(
        select(func.count()).select_from(SignInSession).where(SignInSession.associate_id == associate.id)
    )


def sign_in_as(session, email, password):
    with transaction(session):
        attempt = sign_in.begin(session, email=email, source="192.0.2.1", secret="s" * 32)
        if not sign_in.is_right(attempt, password):
            return None
        return sign_in.succeed(session, attempt, request_id="r")


def new_associate(session, store, **over):
    with transaction(session):
        return associates.create(
            session, SYSTEM, given(store, **over), password_hash=sign_in.hash_password(PASSWORD)
        )


def test_a_created_associate_can_sign_in_and_stands_in_the_store(session, store):
    associate = new_associate(session, store)
    assert (associate.email, associate.first_name) == ("Zoe.Li@shop.example", "Zoë")
    token = sign_in_as(session, "zoe.li@shop.example", PASSWORD)
    found, _ = sign_in.authenticate(session, token, idle=timedelta(minutes=5), absolute=timedelta(minutes=5))
    assert [store.id for store in found.stores] == [store.id]
    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "associate.created")).one()
    assert entry.changes["role"] == [None, "associate"]
    assert PASSWORD not in str(entry.changes)


def test_only_administrators_manage_associates(session, store):
    manager = make_associate(session, role=Role.MANAGER.value, stores=(store,))
    actor = make_actor(manager, store)
    with pytest.raises(Forbidden):
        associates.create(session, actor, given(store))
    with pytest.raises(Forbidden):
        associates.set_password(session, actor, manager.id, sign_in.hash_password(PASSWORD), revision=1)


@pytest.mark.parametrize(
    ("over", "field"),
    [
        ({"email": "nobody"}, "email"),
        ({"email": "a\x00b@shop.example"}, "email"),
        ({"first_name": "", "last_name": "  "}, "first_name"),
        ({"last_name": "x" * 101}, "last_name"),
        ({"first_name": "\ud800"}, "first_name"),
        ({"role": "system"}, "role"),
        ({"role": "owner"}, "role"),
        ({"store_ids": frozenset()}, "store_ids"),
        ({"store_ids": frozenset({uuid.UUID(int=7)})}, "store_ids"),
    ],
)
def test_bad_input_is_refused_by_field(session, store, over, field):
    with pytest.raises(Invalid) as caught:
        associates.create(session, SYSTEM, given(store, **over))
    assert list(caught.value.fields) == [field]


def test_a_closed_store_takes_nobody_new(session):
    closed = make_store(session, is_active=False)
    with pytest.raises(Invalid):
        associates.create(session, SYSTEM, given(closed))


def test_a_taken_email_is_refused_without_regard_to_case(session, store):
    new_associate(session, store)
    with pytest.raises(Conflict) as caught:
        associates.create(session, SYSTEM, given(store, email="ZOE.LI@shop.example"))
    assert "email" in caught.value.fields


def test_an_older_revision_changes_nothing(session, store):
    associate = new_associate(session, store)
    with transaction(session):
        associates.update(session, SYSTEM, associate.id, given(store, last_name="Lind"), revision=1)
    with pytest.raises(Stale) as caught:
        associates.update(session, SYSTEM, associate.id, given(store, last_name="Late"), revision=1)
    assert caught.value.current_revision == 2
    with pytest.raises(NotFound):
        associates.update(session, SYSTEM, uuid.UUID(int=1), given(store), revision=1)


def test_stores_are_replaced_and_the_change_is_kept(session, store):
    associate = new_associate(session, store)
    other = make_store(session)
    with transaction(session):
        associates.update(session, SYSTEM, associate.id, given(other), revision=1)
    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "associate.updated")).one()
    assert entry.changes == {"stores": [[str(store.id)], [str(other.id)]]}
    session.refresh(associate, ["stores"])
    assert [store.id for store in associate.stores] == [other.id]


def test_another_role_a_new_password_and_deactivation_each_end_the_sessions(session, store):
    associate = new_associate(session, store)
    acts = [
        lambda: associates.update(session, SYSTEM, associate.id, given(store, role="manager"), revision=1),
        lambda: associates.set_password(
            session, SYSTEM, associate.id, sign_in.hash_password(PASSWORD + "!"), revision=2
        ),
        lambda: associates.deactivate(session, SYSTEM, associate.id, revision=3),
    ]
    for act, password in zip(acts, (PASSWORD, PASSWORD, PASSWORD + "!"), strict=True):
        assert sign_in_as(session, associate.email, password)
        assert signed_in_count(session, associate) == 1
        with transaction(session):
            act()
        assert signed_in_count(session, associate) == 0
    assert sign_in_as(session, associate.email, PASSWORD + "!") is None
    with transaction(session):
        associates.reactivate(session, SYSTEM, associate.id, revision=4)
    assert sign_in_as(session, associate.email, PASSWORD + "!")


def test_nobody_changes_their_own_role_or_account(session, admin):
    make_associate(session, role=Role.ADMIN.value)
    actor = make_actor(admin)
    own = given(email=admin.email, role="auditor", store_ids=frozenset({make_store(session).id}))
    with pytest.raises(Forbidden):
        associates.update(session, actor, admin.id, own, revision=1)
    with pytest.raises(Forbidden):
        associates.deactivate(session, actor, admin.id, revision=1)


def test_the_last_active_administrator_stays(session, store, admin):
    make_associate(session, role=Role.ADMIN.value, is_active=False)
    with pytest.raises(Conflict):
        associates.deactivate(session, SYSTEM, admin.id, revision=1)
    with pytest.raises(Conflict):
        associates.update(session, SYSTEM, admin.id, given(store, role="manager"), revision=1)
    second = make_associate(session, role=Role.ADMIN.value)
    with transaction(session):
        associates.deactivate(session, SYSTEM, admin.id, revision=1)
    with pytest.raises(Conflict):
        associates.deactivate(session, SYSTEM, second.id, revision=1)


def test_a_weak_password_is_refused():
    with pytest.raises(Invalid):
        sign_in.hash_password("password123")
