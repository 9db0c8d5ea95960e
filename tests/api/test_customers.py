"""Operations 1, 2, 3, 5, 6 and 7, from the samples of the v0 page, and what real clients depend on."""

import re
import uuid

import pytest
from sqlalchemy import func, select

from app.db import transaction
from app.domain.actor import Actor
from app.domain.consents import Action, Channel, Method, Purpose
from app.models import AccessEntry, Address, AuditEntry, Consent, ConsentEvent, Customer, CustomerStore
from app.services import consents, search_index
from tests import factories as make

CUSTOMERS = "/v0/d/consumer_profiles"
CUSTOMER_KEYS = [
    "id", "email", "first_name", "last_name", "phone_number", "country_code", "addresses",
    "extended_attributes", "created_by", "created_by_name", "store_id", "store_name", "created_at",
    "updated_at", "revision", "display_id",
]  # fmt: skip
ADDRESS_KEYS = {
    "type", "company", "first_name", "last_name", "address_1", "address_2", "zip_code", "city", "state",
    "country_code", "contact_phone", "id", "created_at", "updated_at", "profile_revision",
}  # fmt: skip
SHORT_KEYS = {
    "email", "id", "first_name", "last_name", "phone_number", "country_code", "created_by_name",
    "store_name", "created_at", "display_id",
}  # fmt: skip
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
SAMPLE = {
    "email": "jaydoubleyou@example.com",
    "first_name": "Jay",
    "last_name": "DoubleYou",
    "phone_number": "202-555-0182",
    "extended_attributes": [{"name": "shirt_fit", "value": "slim"}],
}


def refused(response, status, code):
    assert (response.status_code, response.get_json()["error_code"]) == (status, code), response.text
    return response.get_json()


def made(program, **over):
    response = program.post(CUSTOMERS, json=SAMPLE | over)
    assert response.status_code == 200, response.text
    return response.get_json()


def test_where_every_store_of_a_client_is_closed_nobody_new_is_kept(api, cast, session):
    program = api(stores=(cast.south,))
    cast.south.is_active = False
    session.commit()
    answer = program.post(CUSTOMERS, json=SAMPLE)
    assert (answer.status_code, answer.get_json()["error_code"]) == (409, "conflict")
    assert "No store of this client is open" in answer.get_json()["message"]


def test_the_sample_of_create(api, cast):
    customer = made(api(stores=(cast.south,), name="Web shop"))
    assert list(customer) == CUSTOMER_KEYS
    assert customer | {"id": 0, "created_at": 0, "updated_at": 0, "display_id": 0} == {
        "id": 0,
        "email": "jaydoubleyou@example.com",
        "first_name": "Jay",
        "last_name": "DoubleYou",
        "phone_number": "202-555-0182",
        "country_code": "",
        "addresses": [],
        "extended_attributes": [{"name": "shirt_fit", "value": "slim"}],
        "created_by": "",
        "created_by_name": "Web shop",
        "store_id": str(cast.south.id),
        "store_name": "Store South",
        "created_at": 0,
        "updated_at": 0,
        "revision": 1,
        "display_id": 0,
    }
    assert uuid.UUID(customer["id"])
    assert TIME.fullmatch(customer["created_at"])
    assert TIME.fullmatch(customer["updated_at"])
    assert re.fullmatch("[A-HJ-NP-Z2-9]{6}", customer["display_id"])


def test_create_keeps_both_addresses_at_revision_1(api, session):
    customer = made(
        api(),
        billing_address={"address_line_1": "137 W 67th St", "address_line_2": "4B", "country_code": "US"},
        shipping_address={"address_1": "1 rue de la Paix", "city": "Paris", "country_code": "FR"},
    )
    billing, shipping = customer["addresses"]
    assert set(billing) == ADDRESS_KEYS | {"revision"}
    assert (billing["type"], billing["address_1"], billing["address_2"]) == ("billing", "137 W 67th St", "4B")
    assert (shipping["type"], shipping["city"], shipping["zip_code"]) == ("shipping", "Paris", "")
    assert customer["revision"] == billing["profile_revision"] == billing["revision"] == 1
    assert session.scalar(select(func.count()).select_from(Address)) == 2


@pytest.mark.parametrize("shape", ["text", "value", "email"])
def test_the_email_is_text_or_an_object(api, shape):
    email = "Jay@Example.com" if shape == "text" else {shape: "Jay@Example.com"}
    assert made(api(), email=email)["email"] == "Jay@example.com"


def test_fields_that_are_unknown_or_not_the_clients_are_never_written(api, cast, session):
    program = api(stores=(cast.north,))
    forbidden = {
        "id": str(cast.marie.id),
        "revision": 41,
        "created_by": str(cast.ada.id),
        "created_by_name": "Somebody",
        "store_id": str(cast.south.id),
        "store_name": "Store South",
        "display_id": "AAAAAA",
        "created_at": "1999-01-01T00:00:00.000Z",
        "order_count": 7,
        "phone_e164": "+4911111111",
        "made_up": {"deep": [1]},
    }
    customer = made(program, **forbidden)
    assert {name: customer.get(name) == value for name, value in forbidden.items()} == dict.fromkeys(
        forbidden, False
    )
    assert (customer["revision"], customer["store_id"]) == (1, str(cast.north.id))
    changed = program.put(
        f"{CUSTOMERS}/{customer['id']}",
        json={**forbidden, "first_name": "J", "last_name": "D", "extended_attributes": [], "revision": 1},
    ).get_json()
    assert {n: changed[n] for n in ("id", "store_id", "display_id", "created_at", "created_by")} == {
        n: customer[n] for n in ("id", "store_id", "display_id", "created_at", "created_by")
    }
    row = session.get(Customer, uuid.UUID(customer["id"]))
    assert (row.order_count, row.phone_e164) == (0, None)


def test_a_client_of_all_stores_makes_a_customer_of_none(api, session):
    customer = made(api(), phone_number="+1 202-555-0182", country_code="US")
    assert (customer["store_id"], customer["store_name"], customer["country_code"]) == ("", "", "US")
    assert session.scalar(select(func.count()).select_from(CustomerStore)) == 0
    row = session.get(Customer, uuid.UUID(customer["id"]))
    assert (row.phone_e164, row.created_by_id) == ("+12025550182", None)


def test_who_a_client_made_has_its_name_and_no_associate(api, app, session, cast):
    program = api(name="Web shop")
    customer = made(program)
    order = {"external_order_id": "1", "billing_address": {"email": "new@mail.example"}}
    assert program.post("/v0/d/orders", json=order).status_code == 200
    found = program.get(f"{CUSTOMERS}?sort=created_by_name|desc").get_json()["items"]
    assert [(item["email"], item["created_by"], item["created_by_name"]) for item in found] == [
        ("new@mail.example", "", "Web shop"),
        (SAMPLE["email"], "", "Web shop"),
        ("canary@south.example", "", ""),
        ("marie@mail.example", "", ""),
    ]
    assert program.get(f"{CUSTOMERS}/{customer['id']}").get_json() == found[1]
    short = program.get(f"{CUSTOMERS}/simplified?sort=created_by_name|desc").get_json()["items"]
    assert [item["created_by_name"] for item in short] == ["Web shop", "Web shop", "", ""]


def test_a_phone_number_that_nobody_can_dial_is_kept_as_it_was_written(api):
    assert made(api(), phone_number="string")["phone_number"] == "string"


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"email"}),
        ({"email": None}, {"email"}),
        ({"email": {}}, {"email"}),
        ({"email": ""}, {"email"}),
        ({"email": "no address"}, {"email"}),
        ({"email": 7}, {"email"}),
        ({"email": ["a@example.com"]}, {"email"}),
        ({"email": {"value": 7}}, {"email"}),
        ({"email": "a" * 250 + "@example.com"}, {"email"}),
        ({**SAMPLE, "first_name": 7, "last_name": ["x"]}, {"first_name", "last_name"}),
        ({**SAMPLE, "first_name": "x" * 101}, {"first_name"}),
        ({**SAMPLE, "first_name": "a\u202eb"}, {"first_name"}),
        ({**SAMPLE, "first_name": "4111 1111 1111 1111"}, {"first_name"}),
        ({**SAMPLE, "phone_number": "4111-1111-1111-1111"}, {"phone_number"}),
        ({**SAMPLE, "shipping_address": {"company": "4111111111111111"}}, {"shipping_address.company"}),
        ({**SAMPLE, "phone_number": 2025550182}, {"phone_number"}),
        ({**SAMPLE, "country_code": "XX"}, {"country_code"}),
        ({**SAMPLE, "billing_address": "1 Main St"}, {"billing_address"}),
        ({**SAMPLE, "billing_address": {"city": 7}}, {"billing_address.city"}),
        ({**SAMPLE, "shipping_address": {"country_code": "XX"}}, {"shipping_address.country_code"}),
        ({**SAMPLE, "extended_attributes": {"shirt_fit": "slim"}}, {"extended_attributes"}),
        ({**SAMPLE, "extended_attributes": ["slim"]}, {"extended_attributes.0"}),
        ({**SAMPLE, "extended_attributes": [{"value": "slim"}]}, {"extended_attributes.0.name"}),
        ({**SAMPLE, "extended_attributes": [{"name": "fit", "value": 7}]}, {"extended_attributes.0.value"}),
        (
            {**SAMPLE, "extended_attributes": [{"name": "fit", "value": "a"}, {"name": "fit", "value": "b"}]},
            {"extended_attributes.1.name"},
        ),
        (
            {**SAMPLE, "extended_attributes": [{"name": f"n{n}", "value": "v"} for n in range(21)]},
            {"extended_attributes"},
        ),
    ],
)
def test_what_cannot_be_taken_says_which_field_and_why(api, session, body, fields):
    answer = refused(api().post(CUSTOMERS, json=body), 400, "bad_request")
    assert set(answer["fields"]) == fields
    assert all(reason for reasons in answer["fields"].values() for reason in reasons)
    assert session.scalar(select(func.count()).select_from(Customer)) == 0


def test_a_value_is_checked_against_its_definition(api, session):
    make.make_definition(session)
    answer = refused(
        api().post(
            CUSTOMERS, json=SAMPLE | {"extended_attributes": [{"name": "shirt_fit", "value": "wide"}]}
        ),
        400,
        "bad_request",
    )
    assert answer["fields"] == {"extended_attributes.shirt_fit": ["Choose one of: slim, regular, relaxed."]}


def test_a_taken_email_says_which_field_and_not_whose(api, cast):
    answer = refused(
        api(stores=(cast.north,)).post(CUSTOMERS, json=SAMPLE | {"email": "CANARY@south.example"}),
        409,
        "conflict",
    )
    assert set(answer) == {"error_code", "message", "request_id", "fields"}
    assert list(answer["fields"]) == ["email"]
    assert str(cast.stranger.id) not in str(answer)


def test_the_sample_of_get(api, cast, session):
    make.make_address(session, cast.marie)
    make.make_attribute(session, cast.marie, "shirt_fit", "slim")
    cast.marie.created_by_id = cast.ada.id
    session.commit()
    customer = api(stores=(cast.north,)).get(f"{CUSTOMERS}/{cast.marie.id}").get_json()
    assert list(customer) == CUSTOMER_KEYS
    assert set(customer["addresses"][0]) == ADDRESS_KEYS | {"revision"}
    assert customer["created_by"] == str(cast.ada.id)
    assert customer["created_by_name"] == "Cast, Ada"
    assert customer["created_at"] == "2026-05-04T12:00:00.000Z"
    entries = session.scalars(select(AccessEntry)).all()
    assert [(entry.action, entry.channel) for entry in entries] == [("viewed", "api")]


@pytest.mark.parametrize("path", ["", "/addresses/0190d3a4-7c1e-7b6a-9d2f-3f0f6a1c2b4d", "/orders"])
@pytest.mark.parametrize(
    "who", ["stranger", "nobody", "6932760230624376023466", "null", "%F0%9F%8E%81", "..%2f"]
)
def test_who_is_not_there_is_not_found(api, cast, who, path):
    customer_id = {"stranger": str(cast.stranger.id), "nobody": str(uuid.uuid4())}.get(who, who)
    response = api(stores=(cast.north,)).get(f"{CUSTOMERS}/{customer_id}{path}")
    code = "not_found" if who == "..%2f" else "customer_not_found"
    refused(response, 404, code)


def changes(**over):
    body = {"first_name": "Jo", "last_name": "Do", "extended_attributes": [], "revision": 1}
    return {name: value for name, value in (body | over).items() if value is not ...}


def test_update_replaces_the_attributes_as_one_revision(api, cast, session):
    program = api()
    customer = made(program, extended_attributes=[{"name": "a", "value": "1"}, {"name": "b", "value": "2"}])
    body = changes(
        email={"value": "jo@example.com"},
        phone_number="+1 202 555 0199",
        extended_attributes=[{"name": "b", "value": "3"}, {"name": "c", "value": "4"}],
    )
    response = program.put(f"{CUSTOMERS}/{customer['id']}", json=body)
    assert response.status_code == 200
    assert response.get_json() == customer | {
        "email": "jo@example.com",
        "first_name": "Jo",
        "last_name": "Do",
        "phone_number": "+1 202 555 0199",
        "extended_attributes": [{"name": "b", "value": "3"}, {"name": "c", "value": "4"}],
        "revision": 2,
        "updated_at": response.get_json()["updated_at"],
    }
    again = program.put(f"{CUSTOMERS}/{customer['id']}", json=body | {"revision": 2}).get_json()
    assert again == response.get_json()
    actions = session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)).all()
    assert sorted(actions) == ["attributes.updated", "customer.created", "customer.updated"]
    assert program.get(f"{CUSTOMERS}?q=jo@example.com").get_json()["pagination_info"]["total"] == 1


def test_values_from_before_their_definition_do_not_stop_an_update(api, session):
    program = api()
    customer = made(program, extended_attributes=[{"name": "shirt_fit", "value": "baggy"}])
    make.make_definition(session)
    session.commit()
    same = changes(first_name="Joan", extended_attributes=customer["extended_attributes"])
    answer = program.put(f"{CUSTOMERS}/{customer['id']}", json=same)
    assert (answer.status_code, answer.get_json()["first_name"]) == (200, "Joan")
    other = same | {"revision": 2, "extended_attributes": [{"name": "shirt_fit", "value": "tight"}]}
    assert program.put(f"{CUSTOMERS}/{customer['id']}", json=other).status_code == 400


def test_the_sample_of_update_with_an_empty_email_keeps_it(api):
    program = api()
    customer = made(program)
    for email in ({}, None, ...):
        body = changes(
            email=email, revision=program.get(f"{CUSTOMERS}/{customer['id']}").get_json()["revision"]
        )
        changed = program.put(f"{CUSTOMERS}/{customer['id']}", json=body).get_json()
        assert (changed["email"], changed["phone_number"]) == (SAMPLE["email"], SAMPLE["phone_number"])


def test_new_contact_data_of_somebody_opted_in_is_taken_and_has_to_be_confirmed_again(api, cast, session):
    yes = {"purpose": Purpose.CLIENTELING, "action": Action.GIVEN, "method": Method.SIGNATURE}
    shown = {"wording": "clienteling-1", "language": "fr", "store_id": cast.north.id}
    with transaction(session):
        for channel in (Channel.EMAIL, Channel.SMS):
            consents.record(session, Actor.system("test"), cast.marie.id, channel=channel, **yes, **shown)
    program = api()
    url = f"{CUSTOMERS}/{cast.marie.id}"
    known = program.get(url).get_json()
    given = known | {"email": "marie.new@example.com", "phone_number": "+1 202 555 0177"}
    changed = program.put(url, json=given)
    assert changed.status_code == 200, changed.text
    assert changed.get_json()["email"] == "marie.new@example.com"
    assert set(session.scalars(select(Consent.state))) == {"reconfirm"}
    found = session.scalars(select(ConsentEvent).where(ConsentEvent.action == "contact_changed")).all()
    assert {(event.channel, event.associate_id) for event in found} == {("email", None), ("sms", None)}


@pytest.mark.parametrize("revision", [0, 1, 3, 99, 2**31 - 1])
def test_a_revision_that_is_not_the_newest_is_a_conflict_and_nothing_is_merged(api, revision):
    program = api()
    customer = made(program)
    url = f"{CUSTOMERS}/{customer['id']}"
    assert program.put(url, json=changes()).get_json()["revision"] == 2
    answer = refused(
        program.put(url, json=changes(last_name="Dough", revision=revision)), 409, "conflict_version"
    )
    assert answer["current_revision"] == 2
    assert program.get(url).get_json()["last_name"] == "Do"


@pytest.mark.parametrize(
    ("over", "fields"),
    [
        ({"first_name": ...}, {"first_name"}),
        ({"last_name": None}, {"last_name"}),
        ({"extended_attributes": ...}, {"extended_attributes"}),
        ({"revision": ...}, {"revision"}),
        ({"revision": "1"}, {"revision"}),
        ({"revision": 1.5}, {"revision"}),
        ({"revision": -1}, {"revision"}),
        ({"revision": True}, {"revision"}),
        ({"revision": 2**31}, {"revision"}),
        ({"email": {"value": "nothing"}}, {"email"}),
        ({"extended_attributes": [{"name": "a\u0007", "value": "b"}]}, {"extended_attributes.0.name"}),
    ],
)
def test_update_asks_for_what_the_page_requires(api, over, fields):
    program = api()
    customer = made(program)
    answer = refused(program.put(f"{CUSTOMERS}/{customer['id']}", json=changes(**over)), 400, "bad_request")
    assert set(answer["fields"]) == fields
    assert program.get(f"{CUSTOMERS}/{customer['id']}").get_json() == customer


def test_an_email_taken_on_update_is_a_conflict(api, cast):
    program = api()
    customer = made(program)
    body = changes(email="canary@south.example")
    answer = refused(program.put(f"{CUSTOMERS}/{customer['id']}", json=body), 409, "conflict")
    assert list(answer["fields"]) == ["email"]
    assert program.get(f"{CUSTOMERS}/{customer['id']}").get_json() == customer


@pytest.mark.parametrize("path", ["", "/simplified"])
def test_the_sample_of_the_lists(api, cast, path):
    whole = api().get(f"{CUSTOMERS}{path}").get_json()
    assert set(whole) == {"items", "pagination_info"}
    assert whole["pagination_info"] == {"count": 2, "total": 2, "offset": 0}
    assert [set(item) for item in whole["items"]] == [set(CUSTOMER_KEYS) if not path else SHORT_KEYS] * 2
    assert {item["email"] for item in whole["items"]} == {"marie@mail.example", "canary@south.example"}
    limited = api(stores=(cast.north,)).get(f"{CUSTOMERS}{path}").get_json()
    assert [item["id"] for item in limited["items"]] == [str(cast.marie.id)]
    assert limited["pagination_info"]["total"] == 1


@pytest.fixture
def twelve(session):
    customers = [
        make.make_customer(session, email=f"n{number:02d}@mail.example", last_name=f"N{number:02d}")
        for number in range(12)
    ]
    search_index.refresh(session, [customer.id for customer in customers])
    session.commit()
    return customers


@pytest.mark.parametrize("path", ["", "/simplified"])
def test_a_client_that_pages_by_offset_and_count_sees_each_customer_once(api, twelve, path):
    program = api()
    seen, offset = [], 0
    while True:
        page = program.get(f"{CUSTOMERS}{path}?sort=last_name|asc&count=5&offset={offset}").get_json()
        info = page["pagination_info"]
        assert (info["count"], info["offset"], info["total"]) == (len(page["items"]), offset, 12)
        seen += [item["last_name"] for item in page["items"] if "last_name" in item]
        offset += info["count"]
        if offset >= info["total"]:
            break
    assert seen == [f"N{number:02d}" for number in range(12)]
    beyond = program.get(f"{CUSTOMERS}{path}?offset=10000").get_json()
    assert beyond == {"items": [], "pagination_info": {"count": 0, "total": 12, "offset": 10000}}


def test_ten_are_given_unless_asked_and_more_than_500_is_taken_as_500(api, twelve):
    program = api()
    assert program.get(CUSTOMERS).get_json()["pagination_info"]["count"] == 10
    for count in ("500", "501", "2000", "99999999999999999999", "0" * 22 + "500"):
        assert program.get(f"{CUSTOMERS}?count={count}").get_json()["pagination_info"]["count"] == 12


def test_zeros_before_a_number_do_not_count(api, twelve):
    page = api().get(f"{CUSTOMERS}?offset={'0' * 18}11&count={'0' * 22}5").get_json()
    assert (page["pagination_info"], len(page["items"])) == ({"count": 1, "total": 12, "offset": 11}, 1)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("count=0", "count"),
        ("count=-1", "count"),
        ("count=ten", "count"),
        ("count=1.5", "count"),
        ("count=", "count"),
        ("count=%D9%A1", "count"),
        ("offset=-1", "offset"),
        ("offset=x", "offset"),
        ("offset=10001", "offset"),
        ("offset=99999999999999999999", "offset"),
        ("offset=" + "1" + "0" * 5000, "offset"),
        ("count=" + "0" * 5000, "count"),
        ("sort=", "sort"),
        ("sort=email", "sort"),
        ("sort=email|up", "sort"),
        ("sort=revision|asc", "sort"),
        ("q=" + "x" * 201, "q"),
        ("q=a%07", "q"),
        ("filter[extended_attributes.name]=fit", "filter[extended_attributes.value]"),
        ("filter[extended_attributes.value]=slim", "filter[extended_attributes.name]"),
    ],
)
@pytest.mark.parametrize("path", ["", "/simplified"])
def test_a_bad_query_is_refused_by_name(api, path, query, field):
    answer = refused(api().get(f"{CUSTOMERS}{path}?{query}"), 400, "bad_request")
    assert list(answer["fields"]) == [field]


@pytest.mark.parametrize("path", ["", "/simplified"])
def test_q_sort_and_filters_reach_the_list(api, cast, session, path):
    make.make_attribute(session, cast.marie, "shirt_fit", "slim")
    cast.stranger.created_by_id = cast.cleo.id
    session.commit()
    program = api()

    def found(**query):
        answer = program.get(f"{CUSTOMERS}{path}", query_string=query).get_json()
        assert answer["pagination_info"]["total"] == len(answer["items"])
        return [item["email"] for item in answer["items"]]

    both = ["marie@mail.example", "canary@south.example"]
    assert found(q="LEFEVRE") == both[:1]
    assert found(q="5678") == both[:1]
    assert found(q="canary@south.example") == both[1:]
    assert found(sort="email|asc") == both[::-1]
    assert found(sort="store_name|desc") == both[::-1]
    assert found(**{"filter[created_by]": str(cast.cleo.id)}) == both[1:]
    attributes = "filter[extended_attributes.{}]".format
    assert found(**{attributes("name"): "shirt_fit", attributes("value"): "slim"}) == both[:1]
    assert found(**{attributes("name"): "shirt_fit", attributes("value"): "wide"}) == []


def test_who_stood_on_a_list_is_noted(api, app, cast, session):
    api().get(f"{CUSTOMERS}?q=marie")
    app.extensions["list_log"].flush()
    entry = session.scalars(select(AccessEntry)).one()
    assert (entry.action, entry.channel, list(entry.customer_ids)) == ("listed", "api", [cast.marie.id])
    assert "marie" not in entry.search_hash


def test_the_number_of_statements_does_not_grow_with_the_list(api, app, twelve):
    from sqlalchemy import event  # noqa: PLC0415

    program = api()
    program.get(CUSTOMERS)
    numbers = []
    for count in (1, 12):
        statements = []
        listener = lambda *parts, seen=statements: seen.append(parts[2])  # noqa: E731
        event.listen(app.extensions["engine"], "before_cursor_execute", listener)
        assert program.get(f"{CUSTOMERS}?count={count}").status_code == 200
        event.remove(app.extensions["engine"], "before_cursor_execute", listener)
        numbers.append(len(statements))
    assert numbers[0] == numbers[1]
