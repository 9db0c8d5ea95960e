"""A customer of whom everything is held, in words that stand nowhere else."""

import json

from sqlalchemy import func, select

from app.db import transaction
from app.domain import personal_data
from app.domain.actor import Actor
from app.domain.audit import AccessAction
from app.domain.consents import Action, Channel, EvidenceKind, Method, Purpose
from app.domain.customers import CustomerChanges, CustomerInput
from app.models import Base, Customer
from app.queries import personal_rows
from app.services import (
    consent_capture,
    consent_evidence,
    consents,
    customers,
    data_requests,
    idempotency,
    orders,
)
from tests import factories

# Each is looked for as it is, in capitals, in small letters and folded.
WORDS = (
    "Žofiewyx", "Qvarnström-Zzyx", "zofie.qvarn@wyxmail.example", "Wyxgatan 77b", "Hällby-wyx", "75wyx",
    "Wyx Holding AB", "0612987654", "33612987654", "paleozoic wyxwool", "monogram ZQW-wyx", "wyx-coupon-9",
    "Wyxette", "Wyxphone 7", "Z. Wyxsigned", "M417 93L418 94L421 95L427 91L431 88L436 91L439 93L441 97",
)  # fmt: skip


def with_everything(session, cast) -> Customer:
    """Make the customer through the services, so that every table that can holds something of them."""
    mia = factories.make_actor(cast.mia, cast.north)
    factories.make_definition(session, key="fabric", label="Fabric", type="text", choices=[])
    with transaction(session):
        customer_id = idempotency.once(
            session, mia, "customers.create", "key-1", {"email": WORDS[2]},
            lambda: customers.create(
                session, mia,
                CustomerInput(
                    email=WORDS[2], first_name="Wyxette", last_name=WORDS[1], phone_number="06 12 98 76 54",
                    country_code="FR",
                ),
                store_id=cast.north.id,
            ).id,
        )  # fmt: skip
    with transaction(session):
        customers.update(session, mia, customer_id, CustomerChanges(first_name=WORDS[0]), revision=1)
        customers.look_at(session, mia, customer_id, AccessAction.REVEALED)
    customer = session.get_one(Customer, customer_id)
    factories.make_address(
        session, customer, address_1=WORDS[3], city=WORDS[4], company=WORDS[6], zip_code=WORDS[5],
        contact_phone="0612987654",
    )  # fmt: skip
    factories.make_attribute(session, customer, "fabric", WORDS[9])
    for action in (Action.GIVEN, Action.WITHDRAWN):
        with transaction(session):
            consents.record(
                session, mia, customer_id, store_id=cast.north.id, channel=Channel.EMAIL,
                purpose=Purpose.CLIENTELING, action=action, method=Method.SPOKEN, source="Wyxette said so",
            )  # fmt: skip
    factories.make_wording(session)
    by_sms = [(Channel.SMS, Purpose.CLIENTELING)]
    with transaction(session):
        asked, _token = consent_capture.send_link(session, mia, customer_id, language="fr", choices=by_sms)
        consent_capture.answer(session, asked, by_sms, device=WORDS[13], double_opt_in=True)
    for channel, kind, content in (
        (Channel.PHONE, EvidenceKind.TYPED_NAME, WORDS[14]),
        (Channel.WHATSAPP, EvidenceKind.SIGNATURE, WORDS[15]),
    ):
        with transaction(session):
            consents.record(
                session, mia, customer_id, store_id=cast.north.id, channel=channel,
                purpose=Purpose.CLIENTELING, action=Action.GIVEN, method=Method.SIGNATURE,
                evidence_id=consent_evidence.add(session, customer_id, kind, content).id,
            )  # fmt: skip
    with transaction(session):
        consent_capture.send_link(session, mia, customer_id, language="fr", choices=by_sms)
    address = {
        "first_name": WORDS[0], "last_name": WORDS[1], "address_line_1": WORDS[3], "city": WORDS[4],
        "zip_code": "75002", "country_code": "FR", "phone": "0612987654",
    }  # fmt: skip
    document = {
        "external_order_id": "WEB-4711", "customer_uuid": str(customer_id), "channel": cast.north.name,
        "billing_address": address | {"email": WORDS[2]}, "shipping_address": address,
        "ordered_products": [
            {
                "id": "1", "name": "Coat", "quantity": 1,
                "extended_attributes": [{"name": "text", "value": WORDS[10]}],
                "discounts": [{"coupon_code": WORDS[11]}],
            }
        ],
    }  # fmt: skip
    with transaction(session):
        orders.record(session, Actor.system("test"), json.loads(json.dumps(document)), store_id=cast.north.id)
    with transaction(session):
        data_requests.record(
            session, mia,
            data_requests.RequestInput(
                customer_id=customer_id, kind="rectification", note="Wyxette with two t",
                identity_note="0612987654 called",
            ),
        )  # fmt: skip
    return customer


def rows_of(session, customer_id) -> dict[str, int]:
    """Count the rows of each table that are found through the registry as a customer's."""
    session.rollback()
    found = {}
    for table in personal_data.of_customers():
        if table.links and table.name in Base.metadata.tables:
            where = personal_rows.criterion(session, table, customer_id)
            query = select(func.count()).select_from(personal_rows.table_of(table.name)).where(where)
            found[table.name] = session.scalar(query)
    return {name: count for name, count in found.items() if count}
