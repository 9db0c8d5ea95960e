"""An order as other systems send it: read, kept exactly, given back whole, and stripped of the person."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from itertools import accumulate
from typing import Any, Final

import simplejson

from app.domain import values
from app.domain.order_kinds import ListOf, Problems, Record, Spec, TooManyProblemsError, read_time
from app.domain.order_shape import ORDER
from app.domain.order_states import (
    DELIVERY_LABELS,
    Fulfilment,
    Label,
    Tone,
    delivery_label,
    fulfilment,
    units,
)
from app.errors import Invalid

__all__ = [
    "DELIVERY_LABELS",
    "MAX_BYTES",
    "Fulfilment",
    "Label",
    "OrderDocument",
    "Tone",
    "brief",
    "check_totals",
    "complete",
    "delivery_label",
    "dumps",
    "loads",
    "parse",
    "read_time",
    "redact_person",
    "safe_link",
]

MAX_BYTES: Final = 2**20
MAX_DEPTH: Final = 32
MAX_NUMBER_LENGTH: Final = 60
THUMBNAILS: Final = 4
# Far beyond what anybody sells at once, and within what a column of 32 bits holds.
MAX_PIECES: Final = 1_000_000_000
_REFUSED: Final = "This order cannot be taken as it is."
_TOLERANCE: Final = Decimal("0.01")
# A string with its escapes is skipped whole, even one that never ends: each character is read once.
_STRUCTURE: Final = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[\]{}]', re.DOTALL)
_PLAIN: Final = frozenset({str, int, bool, type(None)})
_STEPS: Final = {"[": 1, "{": 1, "]": -1, "}": -1}
_LINK: Final = re.compile(r"(?:https?://[^/\s\\]|/(?![/\\]))[^\s\\]*", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class OrderDocument:
    """A validated order: the known keys with their values as given, and what lists and searches need.

    `text` is the document as it is kept, `buyer` its billing address, or else the shipping address, and
    `email_key` the key of the buyer's e-mail address, None where there is none.
    """

    text: str
    external_order_id: str
    order_id: str | None
    order_uuid: str | None
    customer_uuid: str | None
    external_customer_id: str | None
    buyer: Mapping[str, Any]
    email: str | None
    email_key: str | None
    placed_at: datetime | None
    channel: str | None
    channel_type: str | None
    currency: str | None
    grand_total: Decimal | None
    order_total: Decimal | None
    item_count: int
    status_label: str | None
    fulfilment: Fulfilment
    brief: Mapping[str, Any]

    @property
    def document(self) -> Any:
        """The known keys with their values, read anew from `text`: few ask, and it is large to hand over."""
        return loads(self.text)


def parse(document: object) -> OrderDocument:
    """Read an order; keys that nobody knows are left out, and so is all but the end of a card number.

    Raises `Invalid` with every problem, by dotted path such as `shipments.0.items.2.price.net`.
    """
    problems = Problems()
    kept: dict[str, Any] = {}
    try:
        kept = ORDER.read(document, problems)
        if not problems.fields and not kept["external_order_id"].strip():
            problems.path.append("external_order_id")
            problems.add("Fill this in: without it the order cannot be told from others.")
    except TooManyProblemsError:
        problems.fields.setdefault("", []).append("There may be more: mend these first.")
    if problems.fields:
        raise Invalid(problems.fields, _REFUSED)
    return _summarize(kept)


def _summarize(kept: dict[str, Any]) -> OrderDocument:
    products = _products(kept)
    pieces = units(products)
    if pieces > MAX_PIECES:
        # A list of products alone cannot be that long.
        raise Invalid({"shipments": [f"Write quantities of at most {MAX_PIECES} pieces in all."]}, _REFUSED)
    # No number in it is inexact: reading refused those.
    text = _write(kept)
    if len(text.encode()) > MAX_BYTES:
        # What is kept must be readable again.
        raise Invalid({"": [_too_large(MAX_BYTES)]}, _REFUSED)
    totals, created_at = kept.get("totals", {}), kept.get("created_at")
    billing = kept.get("billing_address", {})
    email = billing.get("email", "").strip() or None
    return OrderDocument(
        text=text,
        external_order_id=kept["external_order_id"],
        order_id=kept.get("order_id"),
        order_uuid=kept.get("order_uuid"),
        customer_uuid=kept.get("customer_uuid"),
        external_customer_id=kept.get("external_customer_id"),
        buyer=billing or kept.get("shipping_address", {}),
        email=email,
        email_key=values.find_email_key(email),
        placed_at=read_time(created_at) if created_at else None,
        channel=kept.get("channel"),
        channel_type=kept.get("channel_type"),
        currency=next(_currencies(kept, products), None),
        grand_total=_decimal(totals.get("grand_total")),
        order_total=_decimal(totals.get("order_total")),
        item_count=pieces,
        status_label=kept.get("status_label"),
        fulfilment=fulfilment(kept),
        brief=brief(kept),
    )


def _depth(text: str) -> int:
    """Return how deep JSON is nested, or more than that where even so it is not too deep."""
    opened = text.count("[") + text.count("{")
    if opened <= MAX_DEPTH:
        return opened
    return max(accumulate(_STEPS.get(found, 0) for found in _STRUCTURE.findall(text)), default=0)


def _decimal(amount: Decimal | int | None) -> Decimal | None:
    return None if amount is None else Decimal(amount)


def brief(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return what lists show of a validated order, as JSON takes it, so that they need not read the whole.

    Its `channel` (or None), addresses of up to `THUMBNAILS` `images`, and how many pieces of which
    product category, `categories`. Nothing of the person.
    """
    products = _products(document)
    images = dict.fromkeys(image for product in products if (image := safe_link(product.get("image"))))
    categories: Counter[str] = Counter()
    for product in products:
        if category := (product.get("category") or "").strip():
            categories[category] += max(1, product.get("quantity") or 1)
    return {
        "channel": document.get("channel"),
        "images": list(images)[:THUMBNAILS],
        "categories": dict(categories),
    }


def _products(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return document.get("ordered_products") or [
        item for shipment in document.get("shipments") or [] for item in shipment.get("items") or []
    ]


def _currencies(kept: Mapping[str, Any], products: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the currencies an order names, the most telling first."""
    priced = [kept.get("totals", {}), *kept.get("payments", [])]
    priced += [shipment.get("totals", {}) for shipment in kept.get("shipments", [])]
    priced += [product.get("price", {}) for product in products]
    return (part["currency"] for part in priced if "currency" in part)


def safe_link(url: str | None) -> str | None:
    """Return a link from an order if a page may show it: http, https or a path of our own; else None."""
    return url if url and _LINK.fullmatch(url) else None


def complete(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return an order with every key of the shape; what it does not have is None, or [] for a list."""
    filled: dict[str, Any] = _complete(ORDER, document)
    return filled


def _complete(spec: Spec, value: Any) -> Any:
    if isinstance(spec, ListOf):
        return [_complete(spec.item, part) for part in value or []]
    if isinstance(spec, Record) and value is not None:
        return {key: _complete(part, value.get(key)) for key, part in spec.fields.items()}
    return value


def redact_person(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return an order without the person: products, amounts, country, state and short postcode stay.

    Doing it again changes nothing.
    """
    blanked: dict[str, Any] = _redact(ORDER, document)
    return blanked


def _redact(spec: Spec, value: Any) -> Any:
    if isinstance(spec, ListOf):
        return [_redact(spec.item, part) for part in value or []]
    if isinstance(spec, Record) and value is not None:
        if spec.company_key and (value.get(spec.company_key) or "").strip():
            return {key: part for key, part in value.items() if key not in spec.person_keys}
        return {
            key: _redact(part, value[key])
            for key, part in spec.fields.items()
            if key in value and part.keeps != 0
        }
    return value[: spec.keeps] if spec.keeps is not None and isinstance(value, str) else value


def loads(text: str | bytes, *, max_bytes: int = MAX_BYTES) -> Any:
    """Read JSON with exact decimals, of at most `max_bytes`.

    Raises `Invalid` for what is no JSON, for NaN, a key given twice, endless numbers and deep nesting.
    """
    try:
        raw = text if isinstance(text, bytes) else text.encode("utf-8")
        if len(raw) > max_bytes:
            raise _refusal(_too_large(max_bytes))
        plain = raw.decode("utf-8-sig")
    except UnicodeError:
        raise _refusal("Send the text in UTF-8.") from None
    if _depth(plain) > MAX_DEPTH:
        raise _refusal(f"Nest at most {MAX_DEPTH} deep.")
    try:
        return simplejson.loads(
            plain,
            parse_int=_read_integer,
            parse_float=_read_decimal,
            parse_constant=_refuse_constant,
            object_pairs_hook=_read_object,
        )
    except simplejson.JSONDecodeError as error:
        raise _refusal(f"This is no JSON: look at line {error.lineno}, column {error.colno}.") from None


def _too_large(most: int) -> str:
    return f"Send at most {most} bytes."


def _refusal(reason: str) -> Invalid:
    return Invalid({"": [reason]}, "This text cannot be read.")


def _read_integer(digits: str) -> int:
    if len(digits) > MAX_NUMBER_LENGTH:
        raise _refusal(f"Write numbers of at most {MAX_NUMBER_LENGTH} characters.")
    return int(digits)


def _read_decimal(digits: str) -> Decimal:
    if len(digits) > MAX_NUMBER_LENGTH:
        raise _refusal(f"Write numbers of at most {MAX_NUMBER_LENGTH} characters.")
    try:
        return Decimal(digits)
    except InvalidOperation:  # an exponent beyond any number of ours
        raise _refusal("Write a smaller number.") from None


def _refuse_constant(_name: str) -> float:
    raise _refusal("Write a number; NaN and Infinity are none.")


def _read_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    read = dict(pairs)
    if len(read) != len(pairs):
        raise _refusal("Write each key once in an object.")
    return read


def dumps(document: Mapping[str, Any]) -> str:
    """Write JSON with exact decimals and no spaces. Raises ValueError for a float, NaN or Infinity."""
    _refuse_inexact(document)
    return _write(document)


def _write(document: Mapping[str, Any]) -> str:
    return simplejson.dumps(
        document, use_decimal=True, allow_nan=False, ensure_ascii=False, separators=(",", ":")
    )


def _refuse_inexact(value: Any) -> None:
    if isinstance(value, dict | Mapping):
        value = value.values()
    elif not isinstance(value, list):
        value = [value]
    for part in value:
        # The plain types first, and by themselves: an order has hundreds of values.
        if type(part) in _PLAIN:
            continue
        if isinstance(part, float) or (isinstance(part, Decimal) and not part.is_finite()):
            raise ValueError("Only exact numbers can be written.")
        if isinstance(part, dict | list | Mapping):
            _refuse_inexact(part)


def check_totals(document: Mapping[str, Any]) -> list[str]:
    """Return a warning for each place where the sums of an order do not fit; nothing is refused."""
    warnings = [*_check_sum("totals", document.get("totals") or {}, document.get("taxation"))]
    currency = (document.get("totals") or {}).get("currency")
    for place, shipment in enumerate(document.get("shipments") or []):
        path = f"shipments.{place}"
        warnings += _check_sum(f"{path}.totals", shipment.get("totals") or {}, document.get("taxation"))
        warnings += _check_price(f"{path}.price", shipment.get("price") or {}, currency)
        warnings += _check_products(f"{path}.items", shipment.get("items") or [], currency)
    for place, service in enumerate(document.get("value_added_services") or []):
        warnings += _check_price(f"value_added_services.{place}.price", service.get("price") or {}, currency)
    warnings += _check_products("ordered_products", document.get("ordered_products") or [], currency)
    return warnings


def _check_sum(path: str, totals: Mapping[str, Any], taxation: str | None) -> Iterator[str]:
    grand, merchandise = totals.get("grand_total"), totals.get("merchandise_total")
    if grand is None or merchandise is None:
        return
    parts = Decimal(merchandise) + sum(
        (Decimal(totals.get(key) or 0) for key in ("shipping_total", "gift_wrapping_total")), Decimal(0)
    )
    taxes = Decimal(totals.get("taxes") or 0)
    extra = [Decimal(totals.get(key) or 0) for key in ("shipping_taxes", "gift_wrapping_taxes")]
    # Sources differ on whether `taxes` contains the taxes of shipping and wrapping.
    added = [parts + taxes, parts + taxes + extra[0], parts + taxes + extra[1], parts + taxes + sum(extra)]
    expected = {"gross": [parts], "net": added}.get(taxation or "", [parts, *added])
    if not any(abs(Decimal(grand) - sum_) <= _TOLERANCE for sum_ in expected):
        yield f"{path}: the grand total {grand} is not the sum of its parts."


def _check_price(path: str, price: Mapping[str, Any], currency: str | None) -> Iterator[str]:
    parts = [price[key] for key in ("net", "tax", "gross") if price.get(key) is not None]
    if len(parts) == 3 and abs(sum(parts[:2]) - parts[2]) > _TOLERANCE:
        net, tax, gross = parts
        yield f"{path}: net {net} and tax {tax} do not make gross {gross}."
    own = price.get("currency")
    if currency and own and own != currency:
        yield f"{path}: the price is in {own}, the order in {currency}."


def _check_products(path: str, products: Sequence[Mapping[str, Any]], currency: str | None) -> Iterator[str]:
    for place, product in enumerate(products):
        yield from _check_price(f"{path}.{place}.price", product.get("price") or {}, currency)
