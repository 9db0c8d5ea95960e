"""Every route and method answers each kind of person as the access table says."""

import re
import uuid
from dataclasses import dataclass, replace

import pytest
from sqlalchemy import select
from werkzeug.routing import Map

from app import create_app
from app.config import Settings
from app.db import transaction
from app.domain.actor import Actor, Visibility
from app.domain.consent_reviews import Decision
from app.domain.consents import Action, Channel, Method, Purpose
from app.domain.customers import CustomerChanges
from app.models import (
    Address,
    ApiClient,
    ApiToken,
    Associate,
    AttributeDefinition,
    AuditEntry,
    ConsentAsk,
    ConsentWording,
    Customer,
    DataRequest,
    Delivery,
    Job,
    Order,
    Store,
)
from app.services import consent_reviews, consents, customers, search_index
from app.services.consent_reviews import Seen, Verdict
from app.web import health
from tests import factories
from tests.rules.access_table import PEOPLE, TABLE

_POST_FORM = re.compile(r'<form\b[^>]*method="post".*?</form>', re.DOTALL | re.IGNORECASE)


@dataclass(frozen=True)
class Things:
    """One of each, of Store North, made anew for each person."""

    store: Store
    customer: Customer
    address: Address
    order: Order
    definition: AttributeDefinition
    associate: Associate
    job: Job
    delivery: Delivery
    api_client: ApiClient
    access_token: str
    token_id: uuid.UUID
    change_id: uuid.UUID
    event_id: uuid.UUID
    review_id: uuid.UUID
    data_request: DataRequest
    wording: ConsentWording
    ask: ConsentAsk

    def argument(self, name):
        return {
            "address_id": self.address.id,
            "ask_id": self.ask.id,
            "api_client_id": self.api_client.id,
            "associate_id": self.associate.id,
            "customer_id": self.customer.id,
            "definition_id": self.definition.id,
            "event_id": self.event_id,
            "delivery_id": self.delivery.id,
            "filename": "js/app.js",
            "job_id": self.job.id,
            "request_id": self.data_request.id,
            "order_id": self.order.id,
            "review_id": self.review_id,
            "store_id": self.store.id,
            "table": "stores",
            "webhook_id": self.delivery.webhook_id,
            "token": "x" * 22,
            "wording_id": self.wording.id,
            "token_id": self.token_id,
        }[name]


def make_things(session, store):
    customer = factories.make_customer(
        session, stores=(store,), last_name="Canary", phone_number="0612345678"
    )
    with transaction(session):
        customers.update(
            session, Actor.system("test"), customer.id, CustomerChanges(first_name="Zoë"), revision=1
        )
    change_id = session.scalars(select(AuditEntry.id).where(AuditEntry.customer_id == customer.id)).one()
    # The log of lists may be written meanwhile, so this waits for its turn.
    session.commit()
    session.connection(execution_options={"writes": True})
    search_index.refresh(session, [customer.id])
    session.commit()
    event_id, review_id = make_review(session, customer, store)
    api_client = factories.make_api_client(session)
    access_token = factories.make_token(session, api_client)
    token_id = session.scalars(select(ApiToken.id).where(ApiToken.api_client_id == api_client.id)).one()
    return Things(
        store=store,
        customer=customer,
        address=factories.make_address(session, customer),
        order=factories.make_order(session, customer, store),
        definition=factories.make_definition(session, key=f"k{uuid.uuid4().hex[:12]}"),
        associate=factories.make_associate(session, stores=(store,)),
        job=factories.make_job(session, store_id=store.id),
        delivery=factories.make_delivery(session),
        api_client=api_client,
        access_token=access_token,
        token_id=token_id,
        change_id=change_id,
        event_id=event_id,
        review_id=review_id,
        data_request=factories.make_data_request(session, customer, store),
        wording=factories.make_wording(session, key=f"w{uuid.uuid4().hex[:12]}"),
        ask=factories.make_ask(session, customer, store),
    )


def make_review(session, customer, store):
    """An opt-in that waits for a review, and a decision on another."""
    system = Actor.system("test")
    with transaction(session):
        rows = [
            consents.record(
                session, system, customer.id, store_id=store.id, channel=channel,
                purpose=Purpose.CLIENTELING, action=Action.GIVEN, method=Method.SPOKEN,
            )
            for channel in (Channel.EMAIL, Channel.SMS)
        ]  # fmt: skip
        review = consent_reviews.decide(
            session, system, Seen(event_id=rows[1].event_id), Verdict(decision=Decision.SUFFICIENT)
        )
    session.refresh(customer)
    return rows[0].event_id, review.id


def routes(url_map: Map) -> set[str]:
    return {
        f"{method} {rule.rule}"
        for rule in url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }


def send(browser, line_name, things):
    method, rule = line_name.split(" ", 1)
    path = re.sub(r"<(?:\w+:)?(\w+)>", lambda found: str(things.argument(found[1])), rule)
    return browser.open(path, method=method, data=TABLE[line_name].form(things) if method != "GET" else None)


def test_the_table_names_every_route_and_no_other(app):
    assert routes(app.url_map) == set(TABLE)


@pytest.mark.parametrize("line_name", sorted(TABLE))
def test_each_person_gets_what_the_table_says(line_name, app, cast, session, sign_in):
    people = {
        "own": cast.ada,
        "other": cast.cleo,
        "manager": cast.mia,
        "admin": cast.root,
        "auditor": cast.otto,
    }
    found, leaks = {}, []
    for person in PEOPLE:
        things = make_things(session, cast.north)
        if person in {"anonymous", "token"}:
            browser = app.test_client()
            browser.get("/sign-in")
            if person == "token":
                browser.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {things.access_token}"
        else:
            browser = sign_in(people[person])
        response = send(browser, line_name, things)
        found[person] = response.status_code
        if person in {"anonymous", "token"} and response.status_code == 303:
            assert response.location.startswith("/sign-in")
        if response.status_code in {403, 404} and "Canary" in response.text:
            leaks.append(person)
        if response.status_code == 200 and response.mimetype == "text/html":
            for form in _POST_FORM.findall(response.text):
                assert 'name="csrf_token"' in form, form
        response.close()
    assert found == TABLE[line_name].expected()
    assert leaks == []


def test_company_wide_visibility_opens_what_is_another_stores(
    settings: Settings, cast, session, sign_in, app
):
    things = make_things(session, cast.north)
    for visibility, expected in ((Visibility.STORE, 404), (Visibility.COMPANY, 200)):
        app.extensions["settings"] = replace(settings, customer_visibility=visibility)
        browser = sign_in(cast.cleo)
        for line_name, line in TABLE.items():
            # A job belongs to whoever asked for it, not to a store.
            if line_name.startswith("GET /jobs/"):
                continue
            is_hidden = line.expected()["other"] == 404 != line.expected()["own"]
            if line_name.startswith("GET") and is_hidden:
                assert send(browser, line_name, things).status_code == expected, line_name


def test_a_form_without_its_token_changes_nothing(app, cast, session, sign_in):
    things = make_things(session, cast.north)
    # The links of customers carry a secret in their address, and a mail reader's button has no form.
    posts = [name for name in TABLE if re.match(r"POST /(?!v0/)(?!.*<token>)", name)]
    browser = sign_in(cast.root)
    browser.token = ""
    for line_name in posts:
        assert send(browser, line_name, things).status_code == 400, line_name


def test_ids_that_do_not_exist_are_not_found(cast, sign_in):
    browser = sign_in(cast.root)
    for line_name in TABLE:
        if line_name.startswith("GET") and "<uuid:" in line_name:
            path = re.sub(r"<uuid:\w+>", str(uuid.UUID(int=1)), line_name.removeprefix("GET "))
            assert browser.get(path).status_code == 404, line_name
            assert browser.get(path.replace(str(uuid.UUID(int=1)), "1%27--")).status_code == 404


def test_a_view_without_a_declaration_stops_the_start(settings, monkeypatch):
    monkeypatch.delattr(health.livez, "access")
    with pytest.raises(RuntimeError, match="does not declare its access"):
        create_app(settings)
