"""Invented orders for the demo: online and in store, in every state."""

import random
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from app.cli.demo_people import Person
from app.domain import money

# Picture, name, category, price in euros, sizes.
_CLOTHES = ("XS", "S", "M", "L", "XL")
_SHOES = ("37", "38", "39", "41", "42", "44")
_ONE = ("",)
PRODUCTS = (
    ("shirt", "Oxford shirt", "Shirts", 79, _CLOTHES), ("shirt", "Linen shirt", "Shirts", 95, _CLOTHES),
    ("knitwear", "Merino crew neck", "Knitwear", 120, _CLOTHES), ("jeans", "Straight jeans", "Trousers", 110, ("28", "30", "32", "34")),
    ("chinos", "Slim chinos", "Trousers", 98, ("30", "32", "34", "36")), ("dress", "Wrap dress", "Dresses", 165, _CLOTHES),
    ("skirt", "Pleated skirt", "Skirts", 115, _CLOTHES), ("coat", "Wool coat", "Outerwear", 390, _CLOTHES),
    ("jacket", "Field jacket", "Outerwear", 240, _CLOTHES), ("shoes", "Derby shoes", "Shoes", 210, _SHOES),
    ("sneakers", "Canvas sneakers", "Shoes", 99, _SHOES), ("boots", "Chelsea boots", "Shoes", 260, _SHOES),
    ("bag", "Leather tote", "Accessories", 320, _ONE), ("belt", "Braided belt", "Accessories", 65, ("85", "95", "105")),
    ("scarf", "Silk scarf", "Accessories", 88, _ONE), ("hat", "Felt hat", "Accessories", 72, ("S", "M", "L")),
    ("socks", "Ribbed socks", "Accessories", 14, ("36-40", "41-45")), ("tie", "Knitted tie", "Accessories", 55, _ONE),
    ("watch", "Field watch", "Accessories", 450, _ONE),
)  # fmt: skip
COLOURS = ("Navy", "Ecru", "Black", "Olive", "Burgundy", "Sky blue", "Camel", "Grey")
RATES = {"EUR": Decimal(1), "USD": Decimal("1.1"), "JPY": Decimal(160)}
# How often each way of an order occurs.
WAYS = {
    "delivered": 46, "in_store": 22, "shipped": 8, "pending": 5, "partly_shipped": 6, "partly_returned": 6,
    "returned": 4, "cancelled": 3,
}  # fmt: skip
_TAX = Decimal("0.19")


def make(
    dice: random.Random, number: int, person: Person, store: Mapping[str, str], now: datetime
) -> dict[str, Any]:
    """Return the document of one order; `store` gives name, currency and country."""
    way = dice.choices(list(WAYS), weights=list(WAYS.values()))[0]
    fresh = way in {"shipped", "pending", "partly_shipped"}
    age = timedelta(days=dice.uniform(0, 9 if fresh else 30 * dice.choice((1, 3, 6, 12, 24))))
    placed_at = now - age
    items = [_item(dice, store["currency"]) for _ in range(dice.choices((1, 2, 3, 4), (45, 30, 17, 8))[0])]
    if way in {"partly_shipped", "partly_returned"} and len(items) == 1:
        items.append(_item(dice, store["currency"]))
    merchandise = sum((item["price"]["adjusted_total"] for item in items), Decimal(0))
    online = way != "in_store"
    shipping = _round(Decimal(6) * RATES[store["currency"]], store["currency"]) if online else Decimal(0)
    address = {
        "first_name": person.first_name, "last_name": person.last_name, "address_line_1": person.street,
        "zip_code": person.town[0], "city": person.town[1], "state": person.town[2],
        "country_code": person.land.code, "phone": person.phone,
    }  # fmt: skip
    prefix = "WEB" if online else "POS"
    return {
        "order_uuid": str(uuid.UUID(int=dice.getrandbits(128), version=4)),
        "order_id": f"{prefix}-{100000 + number}",
        "external_order_id": f"{prefix}-{100000 + number}",
        "created_at": _time(placed_at),
        "taxation": "gross",
        "status_label": "cancelled" if way == "cancelled" else "completed",
        "shipping_address": address if online else None,
        "billing_address": {**address, "email": person.email},
        "payments": [
            {
                "currency": store["currency"],
                "method": dice.choice(("Visa", "Mastercard", "PayPal", "Gift card")),
                "credit_card_number": f"{dice.randint(0, 9999):04d}",
                "status_label": "Refunded" if way in {"returned", "cancelled"} else "Captured",
            }
        ],
        "totals": {
            "merchandise_total": merchandise,
            "shipping_total": shipping,
            "taxes": _round((merchandise + shipping) * _TAX / (1 + _TAX), store["currency"]),
            "grand_total": merchandise + shipping,
            "currency": store["currency"],
        },
        "shipments": _shipments(dice, way, items, placed_at),
        "value_added_services": _wrapping(store["currency"]) if online and dice.random() < 0.05 else [],
        "ordered_products": items,
        "channel": "Web shop" if online else store["name"],
        "channel_type": "web" if online else "store",
        "extended_attributes": [],
    }


def _wrapping(currency: str) -> list[dict[str, Any]]:
    return [
        {
            "service_type": "gift_wrapping",
            "options": {"paper": "blue"},
            "price": {"gross": Decimal(0), "currency": currency},
        }
    ]


def _item(dice: random.Random, currency: str) -> dict[str, Any]:
    picture, name, category, euros, sizes = dice.choice(PRODUCTS)
    catalog = _round(Decimal(euros) * RATES[currency], currency)
    quantity = 2 if name == "Ribbed socks" else 1
    colour, size = dice.choice(COLOURS), dice.choice(sizes)
    discount = _round(catalog * Decimal("0.2"), currency) if dice.random() < 0.18 else Decimal(0)
    paid = (catalog - discount) * quantity
    return {
        "id": f"{picture}-{name}-{colour}-{size}".lower().replace(" ", "-"),
        "name": name,
        "image": f"/static/products/{picture}.svg",
        "quantity": quantity,
        "price": {"catalog": catalog * quantity, "gross": paid, "adjusted_total": paid, "currency": currency},
        "category": category,
        "variation_color_value": colour,
        "variation_size_value": size or None,
        "product_sku": f"{picture[:3].upper()}-{euros:03d}-{colour[:3].upper()}-{size or 'ONE'}",
        "discounts": [
            {
                "price_adjustment": -discount * quantity,
                "reason": "Season sale",
                "action": "percentage",
                "value": 20,
            }
        ]
        if discount
        else [],
    }


def _shipments(
    dice: random.Random, way: str, items: list[dict[str, Any]], placed_at: datetime
) -> list[dict[str, Any]]:
    if way == "cancelled":
        return []
    if way == "partly_shipped":
        return [
            _shipment(dice, items[:1], placed_at, "in_transit"),
            _shipment(dice, items[1:], placed_at, "processing"),
        ]
    status = {"shipped": "in_transit", "pending": "processing", "in_store": "picked_up"}.get(way, "delivered")
    shipment = _shipment(dice, items, placed_at, status)
    if way in {"returned", "partly_returned"}:
        back = items if way == "returned" else items[:1]
        returned_at = _time(placed_at + timedelta(hours=90))
        shipment["returns"] = [
            {
                "return_id": f"R-{dice.randint(10000, 99999)}",
                "items": [
                    {
                        "product_id": item["id"],
                        "quantity": item["quantity"],
                        "return_reason": dice.choice(("Too small", "Too large", "Changed my mind")),
                        "returned_at": returned_at,
                    }
                    for item in back
                ],
            }
        ]
    return [shipment]


def _shipment(
    dice: random.Random, items: list[dict[str, Any]], placed_at: datetime, status: str
) -> dict[str, Any]:
    arrived = _time(placed_at + timedelta(hours=50)) if status == "delivered" else None
    over_counter = status == "picked_up"
    package = {
        "tracking_code": f"TR{dice.randint(10**9, 10**10 - 1)}",
        "delivered_at": arrived,
        "product_ids": [item["id"] for item in items],
    }
    return {
        "shipment_uuid": str(uuid.UUID(int=dice.getrandbits(128), version=4)),
        "details": {
            "carrier": None if over_counter else dice.choice(("DHL", "UPS", "La Poste", "Yamato")),
            "method": "Over the counter" if over_counter else dice.choice(("Standard", "Express")),
            "delivery_status_id": status,
            "delivered_at": _time(placed_at) if over_counter else arrived,
            "shipping_packages": [] if over_counter or status == "processing" else [package],
        },
        "items": items,
        "returns": [],
    }


def _round(amount: Decimal, currency: str) -> Decimal:
    return amount.quantize(Decimal(1).scaleb(-money.decimals(currency)))


def _time(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
