"""A store: what may be written and how it is normalised."""

from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any
from zoneinfo import available_timezones

from app.domain import values
from app.domain.fields import Checker
from app.domain.iso_codes import CURRENCY_CODES
from app.domain.texts import N_
from app.domain.values import BadValue


@lru_cache(maxsize=1)
def time_zones() -> tuple[str, ...]:
    """Return the names of the places whose time a store may keep, by name."""
    return ("UTC", *sorted(name for name in available_timezones() if name.partition("/")[0] in _CONTINENTS))


_CONTINENTS = frozenset(
    {
        "Africa",
        "America",
        "Antarctica",
        "Arctic",
        "Asia",
        "Atlantic",
        "Australia",
        "Europe",
        "Indian",
        "Pacific",
    }
)


@dataclass(frozen=True, kw_only=True)
class StoreInput:
    """A store as somebody gave it; `check()` gives what may be stored."""

    name: str
    country_code: str
    currency: str
    time_zone: str

    def check(self) -> dict[str, Any]:
        """Return the columns to write. Raises Invalid with the reasons by field."""
        checker = Checker()
        columns = {
            "name": checker.take("name", partial(_required, self.name, N_("Enter a name.")), ""),
            "country_code": checker.take("country_code", self._country, ""),
            "currency": checker.take("currency", self._currency, ""),
            "time_zone": checker.take("time_zone", self._time_zone, ""),
        }
        checker.done()
        return columns

    def _country(self) -> str:
        code = values.country(self.country_code)
        if not code:
            raise BadValue(N_("Choose a country."))
        return code

    def _currency(self) -> str:
        code = values.text(self.currency, max_length=values.MAX_NAME).upper()
        if code not in CURRENCY_CODES:
            raise BadValue(N_("Give the currency by its three letters, like EUR."))
        return code

    def _time_zone(self) -> str:
        name = values.text(self.time_zone, max_length=64)
        if name not in time_zones():
            raise BadValue(N_("Choose a time zone, like Europe/Paris."))
        return name


def _required(value: str, reason: str) -> str:
    cleaned = values.text(value, max_length=values.MAX_NAME)
    if not cleaned:
        raise BadValue(reason)
    return cleaned
