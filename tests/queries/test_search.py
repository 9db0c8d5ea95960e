import dataclasses
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session

from app.domain import search_tokens
from app.domain.actor import Actor, Visibility
from app.domain.paging import Page, PageRequest
from app.domain.search_matches import Match
from app.domain.searches import CustomerList, CustomerQuery, CustomerSort
from app.errors import NotFound
from app.models import AccessEntry, Customer
from app.queries import search, search_plan, search_whole
from app.queries.search import CustomerRow
from app.queries.search_lookup import Frequencies
from app.services import search_index
from tests import factories as make
from tests.factories import NOON


class Shop:
    """Two stores with an associate each."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.north, self.south = make.make_store(session), make.make_store(session)
        self.ada = make.make_actor(make.make_associate(session, stores=(self.north,)), self.north)
        self.cleo = make.make_actor(make.make_associate(session, stores=(self.south,)), self.south)
        self.root = make.make_actor(make.make_associate(session, role="admin"))

    def customer(self, *, stores: tuple[object, ...] | None = None, **over: object) -> Customer:
        customer = make.make_customer(self.session, stores=stores or (self.north,), **over)
        self.refresh(customer)
        return customer

    def refresh(self, *customers: Customer) -> None:
        search_index.refresh(self.session, [customer.id for customer in customers])
        self.session.commit()

    def page(self, actor: Actor | None = None, **query: object) -> Page[CustomerRow]:
        actor = actor or self.ada
        query.setdefault("store_id", actor.store_id)
        return search.list_page(self.session, actor, CustomerQuery(**query))

    def names(self, actor: Actor | None = None, **query: object) -> list[str]:
        return [row.name for row in self.page(actor, **query).items]


@pytest.fixture
def shop(session: Session) -> Shop:
    return Shop(session)


@contextmanager
def counted(session: Session) -> Iterator[list[str]]:
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    event.listen(session.get_bind(), "before_cursor_execute", note)
    yield statements
    event.remove(session.get_bind(), "before_cursor_execute", note)


def test_a_row_shows_what_the_list_needs_and_masks_the_rest(shop: Shop) -> None:
    marie = shop.customer(
        email="marie@mail.example", phone_number="06 12 34 56 78", phone_e164="+33612345678"
    )
    make.make_definition(shop.session)
    make.make_definition(shop.session, key="allergy", label="Allergy", is_sensitive=True)
    make.make_attribute(shop.session, marie, "shirt_fit", "slim")
    make.make_attribute(shop.session, marie, "allergy", "nickel")
    (row,) = shop.page(text="5678").items
    assert row._asdict() == {
        "id": marie.id,
        "display_id": marie.display_id,
        "first_name": "Marie",
        "last_name": "Lefèvre",
        "name": "Marie Lefèvre",
        "email_masked": "m•••@ma•••",
        "phone_masked": "••• ••78",
        "consent_state": "not_asked",
        "opted_in_at": None,
        "last_order_at": None,
        "order_count": 0,
        "chips": (("Shirt fit", "slim"),),
        "match": Match(label="Phone", text="…5678"),
    }


def test_relevance_puts_exact_names_first_then_beginnings(shop: Shop) -> None:
    for first, last in [
        ("Zed", "Ammartin"),
        ("Martina", "Zed"),
        ("Zed", "Martinez"),
        ("Martin", "Zed"),
        ("Zed", "Martin"),
    ]:
        shop.customer(first_name=first, last_name=last)
    assert shop.names(text="martin") == [
        "Zed Martin",
        "Martin Zed",
        "Zed Martinez",
        "Martina Zed",
        "Zed Ammartin",
    ]


def test_a_typo_finds_after_the_exact_hits(shop: Shop) -> None:
    for last in ("Martn", "Martin", "Smith"):
        shop.customer(first_name="Zed", last_name=last)
    assert shop.names(text="martn") == ["Zed Martn", "Zed Martin"]
    assert shop.page(text="martn", page=PageRequest(count=1)).total == 2
    assert shop.names(text="martn", page=PageRequest(offset=1, count=1)) == ["Zed Martin"]


@pytest.mark.parametrize(
    "text", ["%", "_", "*", "\\", '"', "'", "--", "%%%", "' OR '1'='1", '"x" OR y', "NEAR(", "a AND"]
)
def test_signs_are_ordinary_characters(shop: Shop, text: str) -> None:
    shop.customer()
    assert shop.names(text=text) == []


def test_signs_in_a_name_are_found(shop: Shop) -> None:
    shop.customer(first_name="100%", last_name="A*b\\c")
    shop.customer(first_name="1000", last_name="Abc")
    assert shop.names(text="100%") == shop.names(text="a*b\\c") == ["100% A*b\\c"]


def test_an_order_number_finds_the_customer_whole_or_by_four_characters(shop: Shop) -> None:
    marie = shop.customer()
    shop.customer(first_name="Other")
    make.make_order(shop.session, marie, order_key="10234")
    assert [shop.names(text=text) for text in ("10234", "1023", "102")] == [
        ["Marie Lefèvre"],
        ["Marie Lefèvre"],
        [],
    ]
    (row,) = shop.page(text="10234").items
    assert row.match == search.search_rows.Match(label="Order", text="10234")


def test_lists_keep_to_what_they_say(shop: Shop) -> None:
    marie = shop.customer(first_name="Marie", created_by_id=shop.ada.id)
    shop.customer(first_name="Jean")
    third = make.make_customer(shop.session, first_name="Opted")
    make.make_link(shop.session, third, shop.north, opt_in_state="accepted", opted_in_at=NOON)
    shop.refresh(third)
    assert shop.names(list="opted_in") == ["Opted Lefèvre"]
    assert shop.names(list="store") == ["Jean Lefèvre", "Marie Lefèvre", "Opted Lefèvre"]
    assert shop.names(list="mine") == ["Marie Lefèvre"]
    assert shop.names(list="all", opt_in_state="not_asked") == ["Jean Lefèvre", "Marie Lefèvre"]
    assert shop.names(list="store", created_by_id=marie.created_by_id) == ["Marie Lefèvre"]
    assert shop.names(list="store", created_by_id=uuid.uuid4()) == []


def test_recent_is_newest_view_first_and_each_once(shop: Shop) -> None:
    people = [shop.customer(first_name=name) for name in ("A", "B", "C")]
    for minutes, (person, action) in enumerate(
        [(people[0], "viewed"), (people[1], "viewed"), (people[0], "viewed"), (people[2], "masked")]
    ):
        shop.session.add(
            AccessEntry(
                at=NOON + timedelta(minutes=minutes),
                actor_id=shop.ada.id,
                actor_name="Ada",
                channel="web",
                customer_id=person.id,
                action=action,
            )
        )
    shop.session.commit()
    assert shop.names(list="recent") == ["A Lefèvre", "B Lefèvre"]
    assert shop.names(list="recent", text="b") == ["B Lefèvre"]
    assert shop.names(shop.cleo, list="recent") == []


def test_attributes_filter_by_value_and_by_one_of_several_choices(shop: Shop) -> None:
    slim, several = shop.customer(first_name="A"), shop.customer(first_name="B")
    make.make_attribute(shop.session, slim, "fit", "Slim")
    make.make_attribute(shop.session, several, "fit", "slim, dark blue")
    shop.refresh(slim, several)
    asked = [
        shop.names(attribute_name="fit", attribute_value=value)
        for value in ("slim", "dark blue", "dark", "sli", "%", "-")
    ]
    assert asked == [["A Lefèvre", "B Lefèvre"], ["B Lefèvre"], ["B Lefèvre"], [], [], []]


def test_another_stores_customer_is_never_in_any_list(shop: Shop) -> None:
    canary = shop.customer(
        stores=(shop.south,), first_name="CANARY", email="canary@mail.example", created_by_id=shop.ada.id
    )
    make.make_order(shop.session, canary, order_key="777777")
    make.make_attribute(shop.session, canary, "fit", "slim")
    shop.session.add(
        AccessEntry(
            at=NOON,
            actor_id=shop.ada.id,
            actor_name="",
            channel="web",
            customer_id=canary.id,
            action="viewed",
        )
    )
    shop.session.commit()
    shop.refresh(canary)
    texts = ("", "canary", "cannary", "c", "777777", "mail", canary.display_id)
    for kind in CustomerList:
        for store_id in (None, shop.north.id):
            for text in texts:
                for sort in CustomerSort:
                    page = shop.page(list=kind, store_id=store_id, text=text, sort=sort)
                    assert (page.items, page.total) == ([], 0)
            assert (
                shop.names(list=kind, store_id=store_id, attribute_name="fit", attribute_value="slim") == []
            )
    assert shop.names(shop.cleo, list="all") == shop.names(shop.root, list="all") == ["CANARY Lefèvre"]
    open_to_all = dataclasses.replace(shop.ada, visibility=Visibility.COMPANY)
    assert shop.names(open_to_all, list="all") == ["CANARY Lefèvre"]


def test_another_store_cannot_be_looked_at(shop: Shop) -> None:
    with pytest.raises(NotFound):
        shop.page(store_id=shop.south.id)
    with pytest.raises(NotFound):
        shop.page(store_id=uuid.uuid4())


def test_an_index_that_lags_shows_nobody_out_of_scope(shop: Shop) -> None:
    marie = shop.customer()
    shop.session.delete(shop.session.get_one(make.CustomerStore, (shop.north.id, marie.id)))
    shop.session.commit()
    assert shop.names() == []


def test_who_works_in_two_stores_sees_each_customer_once(shop: Shop) -> None:
    shop.customer(stores=(shop.north, shop.south))
    shop.customer(stores=(shop.south,), first_name="Only")
    both = dataclasses.replace(shop.ada, store_ids=frozenset({shop.north.id, shop.south.id}))
    assert shop.names(both, list="all", sort="name") == ["Marie Lefèvre", "Only Lefèvre"]
    assert shop.names(both, list="store") == ["Marie Lefèvre"]


def test_a_page_asks_the_database_seldom_whatever_it_shows(shop: Shop) -> None:
    def number(**query: object) -> int:
        with counted(shop.session) as statements:
            shop.page(**query)
        return sum(statement != "BEGIN" for statement in statements)

    shop.customer()
    shop.page(text="mar")  # what is then remembered: the numbers of stores, how common words are
    counts = []
    for _ in range(2):
        person = shop.customer()
        make.make_attribute(shop.session, person, "fit", "slim")
        counts.append([number(text=text) for text in ("", "lef", "lefevr", "12345")])
        shop.customer()
    # A list: its page with the total, and its rows. A search may look for typing errors, or for an order.
    assert counts[0] == counts[1] == [2, 2, 4, 2]
    assert number(text="lefevrx marie") == 4
    with counted(shop.session) as statements:
        for text in ("lefevre", "lefevre marie", "marie@"):
            search_whole.find(shop.session, shop.ada, text)
    # What is no whole id or number is not asked for; "marie@" might be an address.
    assert len(statements) == 1


def test_only_the_whole_contact_finds_a_masked_card(shop: Shop) -> None:
    stranger = shop.customer(
        stores=(shop.south,),
        first_name="Jane",
        last_name="Smith",
        email="jane@mail.example",
        phone_e164="+33612345678",
    )
    cards = [
        search_whole.find(shop.session, shop.ada, text).masked
        for text in ("JANE@mail.example", "06 12 34 56 78", stranger.display_id.lower(), " +33612345678 ")
    ]
    assert (
        cards
        == [
            [
                search_whole.MaskedCustomer(
                    id=stranger.id, masked_name="J••• S•••", store_names=(shop.south.name,)
                )
            ]
        ]
        * 4
    )
    for text in ("jane", "jane@mail.exampl", "2345678", "smith", "%", "", "\x00\ud800xx", "a" * 300):
        assert search_whole.find(shop.session, shop.ada, text).masked == []
    assert search_whole.find(shop.session, shop.cleo, "jane@mail.example").masked == []


def test_a_whole_number_is_read_as_in_the_country_of_each_store(shop: Shop) -> None:
    over = {"phone_number": "718-555-0197", "phone_e164": "+17185550197"}
    stranger = shop.customer(stores=(shop.south,), **over)
    shop.customer(stores=(shop.south,), phone_e164="+17185550198")

    def found(text: str, actor: Actor = shop.ada) -> list[uuid.UUID]:
        return [card.id for card in search_whole.find(shop.session, actor, text).masked]

    # Nobody writes so where the stores are.
    assert found("718-555-0197") == []
    make.make_store(shop.session, country_code="US")
    written = ("718-555-0197", "(718) 555 0197", "7185550197", "1 718 555 0197", "001 718 555 0197")
    for text in (*written, "17185550197", "+1 718-555-0197"):
        assert found(text) == [stranger.id], text
    parts = ("555-0197", "718-555-019", "18-555-0197", "718-555-01977")
    for text in (*parts, "+718-555-0197", "718-555-0197 b"):
        assert found(text) == [], text
    assert found("718-555-0197", shop.cleo) == []
    with counted(shop.session) as statements:
        found("718-555-0197")
    # The countries, the customers, the names of their stores.
    assert len([statement for statement in statements if statement != "BEGIN"]) == 3


@pytest.mark.parametrize("text", ["martin", "martin ann"])
def test_many_hits_of_a_word_are_not_taken_for_many_of_the_list(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    here = [shop.customer(first_name=f"Ann{number}", last_name="Martin") for number in range(2)]
    for number in range(6):
        shop.customer(stores=(shop.south,), first_name=f"Ann{number}", last_name="Martin")
    for customer in here:
        make.make_attribute(shop.session, customer, "shirt_fit", "slim")
    shop.refresh(*here)
    # As if the words alone were the best to ask the index for, and thousands were expected.
    monkeypatch.setattr(search_plan, "MAX_TOTAL", 3)
    monkeypatch.setattr(Frequencies, "expected", lambda *_: 10_000.0)
    monkeypatch.setattr(Frequencies, "of_need", lambda *_: 10_000)
    monkeypatch.setattr(Frequencies, "cheapest", lambda _, _markers, words, *__: [one for (one, *_) in words])
    # A page that the hits fill, so that no later step counts them again.
    page = PageRequest(offset=0, count=1)
    assert shop.page(text=text, page=page).total == 2
    slim = {"attribute_name": "shirt_fit", "attribute_value": "slim"}
    assert shop.page(shop.root, text=text, list="all", page=page, **slim).total == 2


def test_a_marker_that_shares_its_number_lets_no_other_store_in(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Every customer whose name holds "mar" has the marker of every store.
    monkeypatch.setattr(search_tokens, "of_store", lambda _: search_tokens.token("mar"))
    shop.customer(first_name="Ann", last_name="Martin")
    shop.customer(stores=(shop.south,), first_name="Cleo", last_name="Martin")
    found = shop.page(text="martin", sort=CustomerSort.NAME)
    assert ([row.name for row in found.items], found.total) == (["Ann Martin"], 1)


def test_that_many_have_a_value_is_found_out_once_and_never_shown_of_a_page_that_is_not_full(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_plan, "MAX_TOTAL", 3)
    monkeypatch.setattr(search, "MAX_TOTAL", 3)
    monkeypatch.setattr(Frequencies, "of_need", lambda *_: 10_000)
    monkeypatch.setattr(Frequencies, "expected", lambda *_: 10_000.0)
    slim = [shop.customer(last_name=f"Martin{number}") for number in range(5)]
    for customer in slim:
        make.make_attribute(shop.session, customer, "shirt_fit", "slim")
    shop.refresh(*slim)
    asked = {
        "list": "all",
        "attribute_name": "shirt_fit",
        "attribute_value": "slim",
        "sort": CustomerSort.NAME,
    }
    page = PageRequest(offset=0, count=1)
    numbers = []
    for _ in range(2):
        with counted(shop.session) as statements:
            found = shop.page(shop.root, page=page, **asked)
        assert (len(found.items), found.total, found.total_capped) == (1, 3, True)
        numbers.append(len(statements))
    assert numbers[1] < numbers[0]
    search_index.remove(shop.session, [customer.id for customer in slim[1:]])
    shop.session.commit()
    found = shop.page(shop.root, page=page, **asked)
    assert (found.total, found.total_capped) == (1, False)
