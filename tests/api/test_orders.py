"""Operations 12 and c: orders go in and come out key by key, amounts as they were written."""

import json
import uuid
from pathlib import Path

import pytest
import simplejson
from sqlalchemy import func, select

from app.models import AuditEntry, Customer, CustomerStore, Event, Order
from tests.api.test_customers import CUSTOMERS, refused

DATA = Path(__file__).parent.parent / "data"
WHOLE = (DATA / "order_v0.json").read_text()
ORDERS = "/v0/d/orders"
TOP_LEVEL = [
    "order_uuid", "order_id", "external_order_id", "customer_uuid", "external_customer_id", "created_at",
    "created_by_label", "taxation", "status_label", "status_description", "shipping_address",
    "billing_address", "payments", "totals", "shipments", "value_added_services", "ordered_products",
    "channel", "channel_type", "extended_attributes",
]  # fmt: skip


def exact(text):
    """Read JSON so that 1.50 and 1.5 differ."""
    return json.loads(text, parse_float=lambda digits: ("number", digits))


def put(program, text):
    text = text if isinstance(text, str) else json.dumps(text)
    return program.post(ORDERS, data=text, headers={"Content-Type": "application/json"})


def small(number="WEB-1", **over):
    return {
        "external_order_id": number,
        "created_at": "2026-05-01T10:00:00.000Z",
        "billing_address": {"email": "marie@mail.example", "first_name": "Marie"},
        **over,
    }


def test_every_key_of_the_page_comes_back_as_it_was_written(api, cast):
    program = api()
    answer = put(program, WHOLE)
    assert answer.status_code == 200, answer.text
    assert exact(answer.text) == exact(WHOLE)
    owner = program.get(f"{CUSTOMERS}?q=lukasz.wisniewski@example.com").get_json()["items"][0]
    page = exact(program.get(f"{CUSTOMERS}/{owner['id']}/orders").text)
    assert page == {"count": 1, "total": 1, "offset": 0, "items": [exact(WHOLE)]}
    assert list(page["items"][0]) == TOP_LEVEL


def test_the_sample_of_the_page_has_exactly_our_keys(api, cast):
    """The page's own sample, with placeholders replaced by values that can be."""
    sample = json.loads((DATA / "order_v0_page.json").read_text())

    def keys(value):
        if isinstance(value, dict):
            return {key: keys(part) for key, part in value.items()}
        return [keys(value[0])] if isinstance(value, list) and value else None

    answer = json.loads(put(api(), WHOLE).text)
    ours, theirs = keys(answer), keys(sample["items"][0] if "items" in sample else sample)
    for options in (ours["value_added_services"][0], theirs["value_added_services"][0]):
        options["options"] = None
    assert ours == theirs


def test_what_the_source_did_not_have_is_null_or_an_empty_list(api, cast):
    program = api()
    put(program, small(totals={"grand_total": 12.5, "currency": "EUR"}))
    order = program.get(f"{CUSTOMERS}/{cast.marie.id}/orders").get_json()["items"][0]
    assert list(order) == TOP_LEVEL
    assert {name for name, value in order.items() if value == []} == {
        "payments", "shipments", "value_added_services", "ordered_products", "extended_attributes",
    }  # fmt: skip
    assert order["shipping_address"] is None
    assert order["totals"]["taxes"] is None


@pytest.mark.parametrize("amount", ["0.1", "19.90", "-5.00", "123456789012.123456789", "1E+2", "0"])
def test_an_amount_never_goes_through_a_float(api, cast, amount):
    text = (
        '{"external_order_id": "A", "billing_address": {"email": "marie@mail.example"},'
        f' "ordered_products": [{{"price": {{"net": {amount}}}}}]}}'
    )
    program = api()
    assert put(program, text).status_code == 200
    listed = program.get(f"{CUSTOMERS}/{cast.marie.id}/orders").text
    net = simplejson.loads(listed, use_decimal=True)["items"][0]["ordered_products"][0]["price"]["net"]
    assert str(net) == amount


def test_the_same_order_again_is_the_same_and_another_content_replaces_it(api, cast, session):
    program = api()
    first = put(program, small())
    again = put(program, small())
    assert (first.status_code, again.status_code, first.text) == (200, 200, again.text)
    changed = put(program, small(status_label="Shipped"))
    assert changed.get_json()["status_label"] == "Shipped"
    assert session.scalar(select(func.count()).select_from(Order)) == 1
    assert program.get(f"{CUSTOMERS}/{cast.marie.id}/orders").get_json()["total"] == 1


def test_the_customer_is_found_by_id_or_email_or_made(api, cast, session):
    program = api(stores=(cast.north,))
    put(program, small("BY-EMAIL", billing_address={"email": "MARIE@mail.example"}))
    put(
        program,
        small("BY-ID", billing_address={"email": "else@mail.example"}, customer_uuid=str(cast.marie.id)),
    )
    assert program.get(f"{CUSTOMERS}/{cast.marie.id}/orders").get_json()["total"] == 2
    put(program, small("NEW", billing_address={"email": "new@mail.example", "first_name": "Nia"}))
    made = program.get(f"{CUSTOMERS}?q=new@mail.example").get_json()["items"][0]
    assert (made["first_name"], made["store_name"], made["revision"]) == ("Nia", "Store North", 1)
    assert program.get(f"{CUSTOMERS}/{made['id']}/orders").get_json()["total"] == 1


def test_an_id_opens_no_customer_of_another_store(api, cast, session):
    """Nor does it tell that there is one: the answers are those to an id of nobody."""
    program = api(stores=(cast.north,))
    for identity in (cast.stranger.id, uuid.uuid4()):
        order = small(billing_address={}, customer_uuid=str(identity))
        assert list(refused(put(program, order), 400, "bad_request")["fields"]) == ["billing_address.email"]
        own = small(str(identity), customer_uuid=str(identity))
        assert put(program, own).status_code == 200
    assert set(session.scalars(select(Order.customer_id))) == {cast.marie.id}
    refused(program.get(f"{CUSTOMERS}/{cast.stranger.id}"), 404, "customer_not_found")


def test_who_buys_in_a_store_is_known_there_by_the_email_and_the_link_is_in_the_log(api, cast, session):
    program = api(stores=(cast.north,), name="Till")
    put(program, small(billing_address={"email": cast.stranger.email}))
    assert program.get(f"{CUSTOMERS}/{cast.stranger.id}").status_code == 200
    link = session.get(CustomerStore, (cast.north.id, cast.stranger.id))
    assert link.reason == "ordered"
    told = select(AuditEntry.action, AuditEntry.store_id, AuditEntry.actor_name)
    entries = session.execute(told.where(AuditEntry.customer_id == cast.stranger.id)).all()
    assert entries == [("order.recorded", cast.north.id, "Till")]


def test_who_orders_in_another_store_is_known_there_and_receivers_are_told(api, cast, session):
    program = api()
    for number in ("A", "B"):
        assert put(program, small(number, channel="Store South")).status_code == 200
    known = select(CustomerStore.store_id).where(CustomerStore.customer_id == cast.marie.id)
    assert set(session.scalars(known)) == {cast.north.id, cast.south.id}
    told = session.execute(select(Event.kind, Event.customer_id, Event.store_id, Event.data)).all()
    assert [row[:3] for row in told] == [("customer.updated", cast.marie.id, cast.south.id)]
    assert (told[0].data["changed"], told[0].data["profile_revision"]) == (["stores"], 1)


def test_a_client_of_all_stores_needs_to_name_none(api, session):
    program = api(scopes=("orders:write",))
    assert put(program, small(channel="web-de")).status_code == 200
    customer = session.scalars(select(Customer)).one()
    assert (customer.email, customer.store_id) == ("marie@mail.example", None)
    assert session.scalar(select(func.count()).select_from(CustomerStore)) == 0


def test_a_client_of_some_stores_puts_in_orders_of_them_only(api, cast, session):
    one, two = api(stores=(cast.north,)), api(stores=(cast.north, cast.south))
    refused(put(one, small(channel="Store South")), 403, "forbidden")
    assert put(one, small(channel="web")).status_code == 200
    assert list(refused(put(two, small("X", channel="web")), 400, "bad_request")["fields"]) == ["channel"]
    assert put(two, small("SOUTH", channel="Store South")).status_code == 200
    answer = refused(put(one, small("SOUTH", channel="Store North")), 409, "conflict")
    assert list(answer["fields"]) == ["external_order_id"]
    stores = session.execute(select(Order.external_order_id, Order.store_id))
    assert dict(stores.all()) == {"WEB-1": cast.north.id, "SOUTH": cast.south.id}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "external_order_id"),
        ({"external_order_id": " "}, "external_order_id"),
        ({"external_order_id": 7}, "external_order_id"),
        (
            {"external_order_id": "X" * 101, "billing_address": {"email": "a@mail.example"}},
            "external_order_id",
        ),
        ({"external_order_id": "X"}, "billing_address.email"),
        (small("T-nl\n"), "external_order_id"),
        (small("T-\u202e"), "external_order_id"),
        (small(created_at="yesterday"), "created_at"),
        (small(payments={}), "payments"),
        (small(totals={"grand_total": "12"}), "totals.grand_total"),
        (small(totals={"grand_total": 2**53 - 1, "currency": "KWD"}), "totals.grand_total"),
        (small(shipments=[{"items": [{"quantity": 1.5}]}]), "shipments.0.items.0.quantity"),
        (small(ordered_products=[{"quantity": 2**31}]), "ordered_products.0.quantity"),
        (small(shipments=[{"items": [{"quantity": 10**6}] * 999}] * 2), "shipments"),
    ],
)
def test_what_cannot_be_taken_says_where(api, session, body, field):
    assert list(refused(put(api(), body), 400, "bad_request")["fields"]) == [field]
    assert session.scalar(select(func.count()).select_from(Order)) == 0


def test_of_a_card_number_the_last_four_digits_are_kept(api, cast, session):
    answer = put(api(), small(payments=[{"credit_card_number": "4242 4242 4242 4242"}]))
    assert answer.get_json()["payments"][0]["credit_card_number"] == "4242"
    assert "4242 4242" not in session.scalars(select(Order.document)).one()


def test_a_card_number_in_a_text_does_not_hinder_the_order_and_its_customer(api, cast, session):
    words = {"email": "new@mail.example", "first_name": "4111 1111 1111 1111"}
    answer = put(api(), small(billing_address=words, status_description="4111111111111111")).get_json()
    masked = "************1111"
    assert answer["status_description"] == answer["billing_address"]["first_name"] == masked
    session.rollback()
    assert "4111" not in session.scalars(select(Order.document)).one()
    made = select(Customer.first_name).where(Customer.email == "new@mail.example")
    assert session.scalars(made).one() == masked


def test_orders_are_paged_newest_first(api, cast):
    program = api()
    for number in range(12):
        put(program, small(f"N-{number:02d}", created_at=f"2026-05-{number + 1:02d}T10:00:00.000Z"))
    url = f"{CUSTOMERS}/{cast.marie.id}/orders"
    page = program.get(url).get_json()
    assert (page["count"], page["total"], page["offset"]) == (10, 12, 0)
    assert page["items"][0]["external_order_id"] == "N-11"
    rest = program.get(f"{url}?offset=10&count=2000").get_json()
    assert (rest["count"], rest["total"], rest["offset"]) == (2, 12, 10)
    assert [item["external_order_id"] for item in rest["items"]] == ["N-01", "N-00"]
    for query in ("count=0", "count=x", "offset=-1", "offset=10001"):
        refused(program.get(f"{url}?{query}"), 400, "bad_request")
    refused(program.get(f"{CUSTOMERS}/{uuid.uuid4()}/orders"), 404, "customer_not_found")
