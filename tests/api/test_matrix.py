"""Scope by route by store over the whole route table: who gets what, and nobody more.

A route that is not in CASES fails the first test; a case whose route is gone fails it too.
"""

import re
from dataclasses import dataclass
from typing import Any

import pytest

from app.api.routes import ROUTES
from app.domain.permissions import Scope
from app.models import Customer
from app.services import search_index
from tests import factories

READ, WRITE = Scope.PROFILE_READ, Scope.PROFILE_WRITE
CUSTOMERS = "/v0/d/consumer_profiles"
CUSTOMER = f"{CUSTOMERS}/<customer_id>"
ADDRESS = f"{CUSTOMER}/addresses/<address_id>"


def changed(customer):
    return {
        "first_name": "New",
        "last_name": "Name",
        "extended_attributes": [],
        "revision": customer.revision,
    }


def address(customer):
    return {
        "type": "billing",
        "country_code": "FR",
        "address_1": "2 rue de la Paix",
        "zip_code": "75002",
        "city": "Paris",
        "profile_revision": customer.revision,
    }


def order(customer):
    return {
        "external_order_id": f"WEB-{customer.display_id}",
        "created_at": "2026-05-01T10:00:00.000Z",
        "billing_address": {"email": f"new-{customer.email}", "first_name": "New"},
    }


@dataclass(frozen=True)
class Case:
    """The scope that the route asks for (None: public), the answer with it, and what is sent.

    `elsewhere` is the answer to a token of another store; lists answer 200 and show nothing of it.
    """

    scope: Scope | None
    status: int = 200
    elsewhere: int = 404
    # To a token whose list of stores is empty, where that differs.
    storeless: int | None = None
    body: Any = None


CASES: dict[str, Case] = {
    "GET /v0/ping": Case(None),
    f"GET {CUSTOMERS}": Case(READ, elsewhere=200),
    f"GET {CUSTOMERS}/simplified": Case(READ, elsewhere=200),
    f"POST {CUSTOMERS}": Case(
        WRITE, elsewhere=200, storeless=409, body=lambda customer: {"email": f"new-{customer.email}"}
    ),
    f"GET {CUSTOMER}": Case(READ),
    f"PUT {CUSTOMER}": Case(WRITE, body=changed),
    f"DELETE {CUSTOMER}": Case(WRITE, 202),
    f"POST {CUSTOMER}/addresses": Case(WRITE, body=address),
    f"GET {ADDRESS}": Case(READ),
    f"PUT {ADDRESS}": Case(WRITE, body=address),
    f"PATCH {ADDRESS}": Case(WRITE, body=address),
    f"DELETE {ADDRESS}": Case(WRITE, 204, body=lambda customer: {"profile_revision": customer.revision}),
    f"GET {CUSTOMER}/orders": Case(READ),
    "GET /v0/d/stores/<store_id>/opted_in_consumers": Case(Scope.CLIENTELING_READ),
    "POST /v0/d/orders": Case(Scope.ORDERS_WRITE, elsewhere=200, storeless=400, body=order),
    "GET /v0/openapi.json": Case(None),
    "GET /v0/docs": Case(None),
    "POST /v0/token": Case(None, 400),
}


def keys():
    return {f"{route.method} {route.path}": route for route in ROUTES}


def test_every_route_has_its_case_and_no_other_has_one():
    assert set(keys()) == set(CASES)
    assert {name: route.scope for name, route in keys().items()} == {
        name: case.scope for name, case in CASES.items()
    }


def make_customer(session, store) -> tuple[Customer, dict[str, str]]:
    customer = factories.make_customer(session, stores=(store,), last_name="Northbird")
    address = factories.make_address(session, customer)
    factories.make_order(session, customer, store)
    search_index.refresh(session, [customer.id])
    session.commit()
    return customer, {
        "customer_id": str(customer.id),
        "address_id": str(address.id),
        "store_id": str(store.id),
    }


def ask(program, name, customer, ids):
    method, path = name.split(" ", 1)
    path = re.sub(r"<(\w+)>", lambda found: ids[found[1]], path)
    body = CASES[name].body
    given = body(customer) if body else None
    return program.open(path, method=method, json=given) if given else program.open(path, method=method)


@pytest.mark.parametrize("name", sorted(CASES))
def test_each_scope_and_store_gets_what_it_may(api, anonymous, session, cast, name):
    case = CASES[name]
    tokens: dict[str, Any] = {
        "nobody": anonymous,
        "no scope": api(scopes=()),
        "all scopes, all stores": api(),
        "all scopes, own store": api(stores=(cast.north,)),
        "all scopes, other store": api(stores=(cast.south,)),
        "all scopes, no store": api(stores=()),
        "all but the scope": api(scopes=set(Scope) - {case.scope}),
        **{f"only {scope}": api(scopes={scope}) for scope in Scope},
    }
    found, expected = {}, {}
    for who, program in tokens.items():
        customer, ids = make_customer(session, cast.north)
        response = ask(program, name, customer, ids)
        found[who] = response.status_code
        expected[who] = expected_status(case, who)
        if response.status_code >= 400 or "other store" in who or "no store" in who:
            assert "Northbird" not in response.text, who
    assert found == expected


def expected_status(case, who):
    if case.scope is None:
        return case.status
    if who == "nobody":
        return 401
    if who in {"no scope", "all but the scope"} or (who.startswith("only ") and who != f"only {case.scope}"):
        return 403
    if who == "all scopes, no store":
        return case.elsewhere if case.storeless is None else case.storeless
    return case.elsewhere if who == "all scopes, other store" else case.status
