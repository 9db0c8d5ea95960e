import copy
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, func, select, update

from app.db import transaction
from app.domain import clock, money
from app.domain import orders as order_rules
from app.domain.actor import Actor
from app.domain.paging import PageRequest
from app.errors import Invalid, NotFound
from app.models import AuditEntry, Customer, CustomerStore, Order
from app.models import search as tables
from app.queries import orders as order_queries
from app.services import orders, search_index
from tests import factories

SYSTEM = Actor.system("test")
SAMPLE = Path(__file__).parent.parent / "data" / "order_v0.json"


@pytest.fixture
def shop(session):
    return factories.make_store(session)


@pytest.fixture
def marie(session, shop):
    return factories.make_customer(session, stores=(shop,), email="marie@mail.example")


def small(number="WEB-1", email="marie@mail.example", **over):
    return {
        "external_order_id": number,
        "created_at": "2026-05-01T10:00:00.000Z",
        "billing_address": {"email": email, "first_name": "Zoë", "last_name": "Li", "phone": "call me"},
        "totals": {"grand_total": Decimal("19.90"), "currency": "EUR"},
        "ordered_products": [
            {"name": "Shirt", "image": "/static/products/shirt.svg", "quantity": 2, "category": "Shirts"}
        ],
        **over,
    }


def record(session, document, **over):
    with transaction(session):
        return orders.record(session, SYSTEM, document, **over)


def test_the_same_document_again_changes_nothing(session, shop, marie):
    order, created = record(session, small(), store_id=shop.id)
    assert (created, order.customer_id, order.grand_total_minor, order.item_count) == (
        True,
        marie.id,
        1990,
        2,
    )
    again, created = record(session, small(), store_id=shop.id)
    assert (created, again.id) == (False, order.id)
    assert session.scalar(select(func.count()).select_from(AuditEntry)) == 1


def test_every_key_of_the_sample_comes_back(session, shop):
    document = order_rules.loads(SAMPLE.read_text())
    order, _ = record(session, document, store_id=shop.id)
    back = order_queries.get(session, SYSTEM, order.customer_id, order.id)
    assert back.document == order_rules.complete(order_rules.parse(document).document)
    assert order_rules.loads(order.document) == order_rules.parse(document).document


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    total=st.decimals(min_value=0, max_value=10**9, places=2),
    name=st.text(st.characters(exclude_categories=["Cs", "Cc", "Cf"]), max_size=40),
    quantity=st.integers(1, 99),
)
def test_an_order_read_back_equals_the_order_put_in(session, shop, marie, total, name, quantity):
    document = small("PROPERTY", totals={"grand_total": total, "currency": "EUR"})
    document["ordered_products"] = [{"name": name, "quantity": quantity, "price": {"gross": total}}]
    order, _ = record(session, document, store_id=shop.id)
    session.expire_all()
    assert order_rules.loads(order.document) == order_rules.parse(document).document


def test_the_most_pieces_that_an_order_may_have_can_be_stored(session, shop, marie):
    shipments = [{"items": [{"quantity": 1_000_000}] * 1000}]
    order, _ = record(session, small(ordered_products=[], shipments=shipments), store_id=shop.id)
    session.expire_all()
    assert order.item_count == order_rules.MAX_PIECES


def test_counts_follow_an_order_that_moves(session, shop, marie):
    ben = factories.make_customer(session, stores=(shop,), email="ben@mail.example")
    record(session, small("A", created_at="2026-05-03T10:00:00Z"), store_id=shop.id)
    record(session, small("B"), store_id=shop.id)
    assert (marie.order_count, marie.last_order_at) == (2, datetime(2026, 5, 3, 10, tzinfo=UTC))
    record(session, small("A", email="BEN@mail.example"), store_id=shop.id)
    assert (marie.order_count, marie.last_order_at) == (1, datetime(2026, 5, 1, 10, tzinfo=UTC))
    assert (ben.order_count, ben.last_order_at) == (1, datetime(2026, 5, 1, 10, tzinfo=UTC))


def test_lists_and_searches_hold_what_they_would_if_they_were_rebuilt(session, shop, marie):
    ben = factories.make_customer(session, stores=(), email="ben@mail.example")
    other = factories.make_store(session)
    with transaction(session):
        search_index.rebuild(session)
    record(session, small("A", created_at="2026-05-03T10:00:00Z"), store_id=shop.id)
    record(session, small("B"), store_id=other.id)
    record(session, small("C", email="new@mail.example"), store_id=shop.id)
    record(session, small("A", ben.email, created_at="2026-05-03T10:00:00Z"), store_id=shop.id)

    def held():
        documents, entries = tables.documents.c, tables.entries
        pairs = session.execute(select(documents.customer_id, documents.doc, documents.last_order_ms)).all()
        ids = {doc: customer_id for customer_id, doc, _ in pairs}
        rows = session.execute(select(entries)).all()
        return {(key, at) for key, _, at in pairs} | {(ids[doc], *values) for doc, *values in rows}

    before = held()
    with transaction(session):
        search_index.rebuild(session)
    assert before == held()
    times = select(tables.documents.c.last_order_ms).where(
        tables.documents.c.customer_id.in_([marie.id, ben.id])
    )
    assert set(session.scalars(times)) == {1777802400000, 1777629600000}


def test_an_unknown_customer_is_created_in_the_store_of_the_order(session, shop):
    order, _ = record(session, small(email="new@mail.example", channel=shop.name))
    customer = session.get(Customer, order.customer_id)
    assert (customer.first_name, customer.phone_number, customer.store_id) == ("Zoë", "", shop.id)
    assert session.get(CustomerStore, (shop.id, customer.id)).reason == "ordered"
    assert customer.order_count == 1


@pytest.mark.parametrize(
    ("document", "field"),
    [
        (small(email="nobody"), "billing_address.email"),
        (small(billing_address={}), "billing_address.email"),
        (small(email="new@mail.example"), "channel"),
        (small(totals={"grand_total": Decimal(10) ** 18 - 1, "currency": "EUR"}), "totals.grand_total"),
    ],
)
def test_what_cannot_be_placed_is_refused(session, marie, document, field):
    with pytest.raises(Invalid) as refused:
        record(session, document)
    assert list(refused.value.fields) == [field]
    assert session.scalar(select(func.count()).select_from(Order)) == 0


def test_the_list_is_newest_first_and_takes_constant_statements(session, engine, shop, marie):
    statements = []
    event.listen(engine, "before_cursor_execute", lambda *_: statements.append(1))
    counts = []
    for number in range(1, 4):
        record(session, small(f"N{number}", created_at=f"2026-05-0{number}T00:00:00Z"), store_id=shop.id)
        session.expire_all()
        statements.clear()
        page = order_queries.list_for_customer(session, SYSTEM, marie.id, PageRequest(count=2))
        order_queries.facts(session, SYSTEM, marie.id)
        counts.append(len(statements))
    assert [row.number for row in page.items] == ["N3", "N2"]
    assert (page.total, page.has_next) == (3, True)
    assert list(page.items[0].images) == ["/static/products/shirt.svg"]
    assert page.items[0].channel_label == shop.name
    assert counts[0] == counts[2]


def test_facts_sum_by_currency_without_cancelled_orders(session, shop, marie):
    now = clock.utcnow().isoformat()
    record(session, small("A", created_at=now), store_id=shop.id)
    record(session, small("B", totals={"grand_total": 3000, "currency": "JPY"}), store_id=shop.id)
    record(session, small("C", status_label="cancelled", created_at=now), store_id=shop.id)
    facts = order_queries.facts(session, SYSTEM, marie.id)
    assert list(facts.spend) == [(3000, "JPY"), (1990, "EUR")]
    assert (facts.favourite, facts.order_count, len(facts.months)) == ("Shirts", 3, 12)


@pytest.mark.parametrize("sign", [1, -1])
def test_what_was_stored_before_amounts_were_bounded_is_summed_exactly(session, shop, marie, sign):
    amount = sign * (2**63 - 1)
    for number in "ABC":
        record(session, small(number), store_id=shop.id)
    session.execute(update(Order).values(grand_total_minor=amount))
    session.commit()
    assert list(order_queries.facts(session, SYSTEM, marie.id).spend) == [(3 * amount, "EUR")]


def test_another_stores_order_is_not_there(session, shop, marie):
    other = factories.make_store(session)
    cleo = factories.make_actor(factories.make_associate(session, stores=(other,)), other)
    order, _ = record(session, small(), store_id=shop.id)
    with pytest.raises(NotFound):
        order_queries.get(session, cleo, marie.id, order.id)
    stranger = factories.make_customer(session, stores=(other,))
    with pytest.raises(NotFound):
        order_queries.get(session, cleo, stranger.id, order.id)


def test_a_refused_order_of_a_batch_leaves_the_others(session, shop, marie):
    batch = [
        orders.OrderInput(order=order_rules.parse(copy.deepcopy(document)), store_id=shop.id)
        for document in (small("A"), small("B", billing_address={}), small("A", channel="Web"))
    ]
    with transaction(session):
        outcomes = orders.record_batch(session, SYSTEM, batch)
    assert isinstance(outcomes[1], Invalid)
    assert (outcomes[0].created, outcomes[2].created) == (True, False)
    assert marie.order_count == 1


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        (Decimal("19.99"), "EUR", 1999),
        (Decimal("-0.5"), "USD", -50),
        (Decimal(3000), "JPY", 3000),
        (Decimal("3000.00"), "JPY", 3000),
        (Decimal("1.234"), "KWD", 1234),
        (Decimal("10000000000.00"), "EUR", 10**12),
        (-(10**12), "JPY", -(10**12)),
    ],
)
def test_amounts_become_the_smallest_unit(amount, currency, minor):
    assert money.to_minor(amount, currency) == minor


@pytest.mark.parametrize(
    ("total", "currency"),
    [("19.995", "EUR"), ("0.5", "JPY"), ("123456789012345678.00000000000000000001", "EUR")],
)
def test_a_part_of_the_smallest_unit_is_refused(session, shop, marie, total, currency):
    with pytest.raises(Invalid) as refused:
        record(session, small(totals={"grand_total": Decimal(total), "currency": currency}), store_id=shop.id)
    assert list(refused.value.fields) == ["totals.grand_total"]


@pytest.mark.parametrize("key", ["grand_total", "order_total"])
def test_an_amount_beyond_what_anybody_pays_is_refused(session, shop, marie, key):
    with pytest.raises(Invalid) as refused:
        record(session, small(totals={key: Decimal("1000000000.001"), "currency": "KWD"}), store_id=shop.id)
    reason = "Write an amount of at most 1,000,000,000 KWD."
    assert refused.value.fields == {f"totals.{key}": [reason]}


def test_an_order_without_currency_is_read_in_the_stores(session, marie):
    ginza = factories.make_store(session, country_code="JP", currency="JPY")
    order, _ = record(session, small(totals={"grand_total": 3000}), store_id=ginza.id)
    assert (order.currency, order.grand_total_minor) == ("JPY", 3000)
    with pytest.raises(Invalid):
        record(session, small("B", totals={"grand_total": Decimal("30.50")}), store_id=ginza.id)


def test_a_number_longer_than_its_column_is_refused(session, shop, marie):
    with pytest.raises(Invalid) as refused:
        record(session, small("N" * 101), store_id=shop.id)
    assert list(refused.value.fields) == ["external_order_id"]


def test_an_order_without_a_time_keeps_the_one_at_which_it_came(session, shop, marie):
    document = small()
    del document["created_at"]
    placed = record(session, document, store_id=shop.id)[0].placed_at
    changed = document | {"status_label": "Delivered"}
    assert record(session, changed, store_id=shop.id)[0].placed_at == placed


def test_an_order_that_names_no_store_any_more_stays_where_it_was(session, shop, marie):
    document = small()
    del document["totals"]["currency"]
    order, _ = record(session, document, store_id=shop.id)
    assert (order.store_id, order.currency) == (shop.id, "EUR")
    batch = [orders.OrderInput(order=order_rules.parse(document | {"status_label": "Delivered"}))]
    with transaction(session):
        [outcome] = orders.record_batch(session, SYSTEM, batch)
    assert outcome.changed
    assert (order.store_id, order.currency) == (shop.id, "EUR")


@pytest.mark.parametrize("is_known", [True, False])
@pytest.mark.parametrize("step", [1, -1])
def test_a_customer_is_a_stores_from_the_first_order_on(session, shop, is_known, step):
    if is_known:
        factories.make_customer(session, email="zoe@mail.example")
    documents = [small("WEB-2", "zoe@mail.example"), small("WEB-1", "zoe@mail.example")]
    documents[1]["created_at"] = "2026-05-03T10:00:00.000Z"
    batch = [orders.OrderInput(order=order_rules.parse(one), store_id=shop.id) for one in documents[::step]]
    with transaction(session):
        orders.record_batch(session, SYSTEM, batch)
    assert session.scalars(select(CustomerStore.since)).one() == datetime(2026, 5, 1, 10, tzinfo=UTC)
