"""The shape of an order: one table of every key with its kind, bounds and what erasure leaves of it."""

from collections.abc import Mapping
from typing import Final

from app.domain.iso_codes import COUNTRY_CODES, CURRENCY_CODES
from app.domain.order_kinds import (
    Amount,
    CardNumber,
    Choice,
    Free,
    Integer,
    ListOf,
    Record,
    Spec,
    Text,
    Time,
)

GONE: Final = 0  # erasure removes the key
SHORT_ZIP: Final = 2  # the region, not the street

_LABEL = Text(255)
_NOTE = Text(4000)
_PERSONAL = Text(255, keeps=GONE)
_ID = Text(255, is_id=True)
_PERSONAL_ID = Text(255, is_id=True, keeps=GONE)
_LINK = Text(2048, is_id=True)
_PERSONAL_LINK = Text(2048, is_id=True, keeps=GONE)
_UUID = Text(36, exact=True)
_CODE = Text(50)
_ZIP = Text(32, keeps=SHORT_ZIP)
_TIME_ = Time()
# Far beyond what anybody sells on one line; a source may take pieces back with less than none.
_QUANTITY = Integer(-1_000_000, 1_000_000)
_COUNTRY = Choice(COUNTRY_CODES, "Write the two capital letters of a country in ISO 3166-1, such as DE.")
_CURRENCY = Choice(CURRENCY_CODES, "Write the three capital letters of a currency in ISO 4217, such as EUR.")
_ADDRESS_TYPE = Choice(frozenset({"billing", "shipping"}), "Write billing or shipping.")

# What a person asked for is often in these: a monogram, a message on a card.
_ATTRIBUTES = ListOf(Record({"name": _LABEL, "value": _NOTE}), 200, keeps=GONE)

_SHIPPING_ADDRESS: Mapping[str, Spec] = {
    "title": _PERSONAL,
    "suffix": _PERSONAL,
    "salutation": _PERSONAL,
    "first_name": _PERSONAL,
    "second_name": _PERSONAL,
    "last_name": _PERSONAL,
    "address_line_1": _PERSONAL,
    "address_line_2": _PERSONAL,
    "province": _PERSONAL,
    "state": _LABEL,
    "zip_code": _ZIP,
    "city": _PERSONAL,
    "country_code": _COUNTRY,
    "phone": _PERSONAL,
}
_BILLING_ADDRESS: Mapping[str, Spec] = {**_SHIPPING_ADDRESS, "email": Text(320, is_id=True, keeps=GONE)}

_ACCOUNTING_ADDRESS: Mapping[str, Spec] = {
    "type": _ADDRESS_TYPE,
    "company": _LABEL,
    "first_name": _PERSONAL,
    "last_name": _PERSONAL,
    "address_1": _PERSONAL,
    "address_2": _PERSONAL,
    "zip_code": _ZIP,
    "city": _PERSONAL,
    "state": _LABEL,
    "country_code": _COUNTRY,
    "contact_phone": _PERSONAL,
}

_STORE_ADDRESS: Mapping[str, Spec] = {
    "address_line_1": _LABEL,
    "address_line_2": _LABEL,
    "province": _LABEL,
    "state": _LABEL,
    "zip_code": Text(32),
    "city": _LABEL,
    "country_code": _COUNTRY,
    "latitude": Amount(-90, 90),
    "longitude": Amount(-180, 180),
}

_PAYMENT: Mapping[str, Spec] = {
    "uuid": _UUID,
    "currency": _CURRENCY,
    "method": Text(255, is_about_payment=True),
    "payment_detail": Text(4000, is_about_payment=True, keeps=GONE),
    "credit_card_number": CardNumber(),
    "status_label": Text(255, is_about_payment=True),
    "status_description": Text(4000, is_about_payment=True, keeps=GONE),
}

_TOTALS: Mapping[str, Spec] = {
    "merchandise_total": Amount(),
    "shipping_total": Amount(),
    "shipping_taxes": Amount(),
    "taxes": Amount(),
    "order_total": Amount(),
    "gift_wrapping_taxes": Amount(),
    "gift_wrapping_total": Amount(),
    "grand_total": Amount(),
    "currency": _CURRENCY,
}

_PRICE: Mapping[str, Spec] = {
    "net": Amount(),
    "tax": Amount(),
    "gross": Amount(),
    "base": Amount(),
    "adjustment": Amount(),
    "adjusted_total": Amount(),
    "currency": _CURRENCY,
}

_DISCOUNTS = ListOf(
    Record(
        {
            "promotion_uuid": _UUID,
            "price_adjustment": Amount(),
            "reason": Text(4000, keeps=GONE),
            "action": _CODE,
            "value": Amount(),
            "level": _CODE,
            # A coupon and the number of another system can stand for one person.
            "coupon_code": _PERSONAL_ID,
            "external_ref": _PERSONAL_ID,
        }
    ),
    100,
)

_PRODUCTS = ListOf(
    Record(
        {
            "id": _ID,
            "name": Text(500),
            "image": _LINK,
            "quantity": _QUANTITY,
            "price": Record({**_PRICE, "catalog": Amount()}),
            "category": _LABEL,
            "variation_color_value": _LABEL,
            "variation_size_value": _LABEL,
            "variation_attribute_1_value": _LABEL,
            "variation_attribute_2_value": _LABEL,
            "product_sku": _ID,
            "custom_attributes": _ATTRIBUTES,
            "extended_attributes": _ATTRIBUTES,
            "discounts": _DISCOUNTS,
        }
    ),
    1000,
)

_PACKAGE: Mapping[str, Spec] = {
    "shipment_id": _ID,
    "tracking_code": _PERSONAL_ID,
    "delivery_from": _TIME_,
    "delivery_to": _TIME_,
    "delivered_at": _TIME_,
    "product_ids": ListOf(_ID, 1000),
    "links": Record({"return_label": _PERSONAL_LINK, "return_form": _PERSONAL_LINK}),
}

_RETURN: Mapping[str, Spec] = {
    "return_id": _ID,
    "items": ListOf(
        Record(
            {
                "product_id": _ID,
                "quantity": _QUANTITY,
                "return_reason": Text(4000, keeps=GONE),
                "return_code": _LABEL,
                "returned_at": _TIME_,
            }
        ),
        1000,
    ),
    "refund_note": Text(4000, keeps=GONE),
}

_SHIPMENT: Mapping[str, Spec] = {
    "shipment_uuid": _UUID,
    "shipping_from": _LABEL,
    "links": Record(
        {"return_label": _PERSONAL_LINK, "invoice": _PERSONAL_LINK, "sales_receipt": _PERSONAL_LINK}
    ),
    "price": Record(_PRICE),
    "totals": Record(_TOTALS),
    "details": Record(
        {
            "carrier": _LABEL,
            "method": _LABEL,
            "delivery_forecast_at": _TIME_,
            "delivery_status_label": _LABEL,
            "delivery_status_id": _CODE,
            "delivery_status_date": _TIME_,
            "delivered_at": _TIME_,
            "shipping_packages": ListOf(Record(_PACKAGE), 200),
        }
    ),
    "items": _PRODUCTS,
    "returns": ListOf(Record(_RETURN), 200),
    "accounting_entity": Record(
        {
            "id": _ID,
            "accounting_address": Record(
                _ACCOUNTING_ADDRESS,
                company_key="company",
                person_keys=frozenset({"first_name", "last_name", "contact_phone"}),
            ),
        }
    ),
    "store_address": Record(_STORE_ADDRESS),
    "discounts": _DISCOUNTS,
}

ORDER: Final = Record(
    {
        "order_uuid": _UUID,
        "order_id": _ID,
        "external_order_id": _ID,
        "customer_uuid": Text(36, exact=True, keeps=GONE),
        "external_customer_id": _PERSONAL_ID,
        "created_at": _TIME_,
        "created_by_label": _PERSONAL,
        "taxation": _CODE,
        "status_label": _LABEL,
        "status_description": Text(4000, keeps=GONE),
        "shipping_address": Record(_SHIPPING_ADDRESS),
        "billing_address": Record(_BILLING_ADDRESS),
        "payments": ListOf(Record(_PAYMENT), 100),
        "totals": Record(_TOTALS),
        "shipments": ListOf(Record(_SHIPMENT), 200),
        "value_added_services": ListOf(
            Record({"service_type": _LABEL, "options": Free(keeps=GONE), "price": Record(_PRICE)}), 100
        ),
        "ordered_products": _PRODUCTS,
        "channel": _LABEL,
        "channel_type": _CODE,
        "extended_attributes": _ATTRIBUTES,
    },
    required=frozenset({"external_order_id"}),
)
