"""The review of opt-ins and the dashboard, through the pages."""

import csv
import io
import re
import uuid
from datetime import timedelta

import pytest
from sqlalchemy import event, select

from app.db import transaction
from app.domain import clock
from app.domain.consents import Action, Channel, Method, Purpose, is_weak
from app.models import AccessEntry, AuditEntry, Consent, ConsentEvidence, ConsentReview
from app.queries import dashboards
from app.services import consents
from tests import factories

HTMX = {"HX-Request": "true"}


@pytest.fixture
def say(session, cast):
    actor = factories.make_actor(cast.ada, cast.north)

    def declare(customer=cast.marie, action=Action.GIVEN, method=Method.SPOKEN, actor=actor, **over):
        values = {
            "store_id": actor.store_id, "channel": Channel.EMAIL, "purpose": Purpose.CLIENTELING,
            "wording": "clienteling-1", "at": clock.utcnow() - timedelta(minutes=5),
        }  # fmt: skip
        with transaction(session):
            return consents.record(session, actor, customer.id, action=action, method=method, **values | over)

    return declare


@pytest.fixture
def crowd(session, cast, say):
    people = [
        factories.make_customer(session, stores=(cast.north,), first_name=f"Zoë{number}", last_name="Crowd")
        for number in range(3)
    ]
    return [say(person) for person in people]


def state_of(session, row):
    # What the pages wrote since is seen by a new transaction only.
    session.commit()
    session.refresh(row)
    return row.state


def test_the_evidence_is_on_the_same_screen(session, cast, say, sign_in):
    path = "M10,20 L30,40 C1.5,2 3,4 5,-6"
    proof = factories._save(
        session,
        ConsentEvidence(
            customer_id=cast.marie.id, kind="signature", content=path, sha256="0" * 64,
            created_at=factories.NOON,
        ),
    )  # fmt: skip
    row = say(method=Method.SIGNATURE, evidence_id=proof.id)
    mia = sign_in(cast.mia)
    page = mia.get(f"/reviews/{row.event_id}?group=new")
    assert page.status_code == 200
    for text in ("Marie Lefèvre", "Ada Cast", "Store North", "Signed on the tablet", "clienteling-1"):
        assert text in page.text
    assert f'<path d="{path}">' in page.text
    # The fingerprint does not fit what is kept: the page says so.
    assert "changed since" in page.text
    assert 'id="reviews-queue"' in page.text
    part = mia.get(f"/reviews/{row.event_id}?group=new", headers=HTMX)
    assert 'id="reviews-case"' in part.text
    assert 'id="reviews-queue"' not in part.text
    seen = session.scalars(select(AccessEntry).where(AccessEntry.actor_id == cast.mia.id)).all()
    assert {(entry.customer_id, entry.action) for entry in seen} >= {(cast.marie.id, "viewed")}


@pytest.mark.parametrize(("written", "shown"), [("german", "german"), ("de_CH", "de_CH"), ("de", "German")])
def test_a_language_as_a_file_wrote_it_is_shown(cast, say, sign_in, written, shown):
    row = say(language=written)
    page = sign_in(cast.mia).get(f"/reviews/{row.event_id}?group=new")
    assert page.status_code == 200
    assert f"clienteling-1</span> · {shown}</footer>" in page.text


def test_a_drawing_that_is_none_is_not_drawn(session, cast, say, sign_in):
    proof = factories._save(
        session,
        ConsentEvidence(
            customer_id=cast.marie.id, kind="signature", content='M1,1"/><script>alert(1)</script>',
            sha256="0" * 64, created_at=factories.NOON,
        ),
    )  # fmt: skip
    row = say(method=Method.SIGNATURE, evidence_id=proof.id)
    page = sign_in(cast.mia).get(f"/reviews/{row.event_id}")
    assert page.status_code == 200
    assert "<script>alert" not in page.text


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_a_decision_and_its_undo(session, cast, crowd, sign_in, headers):
    mia = sign_in(cast.mia)
    first = crowd[0]
    answer = mia.post(
        f"/reviews/{first.event_id}?group=weak",
        data={"decision": "reject", "reason": "customer", "seen": ""},
        headers=headers,
    )
    assert answer.status_code == (200 if headers else 303)
    assert state_of(session, first) == "withdrawn"
    review = session.scalars(select(ConsentReview)).one()
    page = answer.text if headers else mia.get(answer.location).text
    # On to the next one, with a way back.
    assert f'action="/reviews/undo/{review.id}' in page.replace("&amp;", "&")
    assert "Zoë1 Crowd" in page
    undone = mia.post(f"/reviews/undo/{review.id}?group=weak", headers=headers)
    assert undone.status_code == (200 if headers else 303)
    assert state_of(session, first) == "accepted"
    again = mia.post(f"/reviews/undo/{review.id}?group=weak", headers=headers)
    assert again.status_code == 409
    assert "undone already" in again.text


def test_a_decision_without_a_reason_keeps_what_was_typed(session, cast, crowd, sign_in):
    mia = sign_in(cast.mia)
    answer = mia.post(
        f"/reviews/{crowd[0].event_id}", data={"decision": "reject", "note": "She rang on Monday"}
    )
    assert answer.status_code == 422
    assert "Say why the evidence is not sufficient." in answer.text
    assert "She rang on Monday" in answer.text
    for data in ({}, {"decision": "given"}, {"decision": "accepted"}, {"decision": "restored"}):
        assert mia.post(f"/reviews/{crowd[0].event_id}", data=data).status_code == 422
    assert session.scalars(select(ConsentReview)).all() == []


@pytest.mark.once
def test_no_route_of_the_review_gives_consent(session, cast, say, sign_in):
    """Every route with everything that a form could send, on every state that is no opt-in."""
    mia = sign_in(cast.mia)
    rows = []
    for steps in (
        (Action.REQUESTED,),
        (Action.REFUSED,),
        (Action.GIVEN, Action.WITHDRAWN),
        (Action.REQUESTED, Action.EXPIRED),
        (Action.GIVEN, Action.CONTACT_CHANGED),
    ):
        person = factories.make_customer(session, stores=(cast.north,))
        for step, action in enumerate(steps):
            at = clock.utcnow() - timedelta(minutes=9 - step)
            row = say(person, action, Method.SIGNATURE, at=at)
        rows.append(row)
    words = ("sufficient", "ask_again", "reject", "undone", "restored", *(action.value for action in Action))
    for row in rows:
        event_id = row.event_id
        for word in words:
            form = {"decision": word, "reason": "old", "row": str(event_id), "seen": ""}
            reviews = session.scalars(select(ConsentReview).where(ConsentReview.event_id == event_id)).all()
            if reviews:
                newest = max(review.id for review in reviews)
                form |= {"seen": str(newest), "row": f"{event_id}.{newest}"}
            for path in (f"/reviews/{event_id}", "/reviews/bulk", "/reviews/selection"):
                mia.post(path, data=form)
                assert state_of(session, row) != "accepted"
        for review in session.scalars(select(ConsentReview)).all():
            mia.post(f"/reviews/undo/{review.id}")
            assert state_of(session, row) != "accepted"


def test_a_managers_own_capture_is_for_somebody_else(session, cast, say, sign_in):
    row = say(actor=factories.make_actor(cast.mia, cast.north))
    mia = sign_in(cast.mia)
    assert "somebody else reviews it" in mia.get(f"/reviews/{row.event_id}").text
    for path in (f"/reviews/{row.event_id}", "/reviews/bulk"):
        form = {"decision": "sufficient", "row": str(row.event_id)}
        assert mia.post(path, data=form).status_code == 403
    assert mia.post("/reviews/selection", data={"row": str(row.event_id)}).status_code == 403
    assert sign_in(cast.root).post(
        f"/reviews/{row.event_id}", data={"decision": "sufficient"}
    ).status_code == 303  # fmt: skip


def test_the_second_reviewer_sees_what_the_first_decided(session, cast, crowd, sign_in):
    mia, root = sign_in(cast.mia), sign_in(cast.root)
    path = f"/reviews/{crowd[0].event_id}"
    assert mia.post(path, data={"decision": "sufficient", "seen": ""}).status_code == 303
    second = root.post(path, data={"decision": "reject", "reason": "old", "seen": ""})
    assert second.status_code == 409
    assert "Somebody else decided on this meanwhile" in second.text
    assert "Evidence sufficient" in second.text
    assert state_of(session, crowd[0]) == "accepted"


def test_several_at_once(session, cast, crowd, sign_in):
    mia = sign_in(cast.mia)
    chosen = [str(row.event_id) for row in crowd]
    page = mia.post("/reviews/selection?group=weak", data={"row": chosen})
    assert page.status_code == 200
    assert re.findall(r'name="row" value="([^"]+)"', page.text) == chosen
    assert mia.post("/reviews/bulk", data={"row": chosen, "decision": "reject"}).status_code == 422
    done = mia.post("/reviews/bulk", data={"row": chosen, "decision": "ask_again", "reason": "wording"})
    assert done.status_code == 303
    assert {state_of(session, row) for row in crowd} == {"reconfirm"}
    page = mia.get(done.location)
    assert "3 opt-ins decided." in page.text
    bulk_id = session.scalars(select(ConsentReview.bulk_id)).first()
    assert mia.post(f"/reviews/undo/{bulk_id}").status_code == 303
    assert {state_of(session, row) for row in crowd} == {"accepted"}


def test_one_foreign_or_changed_row_refuses_all(session, cast, crowd, say, sign_in):
    cleo = factories.make_actor(cast.cleo, cast.south)
    foreign = say(cast.stranger, actor=cleo)
    imported = say(cast.marie, method=Method.IMPORT)
    mia = sign_in(cast.mia)
    good = [str(row.event_id) for row in crowd]
    for extra, status in (
        (str(foreign.event_id), 404),
        (str(uuid.UUID(int=1)), 404),
        ("no-id", 422),
        (good[0], 422),
        (str(imported.event_id), 422),
        (f"{good[0]}.{uuid.UUID(int=1)}", 422),
    ):
        form = {"row": [*good, extra], "decision": "reject", "reason": "old"}
        assert mia.post("/reviews/bulk", data=form).status_code == status, extra
    form = {"row": [good[0], f"{good[1]}.{uuid.UUID(int=1)}"], "decision": "reject", "reason": "old"}
    assert mia.post("/reviews/bulk", data=form).status_code == 409
    assert {state_of(session, row) for row in crowd} == {"accepted"}
    assert mia.post("/reviews/selection", data={}).status_code == 422
    assert mia.post("/reviews/bulk", data={"decision": "reject", "reason": "old"}).status_code == 422


def test_bad_addresses_are_refused_with_words(cast, crowd, sign_in):
    mia = sign_in(cast.mia)
    for query, status in (
        ("group=nothing", 422), ("offset=-1", 422), ("offset=99999999999999999999", 422), ("store=x", 404),
        (f"store={cast.south.id}", 404), ("done=x", 200), (f"done={uuid.UUID(int=1)}", 200),
        ("select=%22%3E", 200), ("store=all", 200),
    ):  # fmt: skip
        assert mia.get(f"/reviews?{query}").status_code == status, query
    for query, status in (
        ("weeks=3", 422),
        ("weeks=x", 422),
        ("store=x", 404),
        (f"store={cast.south.id}", 404),
    ):
        assert mia.get(f"/dashboard?{query}").status_code == status, query
    assert mia.get("/dashboard/nothing.csv").status_code == 404


def test_the_navigation_counts_what_waits(cast, crowd, sign_in):
    def badge(person):
        found = re.search(r'rail-badge">.*?</span>(\S+?)</span>', sign_in(person).get("/customers").text)
        return found and found[1]

    assert [badge(one) for one in (cast.mia, cast.root, cast.otto, cast.ada, cast.cleo)] == [
        "3", "3", "3", None, None,
    ]  # fmt: skip


def test_the_dashboard_counts_as_a_person_would(session, cast, crowd, say, sign_in):
    say(cast.marie, Action.REFUSED, Method.SIGNATURE)
    now = clock.utcnow()
    actor = factories.make_actor(cast.mia, cast.north)
    scope, stores = dashboards.scope(session, actor, None, weeks=4, now=now)
    assert [store.name for store in stores] == ["Store North"]
    figures = dashboards.opt_ins(session, scope)
    total = figures.total
    assert (total.customers, total.opted_in, total.accepted, total.weak) == (4, 3, 3, 3)
    assert (total.rate, total.weak_share) == (0.75, 1.0)
    assert [(one.label, one.yes, one.no, one.weak) for one in figures.associates] == [("Ada Cast", 3, 1, 3)]
    assert [count for _end, count in figures.ages] == [3, 0, 0, 0, 0]
    assert len(figures.weeks) == 4
    assert sum(tally.yes for _monday, tally in figures.weeks) == 3
    [channel] = figures.channels
    assert (channel.total, channel.rate) == (4, 0.75)


def test_weeks_follow_the_clock_of_the_store(session, cast, say):
    """Sunday 23:30 in New York is Monday in UTC, and stays in Sunday's week."""
    south = factories.make_store(session, time_zone="America/New_York")
    actor = factories.make_actor(factories.make_associate(session, stores=(south,)), south)
    person = factories.make_customer(session, stores=(south,))
    now = clock.utcnow()
    monday = (now - timedelta(days=now.weekday(), weeks=2)).replace(hour=3, minute=30)
    say(person, actor=actor, at=monday)
    root = factories.make_actor(cast.root)
    scope, _stores = dashboards.scope(session, root, south.id, weeks=13, now=now)
    [found] = [day for day, tally in dashboards.opt_ins(session, scope).weeks if tally.yes]
    assert found == (monday - timedelta(days=7)).date()


def test_the_weak_of_the_database_are_those_of_the_rule(session, cast, say):
    other = factories.make_customer(session, stores=(cast.north,))
    proof = factories._save(
        session,
        ConsentEvidence(
            customer_id=other.id, kind="paper", content="x", sha256="0" * 64, created_at=factories.NOON
        ),
    )
    expected = 0
    for method in Method:
        for wording in ("clienteling-1", ""):
            for evidence_id in (None, proof.id):
                say(other, method=method, wording=wording, evidence_id=evidence_id)
                expected += is_weak(method, has_wording=bool(wording), has_evidence=evidence_id is not None)
    scope, _stores = dashboards.scope(
        session, factories.make_actor(cast.mia, cast.north), None, weeks=4, now=clock.utcnow()
    )
    assert sum(tally.weak for _monday, tally in dashboards.opt_ins(session, scope).weeks) == expected


def test_a_download_is_safe_to_open_and_noted(session, cast, crowd, sign_in):
    factories._save(session, cast.north)
    cast.north.name = "=HYPERLINK(1)"
    session.commit()
    answer = sign_in(cast.mia).get("/dashboard/stores.csv?weeks=4")
    assert answer.status_code == 200
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="opt-ins-stores-')
    rows = list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"))))
    assert rows[1] == ["'=HYPERLINK(1)", "4", "3", "0.7500", "1.0000"]
    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "dashboard.exported")).one()
    assert (entry.actor_id, entry.subject_id) == (cast.mia.id, "stores")


def test_the_dashboard_does_not_call_the_whole_queue_what_the_navigation_calls_to_review(
    cast, crowd, sign_in
):
    # The queue also holds the old and the pending, which the badge of the navigation leaves out.
    page = sign_in(cast.mia).get("/dashboard").text
    assert "<dt>In the queue</dt>" in page
    assert "To review" not in page


@pytest.mark.parametrize("path", ["/reviews?group=weak", "/dashboard"])
def test_the_number_of_statements_does_not_grow(session, app, cast, crowd, say, sign_in, path):
    def count():
        found = []

        def hear(*arguments):
            found.append(arguments[2])

        event.listen(app.extensions["engine"], "before_cursor_execute", hear)
        assert mia.get(path).status_code == 200
        event.remove(app.extensions["engine"], "before_cursor_execute", hear)
        return len(found)

    mia = sign_in(cast.mia)
    few = count()
    for _ in range(8):
        say(factories.make_customer(session, stores=(cast.north,)))
    assert count() == few <= 16


def test_every_opt_in_is_reviewed_by_its_own_event(session, crowd):
    assert len({row.event_id for row in session.scalars(select(Consent))}) == 3
