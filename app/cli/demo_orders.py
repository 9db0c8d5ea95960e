"""Invented orders for the demo: online and in store, in every state."""

import random
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from app.cli.demo_people import Person
from app.domain import money

_CLOTHES = ("XS", "S", "M", "L", "XL")
_SHOES = ("37", "38", "39", "41", "42", "44")
_ONE = ("",)
# Picture, name, category, price in euros, sizes.
PRODUCTS = (
    ("shirt", "Oxford shirt", "Shirts", 79, _CLOTHES),
    ("shirt", "Linen shirt", "Shirts", 95, _CLOTHES),
    ("knitwear", "Merino crew neck", "Knitwear", 120, _CLOTHES),
    ("jeans", "Straight jeans", "Trousers", 110, ("28", "30", "32", "34")),
    ("chinos", "Slim chinos", "Trousers", 98, ("30", "32", "34", "36")),
    ("dress", "Wrap dress", "Dresses", 165, _CLOTHES),
    ("skirt", "Pleated skirt", "Skirts", 115, _CLOTHES),
    ("coat", "Wool coat", "Outerwear", 390, _CLOTHES),
    ("jacket", "Field jacket", "Outerwear", 240, _CLOTHES),
    ("shoes", "Derby shoes", "Shoes", 210, _SHOES),
    ("sneakers", "Canvas sneakers", "Shoes", 99, _SHOES),
    ("boots", "Chelsea boots", "Shoes", 260, _SHOES),
    ("bag", "Leather tote", "Accessories", 320, _ONE),
    ("belt", "Braided belt", "Accessories", 65, ("85", "95", "105")),
    ("scarf", "Silk scarf", "Accessories", 88, _ONE),
    ("hat", "Felt hat", "Accessories", 72, ("S", "M", "L")),
    ("socks", "Ribbed socks", "Accessories", 14, ("36-40", "41-45")),
    ("tie", "Knitted tie", "Accessories", 55, _ONE),
    ("watch", "Field watch", "Accessories", 450, _ONE),
)
COLOURS = ("Navy", "Ecru", "Black", "Olive", "Burgundy", "Sky blue", "Camel", "Grey")
RATES = {"EUR": Decimal(1), "USD": Decimal("1.1"), "JPY": Decimal(160)}
# How often each way of an order occurs.
WAYS = {
    "delivered": 44,
    "in_store": 23,
    "shipped": 8,
    "pending": 5,
    "partly_shipped": 6,
    "partly_returned": 6,
    "returned": 4,
    "cancelled": 4,
}
_UNDERWAY = ("shipped", "in_transit", "out_for_delivery", "delayed", "attempted")
_WAITING = ("pending", "processing")
_RETURN_REASONS = ("Too small", "Too large", "Changed my mind", "Colour differs from the picture")
# What is on its way was bought days ago; what came back has taken its time.
_FRESH_DAYS = 6
_SETTLED_DAYS = 9


@dataclass(frozen=True, kw_only=True)
class Shop:
    """Where the orders of a country are taken: taxes, warehouse, carriers and ways to pay."""

    name: str
    currency: str
    tax: Decimal
    is_gross: bool
    warehouse: str
    carriers: tuple[str, ...]
    wallet: str


SHOPS = {
    "US": Shop(
        name="New York 5th Avenue", currency="USD", tax=Decimal("0.08875"), is_gross=False,
        warehouse="Warehouse New Jersey", carriers=("UPS", "FedEx", "USPS"), wallet="Apple Pay",
    ),
    "FR": Shop(
        name="Paris Le Marais", currency="EUR", tax=Decimal("0.2"), is_gross=True,
        warehouse="Warehouse Leipzig", carriers=("Colissimo", "Chronopost"), wallet="PayPal",
    ),
    "DE": Shop(
        name="Berlin Mitte", currency="EUR", tax=Decimal("0.19"), is_gross=True,
        warehouse="Warehouse Leipzig", carriers=("DHL", "DPD"), wallet="PayPal",
    ),
    "JP": Shop(
        name="Tokyo Ginza", currency="JPY", tax=Decimal("0.1"), is_gross=True,
        warehouse="Warehouse Chiba", carriers=("Yamato", "Sagawa"), wallet="PayPay",
    ),
}  # fmt: skip


def make(
    dice: random.Random, number: int, person: Person, shop: Shop, since: datetime, now: datetime
) -> dict[str, Any]:
    """Return the document of one order, placed between `since` and now."""
    way = dice.choices(list(WAYS), weights=list(WAYS.values()))[0]
    if way in {"delivered", "partly_returned", "returned"} and since > now - timedelta(days=_SETTLED_DAYS):
        way = "pending"
    placed_at = _placed_at(dice, way, since, now)
    count = dice.choices((1, 2, 3, 4), (45, 30, 17, 8))[0]
    if way in {"partly_shipped", "partly_returned"}:
        count = max(2, count)
    items = [_item(dice, shop) for _ in range(count)]
    is_online = way != "in_store"
    services = _wrapping(shop) if is_online and dice.random() < 0.05 else []
    totals = _totals(shop, items, services, is_online=is_online)
    prefix = "WEB" if is_online else "POS"
    address = {
        "first_name": person.first_name,
        "last_name": person.last_name,
        "address_line_1": person.street,
        "zip_code": person.town[0],
        "city": person.town[1],
        "state": person.town[2],
        "country_code": person.land.code,
        "phone": person.phone,
    }
    return {
        "order_uuid": _uuid(dice),
        "order_id": f"{prefix}-{100000 + number}",
        "external_order_id": f"{prefix}-{100000 + number}",
        "created_at": _time(placed_at),
        "taxation": "gross" if shop.is_gross else "net",
        "status_label": {
            "cancelled": "cancelled", "pending": "processing", "partly_shipped": "processing",
        }.get(way, "completed"),
        "shipping_address": address if is_online else None,
        "billing_address": {**address, "email": person.email},
        "payments": _payments(dice, way, shop),
        "totals": totals,
        "shipments": _shipments(dice, way, shop, items, placed_at),
        "value_added_services": services,
        "ordered_products": items,
        "channel": "Web shop" if is_online else shop.name,
        "channel_type": "web" if is_online else "store",
    }  # fmt: skip


def _placed_at(dice: random.Random, way: str, since: datetime, now: datetime) -> datetime:
    if way in {"shipped", "pending", "partly_shipped"}:
        low, high = timedelta(hours=1), timedelta(days=_FRESH_DAYS)
    else:
        low = timedelta(hours=1) if way in {"in_store", "cancelled"} else timedelta(days=_SETTLED_DAYS)
        # More was bought lately than long ago, as in a shop that grows.
        high = timedelta(days=30 * dice.choice((1, 3, 6, 12, 24)))
    high = max(low, min(high, now - since))
    return now - low - (high - low) * dice.random()


def _item(dice: random.Random, shop: Shop) -> dict[str, Any]:
    picture, name, category, euros, sizes = dice.choice(PRODUCTS)
    quantity = 2 if picture == "socks" else 1
    catalog = _round(Decimal(euros) * RATES[shop.currency], shop.currency) * quantity
    discount = _round(catalog / 5, shop.currency) if dice.random() < 0.18 else Decimal(0)
    colour, size = dice.choice(COLOURS), dice.choice(sizes)
    paid = catalog - discount
    return {
        "id": f"{picture}-{name}-{colour}-{size or 'one'}".lower().replace(" ", "-"),
        "name": name,
        "image": f"/static/products/{picture}.svg",
        "quantity": quantity,
        "price": {
            **_price(paid, shop),
            "base": catalog,
            "adjustment": -discount,
            "adjusted_total": paid,
            "catalog": catalog,
        },
        "category": category,
        "variation_color_value": colour,
        "variation_size_value": size or None,
        "product_sku": f"{picture[:3].upper()}-{euros:03d}-{colour[:3].upper()}-{size or 'ONE'}",
        "discounts": [
            {"price_adjustment": -discount, "reason": "Season sale", "action": "percentage", "value": 20}
        ]
        if discount
        else [],
    }


def _price(amount: Decimal, shop: Shop) -> dict[str, Any]:
    """Return net, tax and gross of an amount as the shop shows it, to the smallest coin."""
    if shop.is_gross:
        tax = _round(amount * shop.tax / (1 + shop.tax), shop.currency)
        return {"net": amount - tax, "tax": tax, "gross": amount, "currency": shop.currency}
    tax = _round(amount * shop.tax, shop.currency)
    return {"net": amount, "tax": tax, "gross": amount + tax, "currency": shop.currency}


def _wrapping(shop: Shop) -> list[dict[str, Any]]:
    price = _price(_round(Decimal(5) * RATES[shop.currency], shop.currency), shop)
    return [{"service_type": "gift_wrapping", "options": {"Paper": "Blue"}, "price": price}]


def _totals(
    shop: Shop, items: list[dict[str, Any]], services: list[dict[str, Any]], *, is_online: bool
) -> dict[str, Any]:
    side = "gross" if shop.is_gross else "net"
    fee = _round(Decimal(6) * RATES[shop.currency], shop.currency) if is_online else Decimal(0)
    shipping = _price(fee, shop)
    sums = {key: sum((item["price"][key] for item in items), Decimal(0)) for key in ("net", "tax", "gross")}
    wrapped = {key: sum((one["price"][key] for one in services), Decimal(0)) for key in sums}
    order_total = sums["gross"] + shipping["gross"]
    return {
        "merchandise_total": sums[side],
        "shipping_total": shipping[side],
        "shipping_taxes": shipping["tax"],
        "taxes": sums["tax"],
        "order_total": order_total,
        "gift_wrapping_taxes": wrapped["tax"],
        "gift_wrapping_total": wrapped[side],
        "grand_total": order_total + wrapped["gross"],
        "currency": shop.currency,
    }


def _payments(dice: random.Random, way: str, shop: Shop) -> list[dict[str, Any]]:
    status = {"cancelled": "Voided", "returned": "Refunded", "partly_returned": "Partly refunded"}.get(
        way, "Captured"
    )
    methods = [dice.choices(("Visa", "Mastercard", shop.wallet), (45, 30, 25))[0]]
    if way == "in_store" and dice.random() < 0.15:
        methods = ["Cash"]
    elif dice.random() < 0.06:
        methods.insert(0, "Gift card")
    return [
        {
            "uuid": _uuid(dice),
            "currency": shop.currency,
            "method": method,
            # Nothing but the end of a card number is ever known.
            "credit_card_number": f"{dice.randint(0, 9999):04d}"
            if method in {"Visa", "Mastercard"}
            else None,
            "status_label": status,
        }
        for method in methods
    ]


def _shipments(
    dice: random.Random, way: str, shop: Shop, items: list[dict[str, Any]], placed_at: datetime
) -> list[dict[str, Any]]:
    if way == "cancelled":
        return []
    if way == "in_store":
        return [_handed_over(dice, shop, items, placed_at)]
    if way == "partly_shipped":
        return [
            _shipment(dice, shop, items[:1], placed_at, dice.choice(_UNDERWAY)),
            _shipment(dice, shop, items[1:], placed_at, dice.choice(_WAITING)),
        ]
    if way == "delivered" and len(items) > 2:
        return [
            _shipment(dice, shop, items[:2], placed_at, "delivered"),
            _shipment(dice, shop, items[2:], placed_at, "delivered"),
        ]
    status = {"shipped": dice.choice(_UNDERWAY), "pending": dice.choice(_WAITING)}.get(way, "delivered")
    shipment = _shipment(dice, shop, items, placed_at, status)
    if way in {"returned", "partly_returned"}:
        shipment["returns"] = [_return(dice, items if way == "returned" else items[:1], placed_at)]
    return [shipment]


def _return(dice: random.Random, items: list[dict[str, Any]], placed_at: datetime) -> dict[str, Any]:
    returned_at = _time(placed_at + timedelta(days=_SETTLED_DAYS, hours=-dice.randint(1, 90)))
    return {
        "return_id": f"R-{dice.randint(10000, 99999)}",
        "items": [
            {
                "product_id": item["id"],
                "quantity": item["quantity"],
                "return_reason": dice.choice(_RETURN_REASONS),
                "returned_at": returned_at,
            }
            for item in items
        ],
        "refund_note": "Refunded the way it was paid",
    }


def _handed_over(
    dice: random.Random, shop: Shop, items: list[dict[str, Any]], placed_at: datetime
) -> dict[str, Any]:
    return {
        "shipment_uuid": _uuid(dice),
        "shipping_from": shop.name,
        "details": {
            "method": "Over the counter",
            "delivery_status_id": "picked_up",
            "delivered_at": _time(placed_at),
        },
        "items": items,
    }


def _shipment(
    dice: random.Random, shop: Shop, items: list[dict[str, Any]], placed_at: datetime, status: str
) -> dict[str, Any]:
    arrived = _time(placed_at + timedelta(hours=dice.randint(40, 100))) if status == "delivered" else None
    package = {
        "shipment_id": f"S-{dice.randint(10**5, 10**6 - 1)}",
        "tracking_code": f"TR{dice.randint(10**9, 10**10 - 1)}",
        "delivered_at": arrived,
        "product_ids": [item["id"] for item in items],
    }
    return {
        "shipment_uuid": _uuid(dice),
        "shipping_from": shop.warehouse,
        "details": {
            "carrier": dice.choice(shop.carriers),
            "method": dice.choice(("Standard", "Express")),
            "delivery_status_id": status,
            "delivery_forecast_at": _time(placed_at + timedelta(days=5)),
            "delivered_at": arrived,
            "shipping_packages": [] if status in _WAITING else [package],
        },
        "items": items,
    }


def _uuid(dice: random.Random) -> str:
    return str(uuid.UUID(int=dice.getrandbits(128), version=4))


def _round(amount: Decimal, currency: str) -> Decimal:
    return amount.quantize(Decimal(1).scaleb(-money.decimals(currency)), ROUND_HALF_UP)


def _time(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
