"""Who may open what: every route and method with the answer for each kind of person.

A new route fails test_access.py until it has its line here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

SIGN_IN = 303  # nobody is signed in: on to the sign-in page
PEOPLE = ("anonymous", "own", "other", "manager", "admin", "auditor", "token")


@dataclass(frozen=True)
class Line:
    """The status for: nobody, an associate of the object's store, one of another store, the
    store's manager, an administrator, the store's auditor; and the form that is sent.

    `token` is for a program whose token has every scope; None: as nobody, since a token opens no page.
    `acts` is the person for whom it does something, where that is not the first for whom it works.
    """

    statuses: tuple[int, int, int, int, int, int]
    form: Callable[[Any], dict[str, Any]] = lambda _things: {}
    token: int | None = None
    acts: str = ""

    def expected(self) -> dict[str, int]:
        token = self.statuses[0] if self.token is None else self.token
        return dict(zip(PEOPLE, (*self.statuses, token), strict=True))


def public(status: int, **form: str) -> Line:
    return Line((status,) * 6, lambda _things: form)


def program(token: int) -> Line:
    """Programs only: who is signed in to the pages is nobody here.

    Every scope and store is asked in tests/api/test_matrix.py.
    """
    return Line((401,) * 6, token=token)


def everybody(status: int, form: Callable[[Any], dict[str, Any]] = lambda _things: {}) -> Line:
    """Everybody who is signed in; it touches nobody's data."""
    return Line((SIGN_IN, *(status,) * 5), form)


def view(status: int = 200) -> Line:
    """Everybody who sees the customer."""
    return Line((SIGN_IN, status, 404, status, status, status))


def edit(status: int, form: Callable[[Any], dict[str, Any]] = lambda _things: {}) -> Line:
    """Everybody who sees the customer, but the auditor."""
    return Line((SIGN_IN, status, 404, status, status, 403), form)


def create(status: int, form: Callable[[Any], dict[str, Any]] = lambda _things: {}) -> Line:
    """Everybody but the auditor, each in their own store."""
    return Line((SIGN_IN, status, status, status, status, 403), form)


def admin(status: int, form: Callable[[Any], dict[str, Any]] = lambda _things: {}) -> Line:
    """Administrators only."""
    return Line((SIGN_IN, 403, 403, 403, status, 403), form)


def review(status: int, form: Callable[[Any], dict[str, Any]] = lambda _things: {}) -> Line:
    """Who may review: the store's manager and administrators; the auditor looks on."""
    return Line((SIGN_IN, 403, 403, status, status, 403), form)


def figures(status: int = 200) -> Line:
    """Managers, administrators and auditors, each in their own stores."""
    return Line((SIGN_IN, 403, 403, status, status, status))


def managed(
    status: int, form: Callable[[Any], dict[str, Any]] = lambda _things: {}, *, auditor: int = 403
) -> Line:
    """Managers of the store and administrators."""
    return Line((SIGN_IN, 403, 403, status, status, auditor), form)


def contact(things: Any) -> dict[str, Any]:
    return {
        "email": f"new-{things.customer.email}",
        "first_name": "New",
        "revision": things.customer.revision,
    }


def address(things: Any) -> dict[str, Any]:
    return {
        "type": "billing",
        "country_code": "FR",
        "address_1": "2 rue de la Paix",
        "zip_code": "75002",
        "city": "Paris",
        "revision": things.customer.revision,
    }


def revision(things: Any) -> dict[str, Any]:
    return {"revision": things.customer.revision}


def store(things: Any) -> dict[str, Any]:
    return {
        "name": f"New {things.change_id}",
        "country_code": "FR",
        "currency": "EUR",
        "time_zone": "Europe/Paris",
    }


def person(things: Any) -> dict[str, Any]:
    return {
        "email": f"new-{things.associate.email}",
        "first_name": "New",
        "last_name": "Cast",
        "role": "associate",
        "store_ids": [str(things.store.id)],
        "password": "four plain warm words",
    }


def definition(things: Any) -> dict[str, Any]:
    return {
        "key": f"n{things.change_id.hex}",
        "label": "New",
        "type": "choice",
        "choices": "one\ntwo",
        "position": "1",
    }


def webhook(_things: Any) -> dict[str, Any]:
    return {"name": "CRM", "url": "https://127.0.0.1/", "kinds": ["consent.changed"]} | REVISION


def wording(things: Any) -> dict[str, Any]:
    return {
        "key": things.wording.key,
        "purpose": things.wording.purpose,
        "language": "fr",
        "title": "New",
        "text": "New words.",
    }


def question(way: str) -> Callable[[Any], dict[str, Any]]:
    return lambda things: {
        "language": "fr",
        "choices": f"{things.wording.purpose}.email",
        "way": way,
        "was_read_aloud": "yes",
    }


def consent(things: Any) -> dict[str, Any]:
    return {"channel": "email", "purpose": "clienteling", "store_id": things.store.id}


REVISION = {"revision": "1"}
ADMIN_NOUNS = {
    "stores": "store",
    "associates": "associate",
    "attributes": "definition",
    "wordings": "wording",
}
LOGS = ("audit", "access", "seen")
API_CUSTOMER = "consumer_profiles/<customer_id>"
API_ADDRESS = f"{API_CUSTOMER}/addresses/<address_id>"
API_READS = (
    "consumer_profiles",
    "consumer_profiles/simplified",
    API_CUSTOMER,
    API_ADDRESS,
    f"{API_CUSTOMER}/orders",
    "stores/<store_id>/opted_in_consumers",
)
API_WRITES = (
    ("POST", "consumer_profiles"),
    ("PUT", API_CUSTOMER),
    ("POST", f"{API_CUSTOMER}/addresses"),
    ("PUT", API_ADDRESS),
    ("PATCH", API_ADDRESS),
    ("DELETE", API_ADDRESS),
    ("POST", "orders"),
)
API_CLIENT_PAGES = ("", "/edit", "/secret", "/deactivate", "/reactivate")
CUSTOMER = "/customers/<uuid:customer_id>"
REQUEST = "/data-requests/<uuid:request_id>"

TABLE: dict[str, Line] = {
    "GET /": everybody(303),
    "GET /static/<path:filename>": public(200),
    "GET /livez": public(200),
    "GET /readyz": public(200),
    # The API asks for a token, never who is signed in: tests/api/test_matrix.py has its table.
    "GET /v0/ping": public(200),
    "GET /v0/docs": public(200),
    "GET /v0/openapi.json": public(200),
    "POST /v0/token": public(400),
    **{f"GET /v0/d/{path}": program(200) for path in API_READS},
    # Without a body, which the door does not look at: 401 for people, and no further than 400 here.
    **{f"{name} /v0/d/{path}": program(400) for name, path in API_WRITES},
    f"DELETE /v0/d/{API_CUSTOMER}": program(202),
    "GET /sign-in": Line((200, 303, 303, 303, 303, 303)),
    "POST /sign-in": public(422),
    "POST /sign-out": everybody(303),
    "POST /sign-out-everywhere": everybody(303),
    "GET /password": everybody(200),
    "POST /password": everybody(422),
    "POST /preferences/theme": everybody(303, lambda _things: {"theme": "dark"}),
    "POST /preferences/language": everybody(303, lambda _things: {"locale": "de"}),
    # Only into a store where one works: the object's store is not the other associate's.
    "POST /preferences/store": Line(
        (SIGN_IN, 303, 404, 303, 303, 303), lambda things: {"store_id": things.store.id}
    ),
    # The list shows each only what they may see: tests/queries and tests/web check what stands in it.
    "GET /customers": everybody(200),
    "POST /customers/search": everybody(200, lambda things: {"text": things.customer.email}),
    # Everybody reads a log, each as much of it as tests/web/test_logs.py says.
    **{f"GET /logs/{log}": everybody(200) for log in LOGS},
    **{f"POST /logs/{log}/file": Line((SIGN_IN, 403, 403, 200, 200, 200)) for log in LOGS},
    "GET /customers/new": create(200),
    "POST /customers/new": create(303, lambda things: {"email": f"new-{things.customer.email}"}),
    f"GET {CUSTOMER}": view(),
    f"POST {CUSTOMER}/reveal": edit(200, lambda _things: {"field": "phone"}),
    # The other associate was told the whole e-mail address; for the others, who have the customer already,
    # it changes nothing.
    f"POST {CUSTOMER}/add-to-store": Line(
        (SIGN_IN, 303, 303, 303, 303, 403),
        lambda things: {"proof": things.customer.email},
        acts="other",
    ),
    f"GET {CUSTOMER}/contact": view(),
    f"GET {CUSTOMER}/edit": edit(200),
    f"POST {CUSTOMER}/edit": edit(303, contact),
    f"GET {CUSTOMER}/history": view(),
    f"POST {CUSTOMER}/restore": edit(303, lambda things: {"change_id": things.change_id}),
    f"GET {CUSTOMER}/addresses": view(),
    f"GET {CUSTOMER}/addresses/new": edit(200),
    f"POST {CUSTOMER}/addresses/new": edit(303, address),
    f"GET {CUSTOMER}/addresses/<uuid:address_id>/edit": edit(200),
    f"POST {CUSTOMER}/addresses/<uuid:address_id>/edit": edit(303, address),
    f"GET {CUSTOMER}/addresses/<uuid:address_id>/delete": edit(200),
    f"POST {CUSTOMER}/addresses/<uuid:address_id>/delete": edit(303, revision),
    f"GET {CUSTOMER}/attributes": view(),
    f"POST {CUSTOMER}/attributes/reveal": edit(200),
    f"GET {CUSTOMER}/attributes/edit": edit(200),
    f"POST {CUSTOMER}/attributes/edit": edit(303, revision),
    f"GET {CUSTOMER}/consents": view(),
    f"GET {CUSTOMER}/consents/history": view(),
    "GET /reviews": figures(),
    "GET /reviews/<uuid:event_id>": figures(),
    "POST /reviews/<uuid:event_id>": review(303, lambda _things: {"decision": "sufficient"}),
    "POST /reviews/selection": review(200, lambda things: {"row": str(things.event_id)}),
    "POST /reviews/bulk": review(
        303, lambda things: {"row": str(things.event_id), "decision": "reject", "reason": "old"}
    ),
    "POST /reviews/undo/<uuid:review_id>": review(303),
    "GET /dashboard": figures(),
    "GET /dashboard/<string:table>.csv": figures(),
    f"GET {CUSTOMER}/consents/new": edit(200),
    f"POST {CUSTOMER}/consents/new": edit(200, question("phone")),
    f"GET {CUSTOMER}/consents/asks/<uuid:ask_id>": edit(200),
    f"POST {CUSTOMER}/consents/withdraw": edit(303, consent),
    f"POST {CUSTOMER}/consents/stop": edit(303),
    # Nothing waits for a confirmation.
    f"POST {CUSTOMER}/consents/resend": Line((SIGN_IN, 404, 404, 404, 404, 403)),
    f"GET {CUSTOMER}/consents/receipt": view(),
    # Nobody's device is handed over.
    "GET /hand-over": everybody(303),
    "POST /hand-over": everybody(404),
    "GET /hand-over/back": everybody(303),
    "POST /hand-over/back": everybody(303),
    # Links that nobody was sent.
    "GET /c/<token>": public(404),
    "POST /c/<token>": public(404),
    "GET /confirm/<token>": public(404),
    "POST /confirm/<token>": public(404),
    "GET /w/<token>": public(404),
    "POST /w/<token>": public(404),
    "POST /w/<token>/one-click": public(200),
    f"GET {CUSTOMER}/orders": view(),
    f"GET {CUSTOMER}/orders/<uuid:order_id>": view(),
    # Who asked for a job sees how far it is, and administrators see all: tests/web/test_jobs.py.
    "GET /jobs/<uuid:job_id>": Line((SIGN_IN, 404, 404, 404, 200, 404)),
    **{
        f"GET /admin/webhooks{path}": admin(200)
        for path in (
            "",
            "/new",
            "/<uuid:webhook_id>",
            "/<uuid:webhook_id>/edit",
            "/<uuid:webhook_id>/deactivate",
            "/<uuid:webhook_id>/reactivate",
            "/<uuid:webhook_id>/rotate",
        )
    },
    # An address near by is refused: what may be saved is in tests/web/test_webhooks.py.
    "POST /admin/webhooks/new": admin(422, webhook),
    "POST /admin/webhooks/<uuid:webhook_id>/edit": admin(422, webhook),
    "POST /admin/webhooks/<uuid:webhook_id>/deactivate": admin(303, lambda _things: REVISION),
    "POST /admin/webhooks/<uuid:webhook_id>/reactivate": admin(303, lambda _things: REVISION),
    "POST /admin/webhooks/<uuid:webhook_id>/rotate": admin(200),
    "POST /admin/webhooks/<uuid:webhook_id>/test": admin(303),
    "POST /admin/webhooks/<uuid:webhook_id>/replay": admin(303),
    "POST /admin/webhooks/deliveries/<uuid:delivery_id>/replay": admin(303),
    "GET /admin/jobs": Line((SIGN_IN, 403, 403, 200, 200, 403)),
    "POST /admin/jobs/<uuid:job_id>/retry": admin(303),
    "GET /confirm-password": everybody(200),
    "POST /confirm-password": everybody(422),
    # Associates take no requests; the auditor sees them.
    "GET /data-requests": managed(200, auditor=200),
    "GET /retention": managed(200, auditor=200),
    "GET /retention/request": managed(200),
    "POST /retention/request": managed(303),
    f"GET {REQUEST}": managed(200, auditor=200),
    f"GET {CUSTOMER}/data-requests/new": managed(200),
    f"POST {CUSTOMER}/data-requests/new": managed(
        303, lambda _things: {"kind": "export", "identity": "in_person"}
    ),
    f"POST {REQUEST}/identity": managed(303, lambda _things: REVISION | {"identity": "phone"}),
    f"POST {REQUEST}/extend": managed(303, lambda _things: {"revision": "1", "reason": "Many orders"}),
    # The request is for a copy: there is nothing to call off.
    f"POST {REQUEST}/call-off": managed(409, lambda _things: {"revision": "1", "reason": "Stays"}),
    f"POST {REQUEST}/close": managed(303, lambda _things: REVISION | {"result": "done", "outcome": "Given"}),
    f"GET {REQUEST}/prepare": managed(303),
    f"POST {REQUEST}/prepare": managed(303),
    f"GET {REQUEST}/export": managed(200),
    f"GET {REQUEST}/export.json": managed(200),
    **{
        f"GET /admin/{noun}{path}": admin(200)
        for noun, name in ADMIN_NOUNS.items()
        for path in (
            "",
            "/new",
            f"/<uuid:{name}_id>/edit",
            f"/<uuid:{name}_id>/deactivate",
            f"/<uuid:{name}_id>/reactivate",
        )
    },
    "GET /admin/api-clients": admin(200),
    **{
        f"GET /admin/api-clients{path}": admin(200)
        for path in ("/new", *(f"/<uuid:api_client_id>{end}" for end in API_CLIENT_PAGES))
    },
    # The answer shows the new secret, once.
    "POST /admin/api-clients/new": admin(
        200, lambda things: {"name": f"P{things.change_id}", "scopes": ["orders:write"], "every_store": "y"}
    ),
    "POST /admin/api-clients/<uuid:api_client_id>/secret": admin(200, lambda _things: REVISION),
    "POST /admin/api-clients/<uuid:api_client_id>/edit": admin(
        303,
        lambda things: (
            {"name": f"Q{things.change_id}", "scopes": ["orders:write"], "every_store": "y"} | REVISION
        ),
    ),
    "POST /admin/api-clients/<uuid:api_client_id>/deactivate": admin(303, lambda _things: REVISION),
    "POST /admin/api-clients/<uuid:api_client_id>/reactivate": admin(303, lambda _things: REVISION),
    "POST /admin/api-clients/<uuid:api_client_id>/tokens/<uuid:token_id>/revoke": admin(303),
    "POST /admin/stores/new": admin(303, store),
    "POST /admin/stores/<uuid:store_id>/edit": admin(303, lambda things: store(things) | REVISION),
    "POST /admin/stores/<uuid:store_id>/deactivate": admin(303, lambda _things: REVISION),
    "POST /admin/stores/<uuid:store_id>/reactivate": admin(303, lambda _things: REVISION),
    "POST /admin/associates/new": admin(303, person),
    "POST /admin/associates/<uuid:associate_id>/edit": admin(303, lambda things: person(things) | REVISION),
    "GET /admin/associates/<uuid:associate_id>/password": admin(200),
    "POST /admin/associates/<uuid:associate_id>/password": admin(
        303, lambda _things: REVISION | {"password": "four plain warm words"}
    ),
    "POST /admin/associates/<uuid:associate_id>/deactivate": admin(303, lambda _things: REVISION),
    "POST /admin/associates/<uuid:associate_id>/reactivate": admin(303, lambda _things: REVISION),
    "GET /admin/wordings/<uuid:wording_id>": admin(200),
    "POST /admin/wordings/new": admin(303, wording),
    "POST /admin/wordings/<uuid:wording_id>/edit": admin(303, lambda things: wording(things) | REVISION),
    "POST /admin/wordings/<uuid:wording_id>/deactivate": admin(303, lambda _things: REVISION),
    "POST /admin/wordings/<uuid:wording_id>/reactivate": admin(303, lambda _things: REVISION),
    "POST /admin/attributes/new": admin(303, definition),
    "POST /admin/attributes/<uuid:definition_id>/edit": admin(
        303, lambda things: definition(things) | REVISION | {"key": things.definition.key}
    ),
    "POST /admin/attributes/<uuid:definition_id>/deactivate": admin(303, lambda _things: REVISION),
    "POST /admin/attributes/<uuid:definition_id>/reactivate": admin(303, lambda _things: REVISION),
}

# Every line that posts leaves one entry in the audit log, but these: no act on anybody's data, in the
# access log instead, nothing to change in the things of the tests, or several acts at once.
AUDIT_ENTRIES = {
    "POST /sign-in": 0,  # refused before anybody is looked up
    "POST /password": 0,
    "POST /preferences/theme": 0,
    "POST /preferences/language": 0,
    "POST /preferences/store": 0,
    "POST /customers/search": 0,
    f"POST {CUSTOMER}/reveal": 0,
    f"POST {CUSTOMER}/attributes/reveal": 0,
    f"POST {CUSTOMER}/attributes/edit": 0,
    **{f"POST /admin/{noun}/<uuid:{name}_id>/reactivate": 0 for noun, name in ADMIN_NOUNS.items()},
    "POST /admin/wordings/<uuid:wording_id>/reactivate": 1,
    "POST /admin/webhooks/new": 0,
    "POST /admin/webhooks/<uuid:webhook_id>/edit": 0,
    "POST /admin/webhooks/<uuid:webhook_id>/reactivate": 0,
    "POST /admin/webhooks/<uuid:webhook_id>/test": 0,
    "POST /reviews/selection": 0,
    "POST /reviews/bulk": 2,
    # A client that is shut out, or gets a new secret, loses its token: an act of its own.
    "POST /admin/api-clients/<uuid:api_client_id>/deactivate": 2,
    "POST /admin/api-clients/<uuid:api_client_id>/secret": 2,
    "POST /admin/api-clients/<uuid:api_client_id>/reactivate": 0,
    # Links that nobody made, questions that nobody is asked.
    "POST /c/<token>": 0,
    "POST /confirm/<token>": 0,
    "POST /w/<token>": 0,
    "POST /w/<token>/one-click": 0,
    "POST /confirm-password": 0,
    "POST /hand-over": 0,
    "POST /hand-over/back": 0,
    f"POST {CUSTOMER}/consents/resend": 0,
    # Both opt-ins of the customer are withdrawn.
    f"POST {CUSTOMER}/consents/stop": 2,
    "POST /data-requests/<uuid:request_id>/call-off": 0,
    # A new e-mail address: the two opt-ins for the old one are asked again.
    f"POST {CUSTOMER}/edit": 3,
}
