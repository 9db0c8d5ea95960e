"""The customer list of API v0: each answer is compared with a plain reading, customer by customer."""

import random
import re
import unicodedata
from datetime import timedelta

import pytest
from sqlalchemy import and_, delete, event, func, insert, select, update

from app.domain import profile_lists
from app.domain.paging import PageRequest
from app.domain.profile_lists import ProfileQuery, ProfileSort
from app.domain.values import BadValue
from app.errors import Invalid, NotFound
from app.models import Customer, ExtendedAttribute, Store, search
from app.models.base import new_id
from app.queries import profiles
from app.services import attribute_counts, search_index, search_statistics
from tests import factories as make
from tests.factories import NOON

FIRST = ["Marie", "Maria", "José", "Zoë", "Anne-Marie", "D'Arcy", "Łukasz", "Jo", "小龙", "5678", "", "Jan"]
LAST = ["Martin", "Müller", "O'Connor", "Smith", "李", "Иванова", "van de Ven", "Li", "", "Doer", "R2-1234"]
MAILS = [
    "jan.doer@example.com",
    "bojan.doer@example.com",
    "jan.doer@example.com.uk",
    "jan-doer@example.com",
    "JAN.DOER@Example.org",
    "doer@example.com",
]
PHONES = [
    ("06 12 34 56 78", "+33612345678"),
    ("+1 (202) 555-5678", "+12025555678"),
    ("555 0182 x1234", None),
    ("5678", None),
    ("", None),
]
TEXTS = [
    "mar", "MARIE", "jose", "zoe", "anne", "anne-marie", "oconnor", "o'connor", "lukasz", "a", "li", "jo",
    "龙", "van de", "marie smith", "smith marie", "иван", "doer", "jan.doer@example.com",
    "Jan.Doer@EXAMPLE.com",
    "jan-doer@example.com", "doer@example.com", "@example.com", "example", "jan.doer", "jan.doer@example",
    "0612345678", "+33 6 12 34 56 78", "0033612345678", "+33 (0)6 12 34 56 78", "612345678", "5678", "678",
    "05678", "2025555678", "(202) 555-5678", "345678", "3456", "1234", "5550182", "-", "nobody", "mar%", "_",
    "12 34 56 78",
]  # fmt: skip


def plain(text):
    spread = unicodedata.normalize("NFKD", text.casefold().replace("ł", "l").replace("'", ""))
    return "".join(c for c in spread if not unicodedata.combining(c))


def finds(customer, text):
    """Read the description once more, in other words than the code."""
    words = [word for word in re.split(r"[\s\-()_]+", plain(text)) if word]
    names = plain(f"{customer.first_name} {customer.last_name}")
    if all(len(word) < 3 for word in words) and len(re.sub(r"\D", "", text)) > 3:
        words = []
    if words and all(word in names for word in words):
        return True
    if re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s.]+", text) and text.lower() in customer.email.lower():
        return True
    if not re.fullmatch(r"[\d\s()+.\-]+", text):
        return False
    digits = re.sub(r"\D", "", re.sub(r"\(0\)", "", text))
    stored = {re.sub(r"\D", "", customer.phone_e164 or ""), re.sub(r"\D", "", customer.phone_number)}
    asked = {digits} | ({digits.lstrip("0")} if len(digits.lstrip("0")) > 5 else set())
    return len(digits) >= 4 and any(phone.endswith(way) for phone in stored for way in asked)


@pytest.fixture
def crowd(session):
    r = random.Random(11)
    stores = make.make_store(session), make.make_store(session)
    makers = [make.make_associate(session, first_name=n, last_name=n[::-1]) for n in ("Ida", "Ugo")]
    people = []
    for number in range(160):
        typed, e164 = r.choice(PHONES)
        email = MAILS[number] if number < len(MAILS) else f"c{number}5678@mail.example"
        maker_id = r.choice([None, *(maker.id for maker in makers)])
        customer = Customer(
            display_id=f"D{number:05d}",
            email=email,
            email_key=email.casefold(),
            first_name=r.choice(FIRST),
            last_name=r.choice(LAST),
            phone_number=typed,
            phone_e164=e164,
            store_id=r.choice(stores).id,
            created_by_id=maker_id,
            created_by_client="" if maker_id or number % 2 else "Mail shop",
            created_at=NOON + timedelta(minutes=r.randrange(60)),
            updated_at=NOON + timedelta(minutes=r.randrange(60)),
        )
        session.add(customer)
        session.flush()
        make.make_link(session, customer, next(s for s in stores if s.id == customer.store_id))
        if r.random() < 0.5:
            make.make_attribute(session, customer, "shirt_fit", r.choice(["slim", "Slim", "regular"]))
        people.append(customer)
    search_index.refresh(session, [customer.id for customer in people])
    session.commit()
    people.sort(key=lambda customer: customer.id)
    root = make.make_actor(make.make_associate(session, role="admin"))
    limited = make.make_actor(make.make_associate(session, stores=stores[:1]), stores[0])
    return people, root, limited, makers


def ask(session, actor, **over):
    page = over.pop("page", PageRequest(count=500))
    return profiles.list_page(session, actor, ProfileQuery(page=page, **over), whole=True)


def test_q_finds_what_a_plain_reading_finds_and_counts_it(session, crowd):
    people, root, limited, _ = crowd
    for actor in (root, limited):
        seen = [c for c in people if actor is root or c.store_id in limited.store_ids]
        for text in TEXTS:
            expected = [c.id for c in seen if finds(c, text)]
            found = ask(session, actor, text=text)
            assert [c.id for c in found.items] == expected, text
            assert found.total == len(expected), text
            for page in (PageRequest(offset=3, count=2), PageRequest(offset=400, count=2)):
                assert ask(session, actor, text=text, page=page).total == len(expected), text


def test_the_texts_find_some_and_not_all(crowd):
    people = crowd[0]
    by_text = {text: sum(finds(c, text) for c in people) for text in TEXTS}
    assert sum(0 < number < len(people) for number in by_text.values()) > 30
    assert by_text["jan.doer@example.com"] == 3
    assert by_text["jan.doer"] == by_text["example"] == 0


def test_nothing_asked_is_everybody_the_oldest_first(session, crowd):
    people, root, limited, _ = crowd
    assert [c.id for c in ask(session, root).items] == [c.id for c in people]
    page = ask(session, limited, page=PageRequest(offset=5, count=7))
    own = [c.id for c in people if c.store_id in limited.store_ids]
    assert ([c.id for c in page.items], page.total) == (own[5:12], len(own))
    both = make.make_actor(make.make_associate(session), *session.scalars(select(Store)))
    make.make_link(
        session, people[0], next(s for s in session.scalars(select(Store)) if s.id != people[0].store_id)
    )
    page = ask(session, both)
    assert ([c.id for c in page.items], page.total) == ([c.id for c in people], len(people))


def test_the_number_of_customers_is_kept_whoever_writes(session, crowd):
    people, root, _, _ = crowd
    assert ask(session, root, page=PageRequest(count=1)).total == 160
    row = {column.name: getattr(people[0], column.name) for column in Customer.__table__.columns}
    more = [row | {"id": new_id(), "display_id": f"X{n}", "email_key": f"x{n}@x.example"} for n in range(3)]
    session.execute(insert(Customer.__table__), more)
    session.execute(delete(Customer).where(Customer.id == more[0]["id"]))
    session.execute(delete(Customer).where(Customer.id == more[0]["id"]))
    total = ask(session, root).total
    assert (total, type(total)) == (162, int)
    for _ in range(2):
        search_statistics.add_up(session)
        assert session.scalars(select(search.counts.c.change)).all() == [162]
    session.rollback()
    assert ask(session, root).total == 160


def test_the_number_with_a_common_value_is_kept_whoever_writes(session, crowd):
    people, root, _, _ = crowd
    table, kept = ExtendedAttribute.__table__, search.attribute_counts.c
    slim = and_(table.c.name == "shirt_fit", table.c.value_key == "slim")

    def numbers():
        fit = {"attribute_name": "shirt_fit", "attribute_value": "Slim"}
        return (
            ask(session, root, page=PageRequest(count=1), **fit).total,
            session.scalar(select(func.count()).where(slim)),
            session.scalar(select(func.sum(kept.change)).where(kept.value_key == "slim")),
        )

    (told, before, none), limits = numbers(), {"at_least": 30, "keep_from": 20}
    assert told == before >= 30
    assert none is None
    assert attribute_counts.common(session) is None
    attribute_counts.settle(session, attribute_counts.common(session, **limits))
    session.execute(delete(table).where(slim, table.c.customer_id.in_([c.id for c in people[:20]])))
    session.execute(update(table).where(table.c.value_key == "regular").values(value_key="slim"))
    row = {"name": "shirt_fit", "value": "Slim", "value_key": "slim"}
    session.execute(delete(table).where(table.c.customer_id.in_([people[0].id, people[1].id])))
    session.execute(insert(table), [row | {"customer_id": person.id} for person in people[:2]])
    session.execute(update(table).where(table.c.customer_id == people[0].id).values(value_key="wide"))
    now = numbers()
    assert set(now) == {now[0]} != {before}
    assert type(now[0]) is int
    attribute_counts.settle(session, attribute_counts.common(session, **limits) or {("shirt_fit", "slim")})
    assert attribute_counts.common(session, **limits) is None
    assert numbers() == now
    # What has become rare is counted again.
    assert attribute_counts.common(session, at_least=500, keep_from=400) == set()
    attribute_counts.settle(session, set())
    assert numbers() == (*now[:2], None)


def test_each_sort_is_the_order_of_its_field_and_ties_keep_the_order_of_ids(session, crowd):
    for sort in ProfileSort:
        for descending in (False, True):
            check_sort(session, crowd, sort, descending)


def check_sort(session, crowd, sort, descending):
    people, root, _, _ = crowd
    found = list(ask(session, root, sort=sort, descending=descending).items)
    of_id = {customer.id: customer for customer in people}

    def names(customer):
        # Who has no last name stands under the first, and then under the e-mail address.
        last = customer.last_name or customer.first_name or customer.email
        return tuple(re.sub("[-@]", " ", plain(name)) for name in (customer.first_name, last))

    def key(customer):
        value = {
            ProfileSort.STORE_NAME: customer.store_name.lower,
            ProfileSort.CREATED_BY_NAME: customer.created_by_name.lower,
            ProfileSort.EMAIL: lambda: of_id[customer.id].email_key,
            ProfileSort.FIRST_NAME: lambda: names(customer),
            ProfileSort.LAST_NAME: lambda: names(customer)[::-1],
        }.get(sort, lambda: getattr(customer, sort.value))()
        return value, customer.id

    assert [c.id for c in found] == [c.id for c in sorted(found, key=key, reverse=descending)]
    assert {c.id for c in found} == {c.id for c in people}
    narrowed = ask(session, root, sort=sort, descending=descending, text="mar").items
    assert [c.id for c in narrowed] == [c.id for c in found if finds(c, "mar")]


def test_filters_narrow_together(session, crowd):
    people, root, limited, makers = crowd
    for over, mine in (
        ({"created_by": str(makers[0].id)}, lambda c: c.created_by_id == makers[0].id),
        (
            {"attribute_name": "shirt_fit", "attribute_value": "slim"},
            lambda c: any(a.value.lower() == "slim" for a in slim_attributes(session, c)),
        ),
    ):
        own = [c.id for c in people if mine(c) and c.store_id in limited.store_ids]
        for sort in (None, ProfileSort.CREATED_AT):
            page = ask(session, limited, sort=sort, page=PageRequest(offset=2, count=3), **over)
            assert page.total == len(own)
            assert sort or [c.id for c in page.items] == own[2:5]
    mine = [c.id for c in people if c.created_by_id == makers[0].id]
    assert [c.id for c in ask(session, root, created_by=str(makers[0].id)).items] == mine
    assert [c.id for c in ask(session, root, created_by=makers[0].id.hex).items] == mine
    assert ask(session, root, created_by="7eaa").total == 0
    slim = ask(session, root, attribute_name="shirt_fit", attribute_value="SLIM")
    assert {c.id for c in slim.items} == {
        c.id for c in people for a in slim_attributes(session, c) if a.value.lower() == "slim"
    }
    assert 0 < slim.total < len(people)
    fit = {"attribute_name": "shirt_fit", "attribute_value": "slim"}
    both = ask(session, root, text="mar", created_by=str(makers[0].id), **fit)
    wanted = {c.id for c in slim.items} & set(mine) & {c.id for c in people if finds(c, "mar")}
    assert {c.id for c in both.items} == wanted


def slim_attributes(session, customer):
    session.refresh(customer, ["extended_attributes"])
    return customer.extended_attributes


def test_what_cannot_be_asked_says_which_parameter_is_wrong():
    for given, fields in (
        ({"text": "a\0b"}, {"q"}),
        ({"text": "x" * 201}, {"q"}),
        ({"text": "\ud800"}, {"q"}),
        ({"attribute_name": "fit"}, {"filter[extended_attributes.value]"}),
        ({"attribute_value": "fit"}, {"filter[extended_attributes.name]"}),
        ({"attribute_name": "fit", "attribute_value": ""}, {"filter[extended_attributes.value]"}),
    ):
        with pytest.raises(Invalid) as refused:
            ProfileQuery(**given)
        assert set(refused.value.fields) == fields
    assert profile_lists.read_sort("last_name|desc") == (ProfileSort.LAST_NAME, True)
    for text in ("last_name", "last_name|", "|asc", "last_name|up", "revision|asc", "", "last_name|asc|desc"):
        with pytest.raises(BadValue):
            profile_lists.read_sort(text)


def test_the_number_of_statements_does_not_grow_with_the_page(session, crowd, engine):
    _, root, _, _ = crowd
    # What is then remembered is not counted.
    ask(session, root, text="mar")
    counts = []
    for count in (1, 100):
        for over in ({}, {"text": "mar"}, {"attribute_name": "shirt_fit", "attribute_value": "slim"}):
            session.rollback()
            session.expunge_all()
            seen = []
            listener = lambda *_, seen=seen: seen.append(1)  # noqa: E731
            event.listen(engine, "before_cursor_execute", listener)
            ask(session, root, page=PageRequest(count=count), **over)
            event.remove(engine, "before_cursor_execute", listener)
            counts.append(len(seen))
    assert counts[:3] == counts[3:]
    assert max(counts) <= 6


def test_opted_in_customers_of_a_store_earliest_first(session):
    north, south = make.make_store(session), make.make_store(session)
    ada = make.make_actor(make.make_associate(session, stores=(north,)), north)
    rows = []
    for minutes, state in ((3, "accepted"), (1, "accepted"), (2, "withdrawn"), (0, "not_asked")):
        customer = make.make_customer(session)
        at = NOON + timedelta(minutes=minutes)
        make.make_link(session, customer, north, opt_in_state=state, opted_in_at=at)
        make.make_link(session, customer, south, opt_in_state="accepted", opted_in_at=at)
        rows.append(customer)
    page = profiles.opted_in(session, ada, north.id, PageRequest(count=500))
    assert [found.id for found in page.items] == [rows[1].id, rows[0].id]
    assert [found.opted_in_at for found in page.items] == [NOON + timedelta(minutes=m) for m in (1, 3)]
    assert page.total == 2
    with pytest.raises(NotFound):
        profiles.opted_in(session, ada, south.id, PageRequest(count=500))
