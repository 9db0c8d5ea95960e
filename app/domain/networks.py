"""Addresses on the network that the program may call by itself: the public internet, nothing near it."""

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from app.domain.texts import N_
from app.domain.values import BadValue

MAX_URL = 500
_IPV6_PUBLIC = ipaddress.IPv6Network("2000::/3")
# Addresses of IPv6 that carry one of IPv4 within, which counts.
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
# Older versions of Python take parts of these for public.
_NOT_PUBLIC = tuple(map(ipaddress.IPv4Network, ("192.0.0.0/24", "192.88.99.0/24", "198.18.0.0/15")))
_IPV6_DOCUMENTATION = ipaddress.IPv6Network("3fff::/20")


@dataclass(frozen=True, kw_only=True)
class Target:
    """An address to call, taken apart."""

    scheme: str
    host: str
    port: int
    path: str


def parse(url: str, *, allow_private: bool) -> Target:
    """Take the address of a receiver apart; raises BadValue with how to mend it.

    Plain HTTP is only for one's own network: `allow_private`.
    """
    if (
        len(url) > MAX_URL
        or not url.isascii()
        or not url.isprintable()
        or any(mark in url for mark in ' \\"<>')
    ):
        raise BadValue(N_("Write the address in plain letters, without spaces: https://example.com/hook."))
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise BadValue(N_("This is no address. Write it like https://example.com/hook.")) from None
    schemes = {"https": 443, "http": 80} if allow_private else {"https": 443}
    if parts.scheme not in schemes:
        raise BadValue(N_("The address must begin with https://."))
    if not parts.hostname:
        raise BadValue(N_("This is no address. Write it like https://example.com/hook."))
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise BadValue(N_("Leave out name, password and # from the address."))
    if port == 0:
        raise BadValue(N_("This is no address. Write it like https://example.com/hook."))
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(
        scheme=parts.scheme, host=parts.hostname.rstrip("."), port=port or schemes[parts.scheme], path=path
    )


def is_public(address: str) -> bool:
    """True when an IP address is one of the public internet.

    False for loopback, private, link-local, shared (carrier NAT), multicast, unspecified, reserved
    and documentation networks, also where IPv6 carries such an address of IPv4 within.
    """
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if "%" in address:
        return False
    if isinstance(found, ipaddress.IPv4Address):
        return found.is_global and not (
            found.is_multicast or found.is_reserved or any(found in network for network in _NOT_PUBLIC)
        )
    if found.ipv4_mapped is not None:
        return is_public(str(found.ipv4_mapped))
    if found in _NAT64:
        return is_public(str(ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)))
    if found.sixtofour is not None:
        return is_public(str(found.sixtofour))
    if found.teredo is not None or found in _IPV6_DOCUMENTATION:
        return False
    return found in _IPV6_PUBLIC and found.is_global and not found.is_multicast
