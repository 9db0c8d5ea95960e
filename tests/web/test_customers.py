"""The pages of customers: list, search, profile, contact, conflict, history."""

import re
import uuid

from sqlalchemy import func, select

from app.models import AccessEntry, AuditEntry, Customer, CustomerStore
from app.services import search_index
from tests import factories

HTMX = {"HX-Request": "true"}


def fields(html):
    """The hidden fields of the page's own form."""
    return dict(re.findall(r'name="(revision|idempotency_key)"[^>]*value="([^"]+)"', html))


def contact(customer, **over):
    return {
        "first_name": customer.first_name,
        "last_name": customer.last_name,
        "email": customer.email,
        "phone_number": customer.phone_number,
        "country_code": customer.country_code,
    } | over


def test_the_list_shows_the_store_and_nobody_else(sign_in, cast):
    browser = sign_in(cast.ada)
    answer = browser.get("/customers?list=store")
    assert "Lefèvre" in answer.text
    assert "Southerly" not in answer.text
    assert "marie@mail.example" not in answer.text


def test_who_is_not_on_the_chosen_list_is_found_in_the_store(sign_in, cast, session):
    asked = factories.make_customer(session, stores=(cast.north,), first_name="Luc")
    mine = factories.make_customer(
        session, stores=(cast.north,), first_name="Zoe", created_by_id=cast.ada.id, created_at=factories.NOON
    )
    search_index.refresh(session, [asked.id, mine.id])
    session.commit()
    browser = sign_in(cast.ada)

    def search(**form):
        return browser.post("/customers/search", data={"list": "mine", **form}, headers=HTMX).text

    found = search(text="lefevre")
    assert "Zoe" in found
    assert "Luc" not in found
    assert 'name="wider" value="store"' in found
    found = search(text="lefevre", wider="store")
    assert "Luc" in found
    assert "wider" not in found
    # Nobody on the list: the store is searched at once, and the page says so.
    found = search(text="luc")
    assert "Not in this list; in your store: 1 customer" in found
    assert "wider" not in found
    assert "wider" not in search(text="nobody-at-all")
    assert (
        'name="wider" value="all"'
        in sign_in(cast.root).post("/customers/search", data={"list": "store", "text": "lefevre"}).text
    )


def test_whose_address_another_store_knows_is_not_created_twice(sign_in, cast):
    browser = sign_in(cast.ada)
    found = browser.post("/customers/search", data={"text": cast.stranger.email}, headers=HTMX).text
    assert 'data-announce="Nobody of your store, but known elsewhere"' in found
    assert "Add to my store" in found
    assert "/customers/new" not in found


def test_search_finds_without_accents_in_any_order_and_by_phone(sign_in, cast):
    browser = sign_in(cast.ada)
    for text in (
        "lefevre",
        "LEF mar",
        "0612345678",
        "+33 6 12 34 56 78",
        "5678",
        "rie@mail",
        cast.marie.display_id,
    ):
        answer = browser.post("/customers/search", data={"text": text, "list": "store"}, headers=HTMX)
        assert answer.status_code == 200, text
        assert f"/customers/{cast.marie.id}" in answer.text, text
        assert 'data-announce="1 customer"' in answer.text


def test_a_typo_still_finds(sign_in, cast):
    answer = sign_in(cast.ada).post(
        "/customers/search", data={"text": "lefevbre", "list": "store"}, headers=HTMX
    )
    assert f"/customers/{cast.marie.id}" in answer.text


def test_wildcards_are_ordinary_characters(sign_in, cast):
    browser = sign_in(cast.ada)
    for text in ("a%e", "l%e", "\\a", "*x", "m*e"):
        answer = browser.post("/customers/search", data={"text": text, "list": "store"}, headers=HTMX)
        assert 'data-announce="0 customers"' in answer.text, text


def test_nobody_found_offers_to_create(sign_in, cast):
    browser = sign_in(cast.ada)
    answer = browser.post("/customers/search", data={"text": "Zoë Li", "list": "store"}, headers=HTMX)
    assert "Create “Zoë Li”" in answer.text
    form = browser.post("/customers/new", data={"typed": "Zoë Li"})
    assert 'value="Zoë"' in form.text
    assert 'value="Li"' in form.text


def test_whom_a_filter_leaves_out_is_not_created_a_second_time(sign_in, cast):
    browser = sign_in(cast.ada)

    def search(**form):
        asked = {"text": "lefevre", "list": "store", "consent_state": "refused", "sort": "name", **form}
        return browser.post("/customers/search", data=asked)

    hidden = search().text
    assert 'data-announce="Nobody with these filters"' in hidden
    assert 'name="unfiltered"' in hidden
    assert "Create “" not in hidden
    cleared = search(unfiltered="1").text
    assert "Marie" in cleared
    assert "Create “lefevre”" in cleared
    assert 'name="unfiltered"' not in cleared
    # The order of the list is no filter, and stays.
    assert '<option value="name" selected>' in cleared
    assert '<option value="refused" selected>' not in cleared
    assert "1 customer, filtered" in search(consent_state="not_asked").text
    # An attribute without its value leaves nobody out.
    assert "filtered" not in search(consent_state="", attribute_name="shirt_fit").text
    assert "Nobody with these filters" in search(text="").text


def test_only_who_is_kept_to_stores_is_told_how_others_are_found(sign_in, cast):
    for associate, is_told in ((cast.ada, True), (cast.root, False)):
        answer = sign_in(associate).post("/customers/search", data={"text": "nobody-at-all", "list": "store"})
        assert ("Customers of other stores are found by" in answer.text) == is_told


def test_bad_input_of_the_search_is_refused_with_words(sign_in, cast):
    browser = sign_in(cast.ada)
    for data in (
        {"text": "x" * 201},
        {"text": "a\x00b"},
        {"list": "everybody"},
        {"sort": "password"},
        {"associate_id": "1 OR 1=1"},
        {"offset": "-1"},
        {"offset": "99999"},
        {"offset": "9" * 40},
        {"offset": "١٢"},
    ):
        answer = browser.post("/customers/search", data=data, headers=HTMX)
        assert answer.status_code == 422, data
        assert 'role="alert"' in answer.text


def test_a_whole_email_of_another_store_shows_a_masked_card_that_can_be_added(sign_in, cast, session):
    browser = sign_in(cast.ada)
    part = browser.post("/customers/search", data={"text": "canary", "list": "store"}, headers=HTMX)
    assert "Add to my store" not in part.text
    whole = browser.post(
        "/customers/search", data={"text": cast.stranger.email, "list": "store"}, headers=HTMX
    )
    assert "C••• S•••" in whole.text
    assert "Known at Store South" in whole.text
    assert "Southerly" not in whole.text
    url = f"/customers/{cast.stranger.id}/add-to-store"
    assert browser.post(url, data={"proof": "canary"}).status_code == 404
    assert browser.post(url, data={"proof": cast.stranger.email}).status_code == 303
    session.expire_all()
    assert session.get(CustomerStore, (cast.north.id, cast.stranger.id)).reason == "added"
    assert browser.get(f"/customers/{cast.stranger.id}").status_code == 200
    # A second tap, or a colleague's: it is done, and done once.
    assert browser.post(url, data={"proof": cast.stranger.email}).status_code == 303
    added = select(func.count()).where(AuditEntry.action == "customer.added_to_store")
    assert session.scalar(added) == 1


def test_the_profile_masks_contact_data_until_it_is_asked_for(sign_in, cast, session):
    browser = sign_in(cast.ada)
    page = browser.get(f"/customers/{cast.marie.id}")
    assert page.status_code == 200
    assert "marie@mail.example" not in page.text
    shown = browser.post(f"/customers/{cast.marie.id}/reveal", data={"field": "email"}, headers=HTMX)
    assert "marie@mail.example" in shown.text
    plain = browser.post(f"/customers/{cast.marie.id}/reveal", data={"field": "phone"})
    assert "+33 6 12 34 56 78" in plain.text
    actions = session.scalars(select(AccessEntry.action).order_by(AccessEntry.id)).all()
    assert actions == ["viewed", "revealed", "revealed"]


def test_a_stranger_from_another_store_is_not_found(sign_in, cast):
    browser = sign_in(cast.ada)
    unknown = browser.get(f"/customers/{uuid.uuid4()}")
    other = browser.get(f"/customers/{cast.stranger.id}")
    assert (unknown.status_code, other.status_code) == (404, 404)
    same = [
        re.sub(r'nonce="[^"]+"|[0-9a-f]{32}|value="[^"]+"|X-CSRFToken[^}]+', "", page.text)
        for page in (unknown, other)
    ]
    assert same[0] == same[1]


def test_creating_twice_with_one_key_creates_once(sign_in, cast, session):
    browser = sign_in(cast.ada)
    page = browser.get("/customers/new")
    data = {"first_name": "Zoë", "last_name": "Li", "email": "zoe@mail.example", **fields(page.text)}
    first = browser.post("/customers/new", data=data)
    second = browser.post("/customers/new", data=data)
    assert (first.status_code, second.status_code) == (303, 303)
    assert first.location == second.location
    assert session.scalar(select(func.count()).where(Customer.email_key == "zoe@mail.example")) == 1
    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "customer.created")).one()
    assert (entry.actor_name, entry.changes["first_name"]) == ("Ada Cast", [None, "Zoë"])


def test_a_taken_email_is_409_and_offers_who_has_it(sign_in, cast):
    browser = sign_in(cast.ada)
    data = {
        "first_name": "M",
        "last_name": "L",
        "email": "MARIE@mail.example",
        **fields(browser.get("/customers/new").text),
    }
    answer = browser.post("/customers/new", data=data)
    assert answer.status_code == 409
    assert "This customer is already here" in answer.text
    assert 'value="MARIE@mail.example"' in answer.text
    hidden = browser.post(
        "/customers/new", data=data | {"email": cast.stranger.email, "idempotency_key": "other"}
    )
    assert hidden.status_code == 409
    assert ("Southerly" in hidden.text, "Another store knows this customer" in hidden.text) == (False, True)
    assert f'form="customers-elsewhere" name="text" value="{cast.stranger.email}"' in hidden.text
    assert "Another store knows" not in answer.text


def test_bad_fields_come_back_with_reasons_and_what_was_typed(sign_in, cast):
    browser = sign_in(cast.ada)
    browser.get("/customers/new")
    answer = browser.post(
        "/customers/new",
        data={
            "first_name": "x" * 101,
            "email": "not an address",
            "phone_number": "call me",
            "country_code": "XX",
        },
    )
    assert answer.status_code == 422
    for reason in (
        "use at most 100 characters",
        "Enter an e-mail address",
        "Enter a phone number",
        "Choose a country",
    ):
        assert reason in answer.text
    assert 'value="not an address"' in answer.text


def test_edits_of_different_fields_are_merged(sign_in, cast, session):
    ada, ben = sign_in(cast.ada), sign_in(cast.ben)
    url = f"/customers/{cast.marie.id}/edit"
    seen = fields(ada.get(url).text)
    assert (
        ben.post(url, data=contact(cast.marie, last_name="Martin", **fields(ben.get(url).text))).status_code
        == 303
    )
    assert ada.post(url, data=contact(cast.marie, first_name="Marion", **seen)).status_code == 303
    session.expire_all()
    saved = session.get(Customer, cast.marie.id)
    assert (saved.first_name, saved.last_name, saved.revision) == ("Marion", "Martin", 3)


def test_edits_of_the_same_field_show_both_and_lose_nothing(sign_in, cast, session):
    ada, ben = sign_in(cast.ada), sign_in(cast.ben)
    url = f"/customers/{cast.marie.id}/edit"
    seen = fields(ada.get(url).text)
    ben.post(
        url, data=contact(cast.marie, last_name="Martin", country_code="BE", **fields(ben.get(url).text))
    )
    answer = ada.post(url, data=contact(cast.marie, first_name="Marion", last_name="Moreau", **seen))
    assert answer.status_code == 409
    assert "Martin" in answer.text
    assert "Moreau" in answer.text
    assert "Saved by Ben Cast" in answer.text
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', answer.text))
    hidden.pop("csrf_token", None)
    saved = ada.post(url, data=hidden | {"keep-last_name": "mine"})
    assert saved.status_code == 303
    session.expire_all()
    marie = session.get(Customer, cast.marie.id)
    assert (marie.first_name, marie.last_name, marie.country_code) == ("Marion", "Moreau", "BE")


def test_history_says_who_changed_what_and_restores(sign_in, cast, session):
    browser = sign_in(cast.ada)
    url = f"/customers/{cast.marie.id}/edit"
    browser.post(url, data=contact(cast.marie, last_name="Martin", **fields(browser.get(url).text)))
    page = browser.get(f"/customers/{cast.marie.id}/history")
    assert "Ada Cast" in page.text
    assert "Lefèvre" in page.text
    change = re.search(r'name="change_id" value="([^"]+)"', page.text)[1]
    assert browser.post(f"/customers/{cast.marie.id}/restore", data={"change_id": change}).status_code == 303
    session.expire_all()
    assert session.get(Customer, cast.marie.id).last_name == "Lefèvre"


def test_history_masks_contact_data(sign_in, cast):
    browser = sign_in(cast.ada)
    url = f"/customers/{cast.marie.id}/edit"
    changed = contact(cast.marie, email="moreau@mail.example", phone_number="+33 7 00 11 22 33")
    assert browser.post(url, data=changed | fields(browser.get(url).text)).status_code == 303
    page = browser.get(f"/customers/{cast.marie.id}/history").text
    assert "m•••@ma•••" in page
    for hidden in ("marie@mail.example", "moreau@mail.example", "07 00 11", "7 00 11", "12 34 56"):
        assert hidden not in page


def test_the_fragment_is_the_part_of_the_page(sign_in, cast):
    browser = sign_in(cast.ada)
    url = f"/customers/{cast.marie.id}/contact"
    whole, part = browser.get(url), browser.get(url, headers=HTMX)
    assert part.text.startswith("<section")
    assert "<html" not in part.text
    strip = re.compile(r'hx-nonce="[^"]+"|\s+')
    assert strip.sub("", part.text) in strip.sub("", whole.text)
    assert "HX-Request" in whole.headers["Vary"]
    assert whole.headers["Cache-Control"] == "no-store"


def test_an_auditor_sees_and_changes_nothing(sign_in, cast):
    browser = sign_in(cast.otto)
    assert "Edit" not in browser.get(f"/customers/{cast.marie.id}/contact", headers=HTMX).text
    assert browser.post(f"/customers/{cast.marie.id}/edit", data=contact(cast.marie)).status_code == 403
    assert browser.post(f"/customers/{cast.marie.id}/reveal", data={"field": "email"}).status_code == 403


def test_an_admin_sees_every_store(sign_in, cast):
    browser = sign_in(cast.root)
    answer = browser.get("/customers?list=all")
    assert "Southerly" in answer.text
    assert "Lefèvre" in answer.text


def test_orders_of_the_customer_open(sign_in, cast, session):
    document = '{"external_order_id":"WEB-77","totals":{"grand_total":123.45,"currency":"EUR"}}'
    order = factories.make_order(session, cast.marie, cast.north, document=document)
    browser = sign_in(cast.ada)
    assert browser.get(f"/customers/{cast.marie.id}/orders/{order.id}").status_code == 200
    assert browser.get(f"/customers/{cast.stranger.id}/orders/{order.id}").status_code == 404
    assert "123.45" in browser.get(f"/customers/{cast.marie.id}").text


def test_what_was_returned_is_said_by_its_name(sign_in, cast, session):
    document = (
        '{"ordered_products":[{"id":"a-1","name":"Linen shirt","variation_size_value":"M"}],'
        '"shipments":[{"returns":[{"items":[{"product_id":"a-1"},{"product_id":"unknown-2"}]}]}]}'
    )
    order = factories.make_order(session, cast.marie, cast.north, document=document)
    page = sign_in(cast.ada).get(f"/customers/{cast.marie.id}/orders/{order.id}", headers=HTMX).text
    assert page.startswith("<article")
    assert "<bdi>Linen shirt · M</bdi>" in page
    assert "a-1" not in page
    assert "unknown-2" in page


def test_who_only_looks_is_offered_nothing_that_would_be_refused(sign_in, cast):
    otto = sign_in(cast.otto)
    profile = f"/customers/{cast.marie.id}"
    pages = [otto.get("/customers"), otto.get(profile), otto.get(f"{profile}/history")]
    pages += [
        otto.post("/customers/search", data={"list": "store", "text": text})
        for text in ("nobody at all", "canary@south.example")
    ]
    assert [page.status_code for page in pages] == [200] * 5
    main = "".join(page.text.split("<main")[1] for page in pages)
    for act in ("/customers/new", "/reveal", "/edit", "/add-to-store", "/consents/new", ">Reveal"):
        assert act not in main
    assert f"{profile}/edit" in sign_in(cast.ada).get(profile).text
