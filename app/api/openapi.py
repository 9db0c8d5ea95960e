"""The OpenAPI 3.1 document: built from the route table, the bodies that are read and the shapes of answers.

What a machine cannot know of an operation (its words, its errors, an example) stands in OPERATIONS;
a route without its line stops the building.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import simplejson
from flask import Response, render_template

from app.api import schemas
from app.api.paging import DEFAULT_COUNT, MAX_COUNT
from app.api.schemas import reference
from app.domain import orders, profile_lists
from app.domain.paging import MAX_OFFSET
from app.domain.permissions import Scope
from app.domain.profile_lists import ProfileSort
from app.domain.shapes import Shape

if TYPE_CHECKING:
    from app.api.routes import Route

_ID = "0190d3a4-7c1e-7b6a-9d2f-3f0f6a1c2b4d"
_STORE = "7c9f2605-9fb3-5444-8fee-47fe51608efe"

_INTRODUCTION = """\
Customers of the retailer, their addresses and orders, as the (Legacy) Customer Profile API v0 gives them.

Get a token with `POST /v0/token` and send it as `Authorization: Bearer <token>`. A token sees the
customers of its client's stores, or all of them. A record of another store is not there: 404.

Fields that v0 does not know are ignored and never written; so are fields that a client may not set.
Times are in UTC with milliseconds; those of orders are as the source wrote them. Every answer
carries `X-Newstore-Request-Id`.
"""


@dataclass(frozen=True, kw_only=True)
class Operation:
    """What the document says of one operation, beside what its route says."""

    id: str
    tag: str
    summary: str
    description: str = ""
    parameters: tuple[dict[str, Any], ...] = ()
    body: Shape | Mapping[str, Any] | None = None
    status: int = 200
    answer: str | None = None
    answer_media: str = "application/json"
    example: Any = None
    errors: tuple[int, ...] = ()


def _query(name: str, description: str, schema: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": description, "schema": schema, **more}


_OFFSET = _query(
    "offset",
    "How many items are passed over.",
    {"type": "integer", "minimum": 0, "maximum": MAX_OFFSET, "default": 0},
)


def _count(default: int) -> dict[str, Any]:
    return _query(
        "count",
        f"How many items are asked for; more than {MAX_COUNT} is taken as {MAX_COUNT}.",
        {"type": "integer", "minimum": 1, "default": default},
    )


_SORTS = [f"{field}|{order}" for field in ProfileSort for order in ("asc", "desc")]
_LIST_PARAMETERS = (
    _query(
        "q",
        "Finds customers by a part of the first or last name, by the whole e-mail address (and those that"
        " contain it), or by the phone number, whole or its last four digits or more. Several words must"
        " all stand in the names. Case and accents do not matter.",
        {"type": "string", "maxLength": 200},
        examples={
            "name": {"value": "smith"},
            "email": {"value": "jan.doer@example.com"},
            "phone": {"value": "5678"},
        },
    ),
    _query(
        "sort",
        "`field|order`. Without it they come as they were entered.",
        {"type": "string", "enum": _SORTS},
    ),
    _query(
        profile_lists.CREATED_BY,
        "The id of the associate who created the customer.",
        {"type": "string", "maxLength": 200},
    ),
    _query(
        profile_lists.ATTRIBUTE_NAME,
        "The name of an extended attribute; together with its value.",
        {"type": "string", "maxLength": 60},
    ),
    _query(
        profile_lists.ATTRIBUTE_VALUE,
        "The value of that attribute; case and accents do not matter.",
        {"type": "string", "maxLength": 500},
    ),
    _OFFSET,
    _count(DEFAULT_COUNT),
)

_ADDRESS = {
    "type": "billing",
    "company": "ACME",
    "first_name": "Jay",
    "last_name": "DoubleYou",
    "address_1": "137 W 67th St",
    "address_2": "",
    "zip_code": "10023",
    "city": "New York",
    "state": "NY",
    "country_code": "US",
    "contact_phone": "",
    "id": "0190d3a4-9a02-7a10-8b53-1f5e0c9d7e21",
    "created_at": "2022-05-20T08:48:28.640Z",
    "updated_at": "2022-05-20T08:48:28.640Z",
    "profile_revision": 2,
}
_CUSTOMER = {
    "id": _ID,
    "email": "jaydoubleyou@example.com",
    "first_name": "Jay",
    "last_name": "DoubleYou",
    "phone_number": "(202) 555-0182",
    "country_code": "US",
    "addresses": [{**_ADDRESS, "revision": 2}],
    "extended_attributes": [{"name": "shirt_fit", "value": "slim"}],
    "created_by": "7eaa5282-f747-49d0-b265-8154dcce2e20",
    "created_by_name": "Clienteling, Tim",
    "store_id": _STORE,
    "store_name": "New York 5th Avenue",
    "created_at": "2022-05-20T08:48:28.640Z",
    "updated_at": "2022-05-20T08:48:28.640Z",
    "revision": 2,
    "display_id": "JQ2MDZ",
}
_ORDER_SENT = {
    "external_order_id": "WEB-1042",
    "created_at": "2026-05-01T10:00:00.000Z",
    "taxation": "gross",
    "billing_address": {
        "first_name": "Jay",
        "last_name": "DoubleYou",
        "country_code": "US",
        "email": "jaydoubleyou@example.com",
    },
    "payments": [{"currency": "USD", "method": "credit_card", "credit_card_number": "4242"}],
    "totals": {
        "merchandise_total": Decimal("59.90"),
        "taxes": Decimal("9.56"),
        "grand_total": Decimal("59.90"),
        "currency": "USD",
    },
    "ordered_products": [
        {"id": "SHIRT-1", "name": "Oxford shirt", "quantity": 1, "category": "Shirts", "product_sku": "SKU-1"}
    ],
    "channel": "New York 5th Avenue",
    "channel_type": "store",
}
_ORDER = orders.complete(_ORDER_SENT)
_NUMBERS = {"count": 1, "total": 20, "offset": 0}
_TOKEN_FORM = {
    "type": "object",
    "required": ["grant_type"],
    "properties": {
        "grant_type": {"type": "string", "enum": ["client_credentials", "password", "refresh_token"]},
        "client_id": {"type": "string"},
        "client_secret": {"type": "string", "format": "password"},
        "username": {"type": "string"},
        "password": {"type": "string", "format": "password"},
        "refresh_token": {"type": "string"},
        "scope": {"type": "string", "description": "Fewer scopes than the client has, parted by blanks."},
    },
    "examples": [{"grant_type": "client_credentials", "client_id": "…", "client_secret": "…"}],
}
_CLIENT_TOKEN = {
    "access_token": "clka_…",
    "refresh_token": "clkr_…",
    "expires_in": 86400,
    "scope": "customer:profile:read",
    "token_type": "Bearer",
}

OPERATIONS: dict[str, Operation] = {
    "GET customers_index": Operation(
        id="listCustomers",
        tag="Customers",
        summary="List full customers",
        parameters=_LIST_PARAMETERS,
        answer="CustomerList",
        example={"items": [_CUSTOMER], "pagination_info": _NUMBERS},
        errors=(400,),
    ),
    "POST customers_create": Operation(
        id="createCustomer",
        tag="Customers",
        summary="Create customer",
        description="Creates a customer with a unique e-mail address. Answers 200, as v0 always did.",
        body=schemas.CUSTOMER_CREATE,
        answer="Customer",
        example=_CUSTOMER,
        errors=(400, 409),
    ),
    "GET customers_simplified": Operation(
        id="listSimplifiedCustomers",
        tag="Customers",
        summary="List simplified customers",
        parameters=_LIST_PARAMETERS,
        answer="ShortCustomerList",
        example={
            "items": [{name: _CUSTOMER[name] for name in schemas.SHORT_KEYS}],
            "pagination_info": _NUMBERS,
        },
        errors=(400,),
    ),
    "GET customers_show": Operation(
        id="getCustomer",
        tag="Customers",
        summary="Get customer",
        answer="Customer",
        example=_CUSTOMER,
        errors=(404,),
    ),
    "PUT customers_update": Operation(
        id="updateCustomer",
        tag="Customers",
        summary="Update customer",
        description="Replaces the list of attributes. A revision that is not the newest is refused with"
        " `conflict_version` and `current_revision`; nothing is merged.",
        body=schemas.CUSTOMER_UPDATE,
        answer="Customer",
        example=_CUSTOMER,
        errors=(400, 404, 409),
    ),
    "DELETE customers_delete": Operation(
        id="requestCustomerDeletion",
        tag="Customers",
        summary="Request customer deletion",
        description="Erased within 30 days. Asking again is the same request.",
        status=202,
        errors=(404,),
    ),
    "GET stores_opted_in_consumers": Operation(
        id="listOptedInConsumers",
        tag="Stores",
        summary="List opted in customers to clienteling",
        description="`opt_in_date` is when the customer's consent for the store last became accepted.",
        parameters=(_OFFSET, _count(MAX_COUNT)),
        answer="ConsumerList",
        example={
            **_NUMBERS,
            "consumers": [
                {
                    "id": _ID,
                    "name": "Jay DoubleYou",
                    "phone_number": "(202) 555-0182",
                    "opt_in_date": "2022-05-20T08:48:28.640Z",
                    "store_id": _STORE,
                }
            ],
        },
        errors=(400, 404),
    ),
    "POST addresses_create": Operation(
        id="createAddress",
        tag="Addresses",
        summary="Create address",
        body=schemas.ADDRESS_CREATE,
        answer="Address",
        example=_ADDRESS,
        errors=(400, 404, 409),
    ),
    "GET addresses_show": Operation(
        id="getAddress",
        tag="Addresses",
        summary="Get address",
        answer="Address",
        example=_ADDRESS,
        errors=(404,),
    ),
    "PUT addresses_update": Operation(
        id="updateAddress",
        tag="Addresses",
        summary="Update address",
        body=schemas.ADDRESS_UPDATE,
        answer="Address",
        example=_ADDRESS,
        errors=(400, 404, 409),
    ),
    "PATCH addresses_update": Operation(
        id="patchAddress",
        tag="Addresses",
        summary="Update address",
        description="The same as PUT.",
        body=schemas.ADDRESS_UPDATE,
        answer="Address",
        example=_ADDRESS,
        errors=(400, 404, 409),
    ),
    "DELETE addresses_delete": Operation(
        id="deleteAddress",
        tag="Addresses",
        summary="Delete address",
        description="The body with the revision is required.",
        body=schemas.ADDRESS_DELETE,
        status=204,
        errors=(400, 404, 409),
    ),
    "GET orders_index": Operation(
        id="listCustomerOrders",
        tag="Orders",
        summary="List customer orders",
        description="The newest first. What the source did not say is null or an empty list; amounts are"
        " exact decimals, as the source wrote them.",
        parameters=(_OFFSET, _count(DEFAULT_COUNT)),
        answer="OrderList",
        example={**_NUMBERS, "items": [_ORDER]},
        errors=(400, 404),
    ),
    "POST orders_record": Operation(
        id="putOrder",
        tag="Orders",
        summary="Put an order in",
        description="Creates or replaces the order with this `external_order_id`; the same again changes"
        " nothing. The customer is found by `customer_uuid`, if the client may see them, or by the e-mail"
        " address of the billing address, or created. The store is the one whose name `channel` carries. Of"
        " the number of a payment card in a text only the last four digits are kept; ids are not looked"
        " through.",
        body={**schemas.order_schema(whole=False), "examples": [_ORDER_SENT]},
        answer="Order",
        example=_ORDER,
        errors=(400, 409),
    ),
    "POST token_create": Operation(
        id="getToken",
        tag="Access",
        summary="Token",
        description="The client's id and secret stand in the body or in HTTP Basic. The body may be a form"
        " or JSON.",
        body=_TOKEN_FORM,
        answer="Token",
        example=_CLIENT_TOKEN,
        errors=(400, 401),
    ),
    "GET ping_show": Operation(
        id="ping", tag="Access", summary="Ping", answer="Ping", example={"status": "ok"}
    ),
    "GET openapi_document": Operation(
        id="getDescription", tag="Access", summary="This description", answer="Description"
    ),
    "GET openapi_viewer": Operation(
        id="readDescription",
        tag="Access",
        summary="This description, to read",
        answer="Page",
        answer_media="text/html",
    ),
}

_ERRORS: dict[int, tuple[str, str, tuple[str, ...]]] = {
    400: ("BadRequest", "The body is no JSON, or a field or a parameter is wrong.", ("bad_request",)),
    401: ("Unauthorized", "There is no `Authorization` header.", ("unauthorized",)),
    403: (
        "Forbidden",
        "The token is expired, revoked or unknown, lacks the scope, or does not work for the order's store.",
        ("forbidden",),
    ),
    404: (
        "NotFound",
        "It is not there, or it belongs to another store.",
        ("customer_not_found", "address_not_found", "store_not_found", "not_found"),
    ),
    409: (
        "Conflict",
        "The e-mail address or the number is taken, the customer is on hold, or the revision is old.",
        ("conflict", "conflict_version"),
    ),
    413: ("TooLarge", "The body is larger than 1 MiB.", ("bad_request",)),
    429: ("TooManyRequests", "Too many requests.", ("too_many_requests",)),
    500: ("InternalServerError", "A fault on our side; nothing was saved.", ("internal_server_error",)),
    503: (
        "ServiceUnavailable",
        "The database is away or full; nothing was saved.",
        ("service_unavailable",),
    ),
}
_REQUEST_ID = {"X-Newstore-Request-Id": {"$ref": "#/components/headers/RequestId"}}
_MORE_HEADERS = {
    401: {"WWW-Authenticate": {"schema": {"type": "string"}, "required": True}},
    429: {"Retry-After": {"schema": {"type": "string", "pattern": "^[0-9]+$"}, "required": True}},
    503: {"Retry-After": {"schema": {"type": "string", "pattern": "^[0-9]+$"}, "required": True}},
}


@lru_cache(maxsize=1)
def build() -> dict[str, Any]:
    """Return the whole document. Raises KeyError for a route that nobody described."""
    from app.api.routes import ROUTES  # noqa: PLC0415 -- the table names this module's views

    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", route.path)
        paths.setdefault(path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Customer Profile API", "version": "v0", "description": _INTRODUCTION},
        "servers": [{"url": "/"}],
        "tags": [{"name": name} for name in ("Customers", "Addresses", "Orders", "Stores", "Access")],
        "paths": paths,
        "components": {
            "schemas": _schemas(),
            "responses": {name: _error(status) for status, (name, _, _) in _ERRORS.items()},
            "headers": {
                "RequestId": {
                    "description": "Names the request in our logs.",
                    "required": True,
                    "schema": {"type": "string"},
                }
            },
            "securitySchemes": {
                "oauth2": {
                    "type": "oauth2",
                    "flows": {
                        flow: {
                            "tokenUrl": "/v0/token",
                            "scopes": {scope.value: _SCOPES[scope] for scope in Scope},
                        }
                        for flow in ("clientCredentials", "password")
                    },
                }
            },
        },
    }


_SCOPES = {
    Scope.PROFILE_READ: "Read customers, addresses and orders.",
    Scope.PROFILE_WRITE: "Create and change customers and addresses, ask for deletion.",
    Scope.CLIENTELING_READ: "Read who opted in to clienteling.",
    Scope.ORDERS_WRITE: "Put orders in.",
}


def _operation(route: "Route") -> dict[str, Any]:
    told = OPERATIONS[f"{route.method} {route.endpoint}"]
    described: dict[str, Any] = {"operationId": told.id, "tags": [told.tag], "summary": told.summary}
    if told.description:
        described["description"] = told.description
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in re.findall(r"<(?:\w+:)?(\w+)>", route.path)
    ]
    parameters += list(told.parameters)
    if parameters:
        described["parameters"] = parameters
    if told.body is not None:
        name = told.body.name if isinstance(told.body, Shape) else _BODY_NAMES[told.id]
        content = {"application/json": {"schema": reference(name)}}
        if told.answer == "Token":
            content["application/x-www-form-urlencoded"] = {"schema": reference(name)}
        described["requestBody"] = {"required": True, "content": content}
    described["responses"] = _responses(route, told)
    described["security"] = [{"oauth2": [route.scope.value]}] if route.scope else []
    return described


_BODY_NAMES = {"putOrder": "OrderSent", "getToken": "TokenRequest"}


def _responses(route: "Route", told: Operation) -> dict[str, Any]:
    success: dict[str, Any] = {"description": told.summary, "headers": _REQUEST_ID}
    if told.answer is not None:
        media: dict[str, Any] = {"schema": reference(told.answer)}
        if told.example is not None:
            media["example"] = told.example
        success["content"] = {told.answer_media: media}
    statuses = {*told.errors, 429, 500, 503, 400}
    if told.body is not None:
        statuses.add(413)
    if route.scope:
        statuses |= {401, 403}
    errors = {
        str(status): {"$ref": f"#/components/responses/{_ERRORS[status][0]}"} for status in sorted(statuses)
    }
    return {str(told.status): success, **errors}


def _error(status: int) -> dict[str, Any]:
    _, description, codes = _ERRORS[status]
    example: dict[str, Any] = {
        "error_code": codes[0],
        "message": description,
        "request_id": "4f0c1b0e87ab4b7e9d5c0a1b2c3d4e5f",
    }
    if status == 400:
        example["fields"] = {"email": ["Fill this in."]}
    schema = {
        "allOf": [reference("Error")],
        "type": "object",
        "properties": {"error_code": {"enum": list(codes)}},
    }
    return {
        "description": description,
        "headers": {**_REQUEST_ID, **_MORE_HEADERS.get(status, {})},
        "content": {"application/json": {"schema": schema, "example": example}},
    }


def _schemas() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for told in OPERATIONS.values():
        if isinstance(told.body, Shape):
            found[told.body.name] = told.body.schema()
        elif told.body is not None:
            found[_BODY_NAMES[told.id]] = dict(told.body)
    text = {"type": "string"}
    found |= schemas.answers()
    found |= {
        "Error": {
            "type": "object",
            "required": ["error_code", "message", "request_id"],
            "additionalProperties": False,
            "properties": {
                "error_code": text,
                "message": text,
                "request_id": text,
                "fields": {
                    "type": "object",
                    "description": "What is wrong, by field.",
                    "additionalProperties": {"type": "array", "items": text},
                },
                "current_revision": {"type": "integer", "description": "With `conflict_version`."},
                "error": {**text, "description": "What OAuth 2 calls it, at `POST /v0/token`."},
                "error_description": text,
            },
        },
        "Ping": {"type": "object", "required": ["status"], "properties": {"status": {"const": "ok"}}},
        "Token": {
            "type": "object",
            "required": ["access_token", "expires_in", "scope", "token_type"],
            "properties": {
                "access_token": text,
                "refresh_token": text,
                "expires_in": {"type": "integer"},
                "scope": text,
                "token_type": {"const": "Bearer"},
            },
        },
        "Description": {"type": "object", "required": ["openapi", "info", "paths"]},
        "Page": text,
    }
    return dict(sorted(found.items()))


@lru_cache(maxsize=1)
def as_text() -> str:
    """Return the document as JSON, as `docs/openapi.json` keeps it."""
    return simplejson.dumps(build(), use_decimal=True, ensure_ascii=False, indent=2) + "\n"


def document() -> Response:
    """Return this description."""
    return Response(as_text(), content_type="application/json")


def viewer() -> Response:
    """Return this description as a page; it needs no script and no other host."""
    described = build()
    operations = [
        {"method": method.upper(), "path": path, "anchor": operation["operationId"], **operation}
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    ]
    html = render_template(
        "api/docs.html",
        info=described["info"],
        tags=[
            (tag["name"], [operation for operation in operations if operation["tags"] == [tag["name"]]])
            for tag in described["tags"]
        ],
        schemas=described["components"]["schemas"],
        responses=described["components"]["responses"],
        scopes=described["components"]["securitySchemes"]["oauth2"]["flows"]["clientCredentials"]["scopes"],
        written=_written,
        resolved=_resolved,
    )
    return Response(html, content_type="text/html; charset=utf-8")


def _written(value: Any) -> str:
    return simplejson.dumps(value, use_decimal=True, ensure_ascii=False, indent=2)


def _resolved(thing: dict[str, Any]) -> dict[str, Any]:
    """Return what a reference points to, or the thing itself."""
    if "$ref" not in thing:
        return thing
    found: dict[str, Any] = build()
    for part in thing["$ref"].removeprefix("#/").split("/"):
        found = found[part]
    return found
