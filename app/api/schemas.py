"""The shapes of API v0: rows to JSON with the documented keys, and bodies to inputs of the services."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from app.domain import orders, values
from app.domain.addresses import MAX_LENGTHS, AddressInput, AddressType
from app.domain.customers import CustomerChanges, CustomerInput
from app.domain.iso_codes import COUNTRY_CODES
from app.domain.order_kinds import Amount, CardNumber, Choice, Free, Integer, ListOf, Record, Spec, Time
from app.domain.order_kinds import Text as OrderText
from app.domain.order_shape import ORDER
from app.domain.shapes import Attributes, Email, OneOf, Revision, Shape, Text
from app.errors import Invalid
from app.models import Address
from app.queries.profile_rows import Profile, ProfileAddress
from app.queries.profiles import OptedIn

_COUNTRIES = tuple(sorted(COUNTRY_CODES))

_NAMES: Mapping[str, Any] = {
    "first_name": Text(max_length=values.MAX_NAME, description="First name.", examples=("Jay",)),
    "last_name": Text(max_length=values.MAX_NAME, description="Last name.", examples=("DoubleYou",)),
    "phone_number": Text(
        max_length=values.MAX_PHONE,
        description="Phone number; kept as written and, where it can be read, dialled anywhere.",
        examples=("202-555-0182",),
    ),
}
_COUNTRY = OneOf(
    choices=_COUNTRIES,
    hint="the country's two capital letters, like FR",
    is_optional=True,
    description="ISO 3166-1 alpha-2 code.",
    examples=("US",),
)
_ADDRESS_TEXTS = {
    "company": "Company name.",
    "first_name": "First name.",
    "last_name": "Last name.",
    "address_1": "First line: street and house number.",
    "address_2": "Second line: apartment number or PO box.",
    "zip_code": "Postal code.",
    "city": "City or town.",
    "state": "State, province or region.",
}
_TYPE = OneOf(choices=tuple(AddressType), description="What the address is for.", examples=("billing",))


def _address_fields(*, has_type: bool, has_revision: bool) -> dict[str, Any]:
    fields: dict[str, Any] = {"type": _TYPE} if has_type else {}
    for name, description in _ADDRESS_TEXTS.items():
        fields[name] = Text(max_length=MAX_LENGTHS[name], description=description)
    fields["country_code"] = _COUNTRY
    fields["contact_phone"] = Text(max_length=MAX_LENGTHS["contact_phone"], description="Contact phone.")
    if has_revision:
        fields["profile_revision"] = Revision(
            description="The customer's revision that you saw; compared when it is given."
        )
    return fields


_SPELLINGS = {"address_line_1": "address_1", "address_line_2": "address_2"}
_ADDRESS_SAMPLE = {
    "type": "billing", "company": "ACME", "first_name": "John", "last_name": "Smith",
    "address_1": "137 W 67th St", "address_2": "", "zip_code": "10023", "city": "New York", "state": "NY",
    "country_code": "US", "contact_phone": "",
}  # fmt: skip
_PART = Shape(
    name="AddressOfCustomer",
    fields=_address_fields(has_type=False, has_revision=False),
    spellings=_SPELLINGS,
    description="The address chosen for it.",
)

CUSTOMER_CREATE = Shape(
    name="CustomerCreate",
    required=("email",),
    fields={
        "email": Email(description="Main e-mail address, unique."),
        **_NAMES,
        "country_code": _COUNTRY,
        "billing_address": _PART,
        "shipping_address": _PART,
        "extended_attributes": Attributes(description="What is known of the customer, no name twice."),
    },
    examples=(
        {
            "email": "jaydoubleyou@example.com",
            "first_name": "Jay",
            "last_name": "DoubleYou",
            "phone_number": "202-555-0182",
            "extended_attributes": [{"name": "shirt_fit", "value": "slim"}],
        },
    ),
)
CUSTOMER_UPDATE = Shape(
    name="CustomerUpdate",
    required=("first_name", "last_name", "extended_attributes", "revision"),
    fields={
        **_NAMES,
        "email": Email(is_optional=True, description="New e-mail address; null or {} keeps the old one."),
        "extended_attributes": Attributes(description="All attributes; they replace the list."),
        "revision": Revision(description="The revision that you saw."),
    },
    examples=(
        {
            "first_name": "Jay",
            "last_name": "DoubleYou",
            "phone_number": "202-555-0182",
            "extended_attributes": [{"name": "shirt_fit", "value": "regular"}],
            "revision": 1,
        },
    ),
)
ADDRESS_CREATE = Shape(
    name="AddressCreate",
    required=("type",),
    fields=_address_fields(has_type=True, has_revision=True),
    spellings=_SPELLINGS,
    examples=(_ADDRESS_SAMPLE,),
)
ADDRESS_UPDATE = Shape(
    name="AddressUpdate",
    fields=_address_fields(has_type=True, has_revision=True),
    spellings=_SPELLINGS,
    description="What is not sent stays as it is.",
    examples=({"address_1": "1 Main St", "profile_revision": 2},),
)
ADDRESS_DELETE = Shape(
    name="AddressDelete",
    required=("profile_revision",),
    fields={"profile_revision": Revision(description="The customer's revision that you saw.")},
    examples=({"profile_revision": 3},),
)


def new_customer(read: Mapping[str, Any]) -> tuple[CustomerInput, list[AddressInput], dict[str, str]]:
    """Return what a body of CUSTOMER_CREATE makes: the customer, its addresses and attributes."""
    own = {name: read[name] for name in CustomerInput.__dataclass_fields__ if name in read}
    parts = [
        AddressInput(type=kind.value, **part)
        for kind in AddressType
        # An address of blanks alone is how clients send "none".
        if (part := read.get(f"{kind.value}_address")) and any(part.values())
    ]
    return CustomerInput(**own), parts, read.get("extended_attributes") or {}


def changed_customer(read: Mapping[str, Any]) -> CustomerChanges:
    """Return what a body of CUSTOMER_UPDATE changes."""
    names = ("email", "first_name", "last_name", "phone_number")
    return CustomerChanges(**{name: read[name] for name in names if read.get(name) is not None})


def new_address(read: Mapping[str, Any]) -> AddressInput:
    """Return the address in a body of ADDRESS_CREATE."""
    return AddressInput(**{name: value for name, value in read.items() if name != "profile_revision"})


def changed_address(address: Address, read: Mapping[str, Any]) -> AddressInput:
    """Return the address as it is after a body of ADDRESS_UPDATE: what was not sent stays."""
    names = AddressInput.__dataclass_fields__
    return AddressInput(**{name: read.get(name, getattr(address, name)) for name in names})


def under_client_names(refused: Invalid) -> Invalid:
    """Return a service's refusal with its fields named as in the body."""
    names = {name: re.sub(r"\Aattribute\.", "extended_attributes.", name) for name in refused.fields}
    return Invalid({names[name]: why for name, why in refused.fields.items()}, refused.message)


def moment(at: datetime | None) -> str | None:
    """Return a time as v0 writes it: ISO 8601 in UTC with milliseconds and Z."""
    if at is None:
        return None
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def customer(row: Profile) -> dict[str, Any]:
    """Return the whole customer."""
    return {
        "id": str(row.id),
        "email": row.email,
        "first_name": row.first_name,
        "last_name": row.last_name,
        "phone_number": row.phone_number,
        "country_code": row.country_code,
        "addresses": [
            # The page's samples name it `revision` here and `profile_revision` on its own.
            {**address(part, row.revision), "revision": row.revision}
            for part in row.addresses
        ],
        "extended_attributes": [{"name": part.name, "value": part.value} for part in row.extended_attributes],
        "created_by": str(row.created_by_id) if row.created_by_id else "",
        "created_by_name": row.created_by_name,
        "store_id": str(row.store_id) if row.store_id else "",
        "store_name": row.store_name or "",
        "created_at": moment(row.created_at),
        "updated_at": moment(row.updated_at),
        "revision": row.revision,
        "display_id": row.display_id,
    }


# What a list says of each customer.
SHORT_KEYS = (
    "email", "id", "first_name", "last_name", "phone_number", "country_code", "created_by_name", "store_name",
    "created_at", "display_id",
)  # fmt: skip


def short_customer(row: Profile) -> dict[str, Any]:
    """Return the customer as the simplified list has it."""
    return {
        "email": row.email,
        "id": str(row.id),
        "first_name": row.first_name,
        "last_name": row.last_name,
        "phone_number": row.phone_number,
        "country_code": row.country_code,
        "created_by_name": row.created_by_name,
        "store_name": row.store_name or "",
        "created_at": moment(row.created_at),
        "display_id": row.display_id,
    }


def consumer(row: OptedIn) -> dict[str, Any]:
    """Return an opted-in customer of a store."""
    return {
        "id": str(row.id),
        "name": f"{row.first_name} {row.last_name}".strip(),
        "phone_number": row.phone_number,
        "opt_in_date": moment(row.opted_in_at),
        "store_id": str(row.store_id),
    }


def address(row: Address | ProfileAddress, revision: int) -> dict[str, Any]:
    """Return an address; `revision` is the customer's."""
    return {
        "type": row.type,
        "company": row.company,
        "first_name": row.first_name,
        "last_name": row.last_name,
        "address_1": row.address_1,
        "address_2": row.address_2,
        "zip_code": row.zip_code,
        "city": row.city,
        "state": row.state,
        "country_code": row.country_code,
        "contact_phone": row.contact_phone,
        "id": str(row.id),
        "created_at": moment(row.created_at),
        "updated_at": moment(row.updated_at),
        "profile_revision": revision,
    }


def order(document: str) -> str:
    """Return an order's stored document as JSON text with every key, amounts as they were written."""
    return orders.dumps(orders.complete(orders.loads(document)))


# --- What answers look like, as JSON Schema -------------------------------------------------------

_STRING = {"type": "string"}
_TIME_SCHEMA = {
    "type": "string",
    "format": "date-time",
    "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$",
    "examples": ["2022-05-20T08:48:28.640Z"],
}
_NUMBER = {"type": "integer", "minimum": 0}


def _object(properties: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
        **more,
    }


def _texts(*names: str) -> dict[str, Any]:
    return dict.fromkeys(names, _STRING)


_ID = {"type": "string", "format": "uuid"}
_ID_OR_NONE = {"anyOf": [_ID, {"const": ""}]}
_ADDRESS_PROPERTIES = {
    "type": {"type": "string", "enum": list(AddressType)},
    **_texts("company", "first_name", "last_name", "address_1", "address_2", "zip_code", "city", "state"),
    "country_code": {"type": "string", "enum": [*_COUNTRIES, ""]},
    "contact_phone": _STRING,
    "id": _ID,
    "created_at": _TIME_SCHEMA,
    "updated_at": _TIME_SCHEMA,
    "profile_revision": _NUMBER,
}


def _page(key: str, item: str) -> dict[str, Any]:
    numbers = {
        "count": {**_NUMBER, "description": "Items on this page."},
        "total": {**_NUMBER, "description": "Items in all, exact."},
        "offset": _NUMBER,
    }
    return _object({**numbers, key: {"type": "array", "items": reference(item)}})


def _list(item: str) -> dict[str, Any]:
    page = _page("items", item)["properties"]
    items = page.pop("items")
    return _object({"items": items, "pagination_info": _object(page)})


def reference(name: str) -> dict[str, Any]:
    """Return the reference to a shape of `answers()`, or of a body."""
    return {"$ref": f"#/components/schemas/{name}"}


@lru_cache(maxsize=1)
def answers() -> dict[str, dict[str, Any]]:
    """Return the shape of each answer by name."""
    customer_properties = {
        "id": _ID,
        "email": _STRING,
        **_texts("first_name", "last_name", "phone_number", "country_code"),
        "addresses": {"type": "array", "items": reference("AddressInCustomer")},
        "extended_attributes": {
            "type": "array",
            "maxItems": 20,
            "items": _object(_texts("name", "value")),
        },
        "created_by": {**_ID_OR_NONE, "description": "The associate who created the customer, or ''."},
        "created_by_name": {**_STRING, "description": "The associate's name, or the API client's."},
        "store_id": _ID_OR_NONE,
        "store_name": _STRING,
        "created_at": _TIME_SCHEMA,
        "updated_at": _TIME_SCHEMA,
        "revision": _NUMBER,
        "display_id": {**_STRING, "description": "Short and easy to read aloud."},
    }
    return {
        "Customer": _object(customer_properties),
        "CustomerList": _list("Customer"),
        "ShortCustomer": _object({name: customer_properties[name] for name in SHORT_KEYS}),
        "ShortCustomerList": _list("ShortCustomer"),
        "Consumer": _object(
            {
                "id": _ID,
                "name": _STRING,
                "phone_number": _STRING,
                "opt_in_date": _TIME_SCHEMA,
                "store_id": _ID,
            }
        ),
        "ConsumerList": _page("consumers", "Consumer"),
        "Address": _object(_ADDRESS_PROPERTIES),
        "AddressInCustomer": _object({**_ADDRESS_PROPERTIES, "revision": _NUMBER}),
        "Order": order_schema(whole=True),
        "OrderList": _page("items", "Order"),
    }


def order_schema(*, whole: bool) -> dict[str, Any]:
    """Return the shape of an order: as answered with every key (`whole`), or as it may be sent."""
    return _order_kind(ORDER, whole=whole, is_top=True)


def _order_kind(spec: Spec, *, whole: bool, is_top: bool = False) -> dict[str, Any]:
    kind: dict[str, Any]
    match spec:
        case Record():
            kind = {
                "type": "object",
                "properties": {key: _order_kind(part, whole=whole) for key, part in spec.fields.items()},
            }
            if whole:
                kind |= {"required": list(spec.fields), "additionalProperties": False}
            elif spec.required:
                kind["required"] = sorted(spec.required)
        case ListOf():
            # A list is never null in an answer.
            items = _order_kind(spec.item, whole=whole)
            if whole:
                return {"type": "array", "items": items}
            kind = {"type": "array", "maxItems": spec.limit, "items": items}
        case OrderText():
            kind = {"type": "string", "maxLength": spec.limit}
            if spec.exact and whole:
                kind["minLength"] = spec.limit
            elif spec.exact:
                # Sources write nothing as "" too.
                kind["anyOf"] = [{"const": ""}, {"minLength": spec.limit}, {"type": "null"}]
        case CardNumber():
            kind = {
                "type": "string",
                "maxLength": 64,
                "description": "At most its last four digits are kept.",
            }
        case Choice():
            kind = {"type": "string", "enum": sorted(spec.codes) if whole else [*sorted(spec.codes), ""]}
        case Amount():
            kind = {"type": "number"}
            bounds = {"minimum": spec.low, "maximum": spec.high}
            kind |= {name: bound for name, bound in bounds.items() if bound is not None}
        case Integer():
            kind = {"type": "integer", "minimum": spec.low, "maximum": spec.high}
        case Time():
            kind = {"type": "string", "description": "ISO 8601, as the source wrote it."}
        case Free():
            kind = {"type": "object", "additionalProperties": True}
        case _:
            raise TypeError(spec)
    if not is_top:
        kind["type"] = [kind["type"], "null"]
        if "enum" in kind:
            kind["enum"] = [*kind["enum"], None]
    return kind
