"""The description is whole, is the stored one, and holds against the running application."""

import json
import re
from functools import cache
from pathlib import Path

import pytest
import schemathesis
import simplejson
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from app.api import openapi
from app.api.routes import ROUTES
from tests import factories as make
from tests.api.test_orders import WHOLE, put

STORED = Path(__file__).parent.parent.parent / "docs" / "openapi.json"
EXAMPLES = 20
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


def test_the_stored_document_is_the_one_that_is_built():
    """Write it anew with `clienteling openapi > docs/openapi.json`."""
    assert STORED.read_text() == openapi.as_text()


def test_the_document_names_every_route_and_no_other():
    document = openapi.build()
    described = {
        f"{method.upper()} {path}" for path, methods in document["paths"].items() for method in methods
    }
    assert described == {f"{r.method} {r.path.replace('<', '{').replace('>', '}')}" for r in ROUTES}
    assert len({m["operationId"] for ms in document["paths"].values() for m in ms.values()}) == len(ROUTES)


def test_every_reference_leads_somewhere_and_every_route_has_its_scope():
    document = openapi.build()
    for name in set(re.findall(r'"#/(components/[^"]+)"', openapi.as_text())):
        found = document
        for part in name.split("/"):
            found = found[part]
        assert found
    for route in ROUTES:
        operation = document["paths"][re.sub(r"<(\w+)>", r"{\1}", route.path)][route.method.lower()]
        assert operation["security"] == ([{"oauth2": [route.scope]}] if route.scope else [])
        assert ("413" in operation["responses"]) is ("requestBody" in operation)


def test_the_page_needs_no_script_and_no_other_host(anonymous):
    response = anonymous.get("/v0/docs")
    assert response.status_code == 200
    page = response.text
    assert not re.search(r"<script|\sstyle=|\son\w+=|<style|href=\"https?:|src=\"https?:", page)
    for path, methods in openapi.build()["paths"].items():
        for method, operation in methods.items():
            assert f'id="{operation["operationId"]}"' in page
            assert operation["summary"] in page
            assert method.upper() in page
        assert path in page


@cache
def schema(app):
    """Read once: schemathesis looks for constants in each module of the application."""
    return schemathesis.openapi.from_wsgi("/v0/openapi.json", app)


@pytest.mark.parametrize("name", [f"{route.method} {route.path}" for route in ROUTES])
def test_answers_are_as_described_whatever_is_sent(name, api, app, cast, session):
    """Seeded and bounded: so many requests for each operation, with a token of all scopes."""
    program = api()
    address = make.make_address(session, cast.marie)
    ids = {"customer_id": str(cast.marie.id), "address_id": str(address.id), "store_id": str(cast.north.id)}
    put(program, WHOLE.replace("lukasz.wisniewski@example.com", "marie@mail.example"))
    headers = {"Authorization": f"Bearer {program.access_token}"}
    method, path = name.split(" ")
    operation = schema(app)[re.sub(r"<(\w+)>", r"{\1}", path)][method]
    described = openapi.build()["paths"][path.replace("<", "{").replace(">", "}")][method.lower()]
    example = None
    if "requestBody" in described:
        body = described["requestBody"]["content"]["application/json"]["schema"]["$ref"].rsplit("/", 1)[1]
        sent = openapi.build()["components"]["schemas"][body]["examples"][0]
        example = json.loads(simplejson.dumps(sent, use_decimal=True))
    statuses, asked = set(), []

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.one_of(operation.as_strategy(mode) for mode in GenerationMode), st.booleans())
    def ask(case, is_known):
        if is_known and case.path_parameters:
            case.path_parameters = {key: ids[key] for key in case.path_parameters}
        if is_known and example is not None:
            # What no generator guesses: an address that can be, and the newest revision.
            newest = program.get(f"/v0/d/consumer_profiles/{cast.marie.id}").get_json()["revision"]
            given = {"email": f"n{len(asked)}@mail.example", "revision": newest, "profile_revision": newest}
            case.body = example | {key: value for key, value in given.items() if key in example}
            case.media_type = "application/json"
        asked.append(case)
        response = case.call(headers=headers)
        statuses.add(response.status_code)
        case.validate_response(response, checks=CHECKS)

    ask()
    assert statuses - {400, 404, 409}, "nothing was ever taken"
