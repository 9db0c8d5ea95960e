"""Which addresses the program may call by itself."""

import pytest

from app.domain import networks
from app.domain.values import BadValue


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "100.64.0.1",
        "127.0.0.1",
        "127.255.255.254",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.8",
        "192.0.2.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.9",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::7f00:1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a00:1",
        "64:ff9b:1::1",
        "100::1",
        "2001:0:53aa:64c:0:fbff:f5ff:fffe",
        "2001:db8::1",
        "2002:7f00:1::",
        "3fff::1",
        "2002:c0a8:101::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
        "4000::1",
        "no address",
        "",
    ],
)
def test_a_network_near_by_is_refused(address):
    assert networks.is_public(address) is False


@pytest.mark.parametrize(
    "address",
    ["1.1.1.1", "93.184.216.34", "100.63.255.255", "100.128.0.1", "172.32.0.1", "2606:4700:4700::1111",
     "::ffff:1.1.1.1", "64:ff9b::101:101"],
)  # fmt: skip
def test_the_public_internet_is_allowed(address):
    assert networks.is_public(address) is True


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com/hook",
        "http://example.com/hook",
        "ftp://example.com",
        "file:///etc/passwd",
        "gopher://example.com",
        "https://",
        "https:///hook",
        "https://ada:word@example.com/",
        "https://example.com/#part",
        "https://example.com:99999/",
        "https://example.com:0/",
        "https://[::1/",
        "https://exa mple.com/",
        "https://exämple.com/",
        "https://example.com/\r\nX: y",
        "https://example.com/" + "x" * 500,
    ],
)
def test_what_is_no_address_of_a_receiver_is_refused_with_words(url):
    with pytest.raises(BadValue):
        networks.parse(url, allow_private=False)


def test_an_address_is_taken_apart():
    target = networks.parse("https://Example.com:8443/a/b?c=d", allow_private=False)
    assert (target.scheme, target.host, target.port, target.path) == (
        "https", "example.com", 8443, "/a/b?c=d",
    )  # fmt: skip
    assert networks.parse("https://example.com", allow_private=False).path == "/"
    assert networks.parse("http://[::1]:80/x", allow_private=True).host == "::1"
