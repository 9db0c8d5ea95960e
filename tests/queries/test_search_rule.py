"""What each database finds is compared with the rule, person by person and in order."""

import random
from datetime import timedelta
from functools import cache

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.domain import search_tokens, searches
from app.domain.paging import PageRequest
from app.domain.searches import CustomerQuery, CustomerSort, Searchable
from app.models import Base, Customer
from app.models import search as tables
from app.models.base import new_id
from app.queries import search, search_lookup, search_plan
from app.services import search_index
from tests import factories as make
from tests.factories import NOON

FIRST = [
    "Marie",
    "Maria",
    "José",
    "Zoë",
    "Anne-Marie",
    "D'Arcy",
    "Łukasz",
    "Jo",
    "小龙",
    "Ελένη",
    "محمد",
    "Marc",
    "",
]
LAST = ["Martin", "Martín", "Martinez", "Müller", "Mueller", "O'Connor", "Smith", "Smyth", "李", "Иванова", "van de Ven", "Li", ""]  # fmt: skip  # noqa: E501
SIZE = 300


class Crowd:
    """Customers with names that meet each other, in one store or both."""

    def __init__(self, session: Session) -> None:
        r = random.Random(7)
        self.session = session
        self.stores = make.make_store(session), make.make_store(session)
        self.root = make.make_actor(make.make_associate(session, role="admin"))
        self.people: list[tuple[Customer, Searchable, int]] = []
        theirs: list[Base] = []
        for number in range(SIZE):
            homes = [(self.stores[0],), (self.stores[1],), self.stores][r.randrange(3)]
            customer = Customer(
                id=new_id(),
                display_id=f"D{number:04d}{r.choice('ABC')}",
                email=f"{r.choice(['marie', 'm.smith', 'x_y', 'zoe'])}{number}@{r.choice(['mail', 'shop'])}.example",  # noqa: E501
                first_name=r.choice(FIRST),
                last_name=r.choice(LAST),
                phone_number=f"06 {r.randrange(10**8):08d}",
                created_at=NOON + timedelta(minutes=r.randrange(100)),
                updated_at=NOON,
                last_order_at=NOON + timedelta(days=r.randrange(20)) if r.random() < 0.7 else None,
                order_count=0,
            )
            customer.email_key = customer.email
            session.add(customer)
            theirs += [
                make.CustomerStore(customer_id=customer.id, store_id=store.id, since=NOON, reason="created")
                for store in homes
            ]
            order = f"ord{r.randrange(30):04d}x{number}"
            theirs.append(
                make.Order(
                    external_order_id=order, order_key=order, customer_id=customer.id, placed_at=NOON, state="shipped",  # noqa: E501
                    currency="EUR", grand_total_minor=1, document="{}", recorded_at=NOON,
                )
            )  # fmt: skip
            person = Searchable(
                first_name=customer.first_name,
                last_name=customer.last_name,
                email=customer.email,
                phone_number=customer.phone_number,
                display_id=customer.display_id,
                order_keys=(order,),
            )
            self.people.append(
                (customer, person, {self.stores[0]: 1}.get(homes[0], 2) if len(homes) == 1 else 3)
            )
        session.flush()
        session.add_all(theirs)
        session.flush()
        search_index.refresh(session, [customer.id for customer, _, _ in self.people])
        session.commit()

    def expected(self, text: str, sort: CustomerSort, at: int | None) -> list[object]:
        wanted, order = searches.terms(text), searches.order_term(text)
        people = [(c, p) for c, p, homes in self.people if at is None or homes & (1 << at)]
        by_order = sorted(
            (p.order_keys[0], n)
            for n, (_, p) in enumerate(people)
            if order and searches.order_matches(p.order_keys[0], order)
        )[: search.MAX_ORDERS]
        ordered = {n for _, n in by_order}
        exact = {
            n for n, (_, p) in enumerate(people) if not text or n in ordered or searches.matches(p, wanted)
        }
        near = set()
        words = wanted
        if text and len(exact) < search.TYPO_BELOW:
            near = {
                n
                for n, (_, p) in enumerate(people)
                if n not in exact and searches.matches_with_typo(p, wanted)
            }

        def key(n: int) -> tuple[object, ...]:
            customer, person = people[n]
            last, first = searches.keys(person)
            if sort is CustomerSort.LAST_ORDER:
                return (-(customer.last_order_at.timestamp() if customer.last_order_at else 0), -n)
            if sort is CustomerSort.CREATED_REVERSE:
                return (customer.created_at.timestamp(), n)
            if sort is not CustomerSort.RELEVANCE:
                return (last, first, n)
            tier = -1 if n in ordered else searches.tier(person, words)
            return (tier, *((first, last) if tier in {1, 3} else (last, first)), n)

        found = sorted(exact, key=key, reverse=sort is CustomerSort.NAME_REVERSE)
        meant = {w for term in wanted if term.may_hold_typo for _, p, _ in self.people for w in searches.name_words(p)  # noqa: E501
                 if len(w) > 3 and searches.is_typo(term.text, w)}  # fmt: skip
        words = (*wanted, *(searches.Term(word) for word in sorted(meant)))
        found += sorted(near, key=key, reverse=sort is CustomerSort.NAME_REVERSE)
        return [people[n][0].id for n in found]


@pytest.fixture
def crowd(session: Session, monkeypatch: pytest.MonkeyPatch) -> Crowd:
    # The rule folds each person anew for each text; nobody changes here.
    for name in ("haystack", "name_words", "keys"):
        monkeypatch.setattr(searches, name, cache(getattr(searches, name)))
    return Crowd(session)


def typed_texts(crowd: Crowd, number: int) -> list[str]:
    r = random.Random(11)
    texts = [
        "%",
        "_",
        "",
        "ord",
        "ord0",
        "marie martin",
        "martn",
        "muler",
        "oconnr",
        "06",
        "00 06",
        "example",
        "@",
        "李",
        "m",
    ]
    while len(texts) < number:
        _, person, _ = r.choice(crowd.people)
        source = r.choice(
            [
                person.first_name,
                person.last_name,
                person.email,
                person.phone_number,
                person.display_id,
                person.order_keys[0],
            ]
        )
        start = r.randrange(max(1, len(source)))
        part = source[start : start + r.randint(1, 9)] if r.random() < 0.6 else source[: r.randint(1, 12)]
        if r.random() < 0.2 and len(part) > 4:
            at = r.randrange(len(part))
            part = part[:at] + r.choice("aeims") + part[at + 1 :]
        if r.random() < 0.3:
            part += " " + r.choice(crowd.people)[1].first_name[: r.randint(1, 4)]
        texts.append((part.swapcase() if r.random() < 0.2 else part).strip())
    return texts


def check(crowd: Crowd, texts: list[str], *, cap: int, count: int) -> None:
    r = random.Random(13)
    sorts = [CustomerSort.RELEVANCE] * 4 + [
        CustomerSort.NAME, CustomerSort.NAME_REVERSE, CustomerSort.LAST_ORDER, CustomerSort.CREATED_REVERSE,
    ]  # fmt: skip
    for text in texts:
        sort, at, offset = r.choice(sorts), r.choice([None, None, 0, 1]), r.choice([0, 0, 0, 3, count])
        page = search.list_page(
            crowd.session,
            crowd.root,
            CustomerQuery(
                text=text,
                list="all" if at is None else "store",
                store_id=None if at is None else crowd.stores[at].id,
                sort=sort,
                page=PageRequest(offset=offset, count=count),
            ),
        )
        if not searches.terms(text) and text:
            assert (page.items, page.total) == ([], 0)
            continue
        wanted = crowd.expected(text, sort, at)
        assert [row.id for row in page.items] == wanted[offset : offset + count], (text, sort, at, offset)
        is_capped = len(wanted) > cap and not offset < len(wanted) <= offset + count
        assert (page.total, page.total_capped) == (cap if is_capped else len(wanted), is_capped), (
            text,
            sort,
            at,
            offset,
        )


def test_a_thousand_texts_find_what_the_rule_says(crowd: Crowd) -> None:
    check(crowd, typed_texts(crowd, 1000), cap=1000, count=25)


def test_walking_finds_the_same_as_sorting(crowd: Crowd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_plan, "MAX_TOTAL", 7)
    monkeypatch.setattr(search, "MAX_TOTAL", 7)
    monkeypatch.setattr(search_plan, "_MOST_SORTED", 7)
    check(crowd, typed_texts(crowd, 500), cap=7, count=5)


def test_counting_words_changes_no_result(crowd: Crowd, monkeypatch: pytest.MonkeyPatch) -> None:
    from app.services import search_statistics  # noqa: PLC0415

    monkeypatch.setattr(search_statistics, "RARE", 1)
    monkeypatch.setattr(search_plan, "MAX_TOTAL", 7)
    monkeypatch.setattr(search, "MAX_TOTAL", 7)
    # So that few customers are enough for each way: by the names, by a walk, by a walk that gives up.
    monkeypatch.setattr(search_plan, "_FEW", 2)
    monkeypatch.setattr(search_plan, "_FARTHER", 1)
    monkeypatch.setattr(search_lookup, "_MOST_WAYS", 1)
    search_statistics.count(crowd.session)
    crowd.session.commit()
    kept = crowd.session.scalar(select(func.count()).select_from(tables.frequencies))
    martin = crowd.session.scalar(
        select(tables.frequencies.c.documents).where(tables.frequencies.c.token == search_tokens.token("mar"))
    )
    assert kept > 100
    assert martin == sum("mar" in searches.haystack(person) for _, person, _ in crowd.people)
    check(crowd, typed_texts(crowd, 300), cap=7, count=5)


def test_all_pages_together_show_everybody_once(crowd: Crowd) -> None:
    for sort in CustomerSort:
        for text in ("", "mar", "example"):
            check_pages(crowd, sort, text)


def check_pages(crowd: Crowd, sort: CustomerSort, text: str) -> None:
    seen: list[object] = []
    offset = 0
    while True:
        page = search.list_page(
            crowd.session,
            crowd.root,
            CustomerQuery(text=text, list="all", sort=sort, page=PageRequest(offset=offset, count=40)),
        )
        seen += [row.id for row in page.items]
        if not page.has_next:
            break
        offset = page.next_offset
    wanted = {c.id for c, p, _ in crowd.people if not text or searches.matches(p, searches.terms(text))}
    assert (len(seen), set(seen)) == (len(wanted), wanted)
