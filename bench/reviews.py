"""Measure the review queue and the dashboard: python -m bench.reviews [url of an empty database] [customers]."""

import random
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import insert, text
from sqlalchemy.orm import Session

from app import schema
from app.db import make_engine
from app.domain import clock
from app.domain.actor import Actor
from app.domain.consent_reviews import Group, assess
from app.domain.consents import Method
from app.domain.paging import PageRequest
from app.domain.permissions import Role
from app.models import Associate, Consent, ConsentEvent, Customer, CustomerStore, Store
from app.models.base import new_id
from app.queries import consent_reviews, dashboards

STORES, ASSOCIATES, BATCH = 20, 10, 5_000
_METHODS = (Method.SIGNATURE, Method.OWN_PHONE, Method.SPOKEN, Method.IMPORT)
_STATES = ("accepted", "accepted", "accepted", "pending", "refused", "withdrawn")
_ACTIONS = {"accepted": "given", "pending": "requested", "refused": "refused", "withdrawn": "withdrawn"}


def build(session: Session, customers: int) -> None:
    """Fill the database: each customer is known to a store, and most were asked on two channels."""
    dice, now = random.Random(4), clock.utcnow()
    times = {"created_at": now, "updated_at": now}
    stores = [
        Store(name=f"Store {number}", country_code="FR", currency="EUR", time_zone="Europe/Paris", **times)
        for number in range(STORES)
    ]
    session.add_all(stores)
    people = [
        Associate(email=f"{number}@x", email_key=f"{number}@x", first_name="A", last_name=str(number),
                  role="associate", **times)
        for number in range(STORES * ASSOCIATES)
    ]  # fmt: skip
    session.add_all(people)
    session.flush()
    for start in range(0, customers, BATCH):
        rows: dict[Any, list[dict[str, Any]]] = {
            table: [] for table in (Customer, CustomerStore, ConsentEvent, Consent)
        }
        for number in range(start, min(start + BATCH, customers)):
            place, customer_id = number % STORES, new_id()
            store_id, states = stores[place].id, []
            rows[Customer].append(
                {"id": customer_id, "display_id": f"{number:08d}", "email": f"{number}@x",
                 "email_key": f"{number}@x", "first_name": "Zoë", "last_name": str(number),
                 "store_id": store_id, **times}
            )  # fmt: skip
            for channel in ("email", "sms") if number % 4 else ():
                method, state = dice.choice(_METHODS), dice.choice(_STATES)
                at = now - timedelta(days=dice.uniform(0, 800))
                found = assess(method, has_wording=True, has_evidence=True)
                key = {"customer_id": customer_id, "store_id": store_id, "purpose": "clienteling",
                       "channel": channel}  # fmt: skip
                event_id, person = new_id(), people[place * ASSOCIATES + dice.randrange(ASSOCIATES)].id
                rows[ConsentEvent].append(
                    {**key, "id": event_id, "action": _ACTIONS[state], "method": method.value,
                     "wording": "clienteling-1", "associate_id": person, "at": at, "recorded_at": at}
                )  # fmt: skip
                waits = state == "accepted" and dice.random() < 0.3
                rows[Consent].append(
                    {**key, "state": state, "since": at, "event_id": event_id, "evidence": method.value,
                     "is_weak": found.is_weak, "captured_by_id": person,
                     "review": found.group.value if waits else "", "risk": found.risk if waits else 0}
                )  # fmt: skip
                states.append(state)
            rows[CustomerStore].append(
                {"store_id": store_id, "customer_id": customer_id, "since": now, "reason": "created",
                 "opt_in_state": "accepted" if "accepted" in states else "not_asked"}
            )  # fmt: skip
        for table, values in rows.items():
            if values:
                session.execute(insert(table), values)
    session.commit()


def measure(label: str, work: Callable[[], object], times: int = 7) -> None:
    """Print the median time of a piece of work."""
    took = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        took.append(time.perf_counter() - start)
    print(f"{label:<44} {sorted(took)[times // 2] * 1000:8.1f} ms")


def main() -> None:
    """Build a database and measure what one page load reads, for a manager and an administrator."""
    with tempfile.TemporaryDirectory() as folder:
        url = sys.argv[1] if len(sys.argv) > 1 else f"sqlite:///{Path(folder) / 'reviews.db'}"
        customers = int(sys.argv[2]) if len(sys.argv) > 2 else 100_000
        engine = make_engine(url, bulk=True)
        schema.upgrade(engine)
        with Session(engine, expire_on_commit=False) as session:
            build(session, customers)
            session.execute(text("ANALYZE"))
            session.commit()
            now = clock.utcnow()
            store_id = session.query(Store).first().id  # type: ignore[union-attr]
            mia = Actor(
                id=None, name="Mia", role=Role.MANAGER, store_ids=frozenset({store_id}), store_id=store_id
            )
            root = Actor(id=None, name="Root", role=Role.ADMIN, store_id=store_id)
            print(f"{customers:,} customers, {STORES} stores, {engine.dialect.name}")
            for who, actor in (("manager", mia), ("administrator, all stores", root)):
                one = actor.store_id if actor is mia else None
                measure(
                    f"{who}: count beside the navigation", lambda a=actor: consent_reviews.waiting(session, a)
                )
                measure(
                    f"{who}: counts of the groups",
                    lambda a=actor, s=one: consent_reviews.counts(session, a, s, now),
                )
                for group in Group:
                    measure(
                        f"{who}: queue, {group.value}",
                        lambda a=actor, s=one, g=group: consent_reviews.list_page(
                            session, a, g, s, PageRequest(), total=0, now=now
                        ),
                    )
                scope, _stores = dashboards.scope(session, actor, one, weeks=26, now=now)
                measure(f"{who}: figures of the dashboard", lambda c=scope: dashboards.opt_ins(session, c))
                measure(f"{who}: withdrawals", lambda c=scope: dashboards.withdrawals(session, c))


if __name__ == "__main__":
    main()
