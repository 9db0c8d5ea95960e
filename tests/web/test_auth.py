"""Signing in and out."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import argon2
import time_machine
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from app.db import transaction
from app.domain import clock
from app.models import Associate, AuditEntry, SignInSession, Store
from app.services import sign_in as sign_in_service
from tests.cast import PASSWORD


def post_sign_in(client, email, password=PASSWORD, **data):
    client.get("/sign-in")
    return client.post("/sign-in", data={"username": email, "password": password, **data})


def test_signing_in_opens_the_customers(client, cast):
    answer = post_sign_in(client, "ada@shop.example")
    assert (answer.status_code, answer.location) == (303, "/customers")
    assert client.get("/customers").status_code == 200


def test_a_cookie_is_read_by_the_keys_in_force(app, cast, sign_in, monkeypatch):
    browser, old = sign_in(cast.ada), app.config["SECRET_KEY"]
    found = []
    for keys in ([old], [], [old]):
        monkeypatch.setitem(app.config, "SECRET_KEY", "another key, as long as keys have to be")
        monkeypatch.setitem(app.config, "SECRET_KEY_FALLBACKS", keys)
        found.append(browser.get("/customers").status_code)
    assert found == [200, 303, 200]


def test_unknown_wrong_and_disabled_answer_alike(client, cast, session):
    cast.ben.is_active = False
    session.commit()
    answers = [
        post_sign_in(client, "ada@shop.example", "not the password"),
        post_sign_in(client, "nobody@shop.example"),
        post_sign_in(client, "ben@shop.example"),
    ]
    assert [answer.status_code for answer in answers] == [422, 422, 422]
    for answer in answers:
        assert "is not right. Check both" in answer.text


def test_the_sixth_try_is_refused_even_with_the_right_password(client, cast):
    for _ in range(5):
        assert post_sign_in(client, "ada@shop.example", "not the password").status_code == 422
    refused = post_sign_in(client, "ada@shop.example")
    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 900
    assert post_sign_in(client, "ben@shop.example").status_code == 303


def sign_out(client):
    client.get("/password")
    assert client.post("/sign-out").status_code == 303


def test_strangers_tries_keep_nobody_out_of_a_device_that_knows_them(app, client, cast, monkeypatch):
    assert post_sign_in(client, "Ada@shop.example").status_code == 303
    sign_out(client)
    stranger = app.test_client()
    monkeypatch.setattr(sign_in_service, "MAX_SOURCE_FAILURES", 7)
    for email in ["ada@shop.example"] * 5 + ["ben@shop.example"] * 2:
        assert post_sign_in(stranger, email, "not the password").status_code == 422
    # The account is closed to devices that do not know it, the address to all that know nobody.
    assert [post_sign_in(stranger, f"{one}@shop.example").status_code for one in ("ada", "mia")] == [429] * 2
    assert post_sign_in(client, "ben@shop.example").status_code == 429
    assert post_sign_in(client, " ada@shop.example").status_code == 303
    sign_out(client)
    found = [post_sign_in(client, "ada@shop.example", "not the password").status_code for _ in range(6)]
    assert found == [422] * 5 + [429]


def test_a_forged_cookie_of_a_device_is_as_good_as_none(client, cast):
    client.set_cookie("device", "A" * 22 + "." + "0" * 16)
    found = [post_sign_in(client, "ada@shop.example", "not the password").status_code for _ in range(5)]
    client.set_cookie("device", "B" * 22 + "." + "0" * 16)
    assert [*found, post_sign_in(client, "ada@shop.example").status_code] == [422] * 5 + [429]


def looks(monkeypatch, meanwhile):
    """Do something while a password is looked at; the list that is returned grows with each look."""
    looked = []

    class Hasher(argon2.PasswordHasher):
        def verify(self, stored, password):
            looked.append(stored)
            meanwhile()
            return super().verify(stored, password)

    quick = Hasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(sign_in_service, "_hasher", quick)
    return looked


def test_parallel_tries_cannot_pass_the_limit(app, cast, monkeypatch):
    """All of them are counted before the first password is looked at."""
    tries = 12
    together = threading.Barrier(tries, timeout=20)
    looked = looks(monkeypatch, lambda: None)

    def attempt(_number):
        client = app.test_client()
        client.get("/sign-in")
        together.wait()
        return client.post(
            "/sign-in", data={"username": "ada@shop.example", "password": "not it"}
        ).status_code

    with ThreadPoolExecutor(tries) as pool:
        statuses = sorted(pool.map(attempt, range(tries)))
    assert statuses == [422] * 5 + [429] * 7
    assert len(looked) == 5


def test_a_password_is_looked_at_while_no_transaction_is_open(app, client, cast, engine, monkeypatch):
    """Looking takes long on purpose; meanwhile others write."""

    def write():
        with Session(engine) as other, transaction(other):
            other.execute(update(Store).values(name=Store.name))

    looked = looks(monkeypatch, write)
    assert post_sign_in(client, "ada@shop.example").status_code == 303
    client.get("/password")
    changed = client.post("/password", data={"old_password": PASSWORD, "password": "four calm green hills"})
    assert changed.status_code == 303
    assert len(looked) == 2


def test_a_password_that_was_replaced_while_it_was_looked_at_opens_nothing(
    client, cast, session, monkeypatch
):
    def replaced(stored, password):
        session.execute(update(Associate).values(password_hash="another"))
        session.commit()
        return True

    monkeypatch.setattr(sign_in_service, "_verify", replaced)
    assert post_sign_in(client, "ada@shop.example").status_code == 422
    assert session.scalar(select(func.count()).select_from(SignInSession)) == 0


def test_guessing_the_own_password_is_limited_too(client, cast):
    post_sign_in(client, "ada@shop.example")
    client.get("/password")
    answers = [
        client.post(
            "/password", data={"old_password": f"wrong {number}", "password": "four calm green hills"}
        )
        for number in range(6)
    ]
    assert [answer.status_code for answer in answers] == [422] * 5 + [429]


def test_throttling_ends_after_a_quarter_of_an_hour(client, cast):
    for _ in range(5):
        post_sign_in(client, "ada@shop.example", "not the password")
    with time_machine.travel(clock.utcnow() + timedelta(minutes=16), tick=False):
        assert post_sign_in(client, "ada@shop.example").status_code == 303


def test_a_copied_cookie_is_dead_after_sign_out(app, client, cast):
    post_sign_in(client, "ada@shop.example")
    client.get("/customers")
    copied = client.get_cookie("session").value
    assert client.post("/sign-out").status_code == 303
    thief = app.test_client()
    thief.set_cookie("session", copied)
    answer = thief.get("/customers")
    assert (answer.status_code, answer.location.split("?")[0]) == (303, "/sign-in")


def test_a_password_of_an_unknown_address_takes_as_long_to_check():
    usual = argon2.extract_parameters(argon2.PasswordHasher().hash("a"))
    assert argon2.extract_parameters(sign_in_service._DUMMY_HASH) == usual


def test_signing_out_everywhere_ends_all_own_sessions_and_nobody_elses(cast, sign_in):
    tablet, phone, ben = sign_in(cast.ada), sign_in(cast.ada), sign_in(cast.ben)
    assert tablet.post("/sign-out-everywhere").location == "/sign-in"
    assert [browser.get("/customers").status_code for browser in (tablet, phone, ben)] == [303, 303, 200]


def test_sessions_that_can_never_open_again_are_not_kept(client, cast, session):
    post_sign_in(client, "ben@shop.example")
    with time_machine.travel(clock.utcnow() + timedelta(hours=25), tick=False):
        post_sign_in(client, "ada@shop.example")
    assert session.scalars(select(SignInSession.associate_id)).all() == [cast.ada.id]


def test_the_csrf_token_and_the_cookie_change_at_sign_in(client, cast):
    client.get("/sign-in")
    token, cookie = client.token, client.get_cookie("session").value
    post_sign_in(client, "ada@shop.example")
    client.get("/customers")
    assert client.token != token
    assert client.get_cookie("session").value != cookie


def test_an_idle_session_ends(client, cast):
    post_sign_in(client, "ada@shop.example")
    with time_machine.travel(clock.utcnow() + timedelta(minutes=31), tick=False):
        assert client.get("/customers").status_code == 303


def test_searching_alone_keeps_the_session_open(client, cast):
    start = clock.utcnow()
    post_sign_in(client, "ada@shop.example")
    client.get("/customers")
    for minutes in (20, 40, 60):
        with time_machine.travel(start + timedelta(minutes=minutes), tick=False):
            assert client.post("/customers/search", data={"text": "marie"}).status_code == 200


def test_who_works_stays_signed_in_however_short_the_idle_time():
    start = clock.utcnow()
    with time_machine.travel(start + timedelta(seconds=20), tick=False):
        assert sign_in_service.is_due(start, timedelta(minutes=1))
        assert not sign_in_service.is_due(start, timedelta(minutes=30))


def test_a_session_ends_after_its_longest_time_however_busy(client, cast):
    start = clock.utcnow()
    post_sign_in(client, "ada@shop.example")
    for minutes in range(20, 12 * 60, 20):
        with time_machine.travel(start + timedelta(minutes=minutes), tick=False):
            assert client.get("/customers").status_code == 200
    with time_machine.travel(start + timedelta(hours=12, minutes=5), tick=False):
        assert client.get("/customers").status_code == 303


def test_a_deactivated_associate_is_out_at_the_next_request(client, cast, session):
    post_sign_in(client, "ada@shop.example")
    cast.ada.is_active = False
    session.commit()
    assert client.get("/customers").status_code == 303


def test_next_goes_only_to_paths_of_this_site(client, cast):
    for target in (
        "https://evil.invalid/",
        "//evil.invalid",
        "/\\evil.invalid",
        "/a\nb",
        "javascript:alert(1)",
    ):
        answer = post_sign_in(client, "ada@shop.example", next=target)
        assert answer.location == "/customers"
        client.get("/customers")
        client.post("/sign-out")
    assert post_sign_in(client, "ada@shop.example", next="/password").location == "/password"


def test_without_a_csrf_token_nothing_happens(app, cast, session):
    bare = app.test_client()
    bare.open = super(type(bare), bare).open
    answer = bare.post("/sign-in", data={"username": "ada@shop.example", "password": PASSWORD})
    assert answer.status_code == 400
    assert session.scalar(select(func.count()).select_from(SignInSession)) == 0


def test_changing_the_password_ends_the_other_sessions(app, client, cast, sign_in):
    other = sign_in(cast.ada)
    post_sign_in(client, "ada@shop.example")
    client.get("/password")
    answer = client.post("/password", data={"old_password": PASSWORD, "password": "four calm green hills"})
    assert answer.status_code == 303
    assert client.get("/customers").status_code == 200
    assert other.get("/customers").status_code == 303


def test_a_weak_new_password_is_refused_with_a_reason(client, cast):
    post_sign_in(client, "ada@shop.example")
    client.get("/password")
    answer = client.post("/password", data={"old_password": PASSWORD, "password": "password1"})
    assert answer.status_code == 422
    assert "too easy to guess" in answer.text


def test_the_audit_log_knows_who_came_and_that_somebody_was_refused(client, cast, session):
    post_sign_in(client, "ada@shop.example", "not the password")
    post_sign_in(client, "ada@shop.example")
    found = session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
    assert [entry.action for entry in found] == ["sign_in.refused", "sign_in.succeeded"]
    assert "ada@shop.example" not in repr([vars(entry) for entry in found])


def test_too_many_failures_everywhere_keep_out_whoever_knows_no_device(client, cast, monkeypatch):
    monkeypatch.setattr(sign_in_service, "MAX_FAILURES", 3)
    for name in ("a", "b", "c"):
        assert post_sign_in(client, f"{name}@shop.example", "not the password").status_code == 422
    assert post_sign_in(client, "ada@shop.example").status_code == 429
