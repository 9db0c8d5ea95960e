"""One of each thing that a route names, for the tests that ask every route."""

import re
import uuid
from dataclasses import dataclass

from sqlalchemy import select

from app.db import transaction
from app.domain.actor import Actor
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
from tests import factories
from tests.cast import Cast, make_cast
from tests.rules.access_table import TABLE


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


@dataclass(frozen=True)
class World:
    """The people, and one of each thing of their Store North."""

    cast: Cast
    things: Things


def make_world(session):
    cast = make_cast(session)
    return World(cast=cast, things=make_things(session, cast.north))


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


def send(browser, line_name, things):
    method, rule = line_name.split(" ", 1)
    path = re.sub(r"<(?:\w+:)?(\w+)>", lambda found: str(things.argument(found[1])), rule)
    return browser.open(path, method=method, data=TABLE[line_name].form(things) if method != "GET" else None)
