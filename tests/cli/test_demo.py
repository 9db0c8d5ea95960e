import json
import stat
import time

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.cli import demo
from app.config import Settings
from app.domain.consents import State
from app.domain.orders import Fulfilment
from app.models import Associate, Consent, Customer, CustomerStore, ExtendedAttribute, Order, Store
from app.services import sign_in


@pytest.fixture
def settings(tmp_path, database_url):
    return Settings(data_dir=tmp_path, database_url=database_url, secret_key="x" * 40, testing=True)


def test_the_demo_holds_what_it_promises(engine, settings):
    lines = []
    started = time.monotonic()
    assert demo.ensure_demo(engine, settings, lines.append)
    took = time.monotonic() - started
    with Session(engine) as session:

        def count(model, *where):
            return session.scalar(select(func.count()).select_from(model).where(*where))

        assert (count(Store), count(Customer), count(Order)) == (5, 1500, 5000)
        assert (
            count(Associate, Associate.role == "associate"),
            count(Associate, Associate.role == "manager"),
        ) == (12, 2)
        assert set(session.scalars(select(Consent.state).distinct())) == {
            state.value for state in State if state is not State.NOT_ASKED
        }
        assert set(session.scalars(select(CustomerStore.opt_in_state).distinct())) == set(State)
        assert set(session.scalars(select(Order.state).distinct())) == set(Fulfilment)
        assert set(session.scalars(select(Order.currency).distinct())) == {"USD", "EUR", "JPY"}
        assert {"shirt_fit", "shoe_size", "preferred_colour"} <= set(
            session.scalars(select(ExtendedAttribute.name).distinct())
        )
        hosts = {email.partition("@")[2] for email in session.scalars(select(Customer.email))}
        assert all(host.endswith((".example", "example.com", "example.org", "example.net")) for host in hosts)
        counted = session.execute(
            select(Customer.order_count, func.count(Order.id))
            .outerjoin(Order, Order.customer_id == Customer.id)
            .group_by(Customer.id)
        )
        assert all(kept == real for kept, real in counted)
    path = settings.data_dir / demo.FILE_NAME
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    sign_ins = json.loads(path.read_text())
    assert {line["role"] for line in sign_ins} == {"associate", "manager", "admin", "auditor"}
    with Session(engine) as session:
        for line in sign_ins:
            associate = session.scalars(select(Associate).where(Associate.email == line["email"])).one()
            assert sign_in._verify(associate.password_hash, line["password"])
    assert any(sign_ins[0]["password"] in line for line in lines)
    assert took < 60, "building the demo is meant to take seconds"
    before = path.read_text()
    assert demo.ensure_demo(engine, settings, lines.append) is False
    assert path.read_text() == before
