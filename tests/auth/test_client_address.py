"""Client addresses: trusted proxies, the forms of entries in X-Forwarded-For."""

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given, strategies

from gateway.auth.client_address import (
    _warn_of_missing_header,
    parse_forwarded_entry,
    resolve_client_address,
)

TRUSTED_PROXIES = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "address"),
    [
        ("192.0.2.1", [], "192.0.2.1"),
        ("192.0.2.1", ["198.51.100.9"], "192.0.2.1"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.9"], "198.51.100.9"),
        ("10.0.0.1", ["203.0.113.5, 198.51.100.9"], "198.51.100.9"),
        ("10.0.0.1", ["203.0.113.5", "198.51.100.9"], "198.51.100.9"),
        ("10.0.0.1", ["198.51.100.9, 10.1.1.1 ,10.2.2.2"], "198.51.100.9"),
        ("10.0.0.1", ["10.1.1.1"], "10.1.1.1"),
        ("10.0.0.1", ["198.51.100.9, nonsense"], None),
        ("10.0.0.1", ["198.51.100.9, 10.1.1.1, "], None),
        ("10.0.0.1", ["192.0.2.7, 198.51.100.9\xff"], None),
        ("::ffff:10.0.0.1", ["::ffff:198.51.100.9"], "198.51.100.9"),
        ("fd00::1", ["2001:DB8::0:9"], "2001:db8::9"),
        ("2001:db8::1", ["198.51.100.9"], "2001:db8::1"),
        ("fe80::1%eth0", [], "fe80::1"),
        (None, ["198.51.100.9"], None),
        ("testclient", ["198.51.100.9"], None),
    ],
)
def test_forwarded_address_of_trusted_proxies_only(
    peer: str | None, forwarded_for: list[str], address: str | None
) -> None:
    assert resolve_client_address(peer, forwarded_for, TRUSTED_PROXIES) == address


def test_without_trusted_proxies_the_peer_is_the_client() -> None:
    assert resolve_client_address("10.0.0.1", ["198.51.100.9"], ()) == "10.0.0.1"


@pytest.mark.parametrize(
    ("entry", "address"),
    [
        ("192.0.2.1:5000", "192.0.2.1"),
        (" 192.0.2.1:5000\t", "192.0.2.1"),
        ('"192.0.2.1:5000"', "192.0.2.1"),
        ('"192.0.2.1"', "192.0.2.1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:DB8::1]:443", "2001:db8::1"),
        ('"[2001:db8::1]:443"', "2001:db8::1"),
        ("[::ffff:192.0.2.1]:443", "192.0.2.1"),
        ("[fe80::1%eth0]:443", "fe80::1"),
        ("fe80::1%25eth0", "fe80::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("192.0.2.1:0", "192.0.2.1"),
        ("192.0.2.1:65535", "192.0.2.1"),
    ],
)
def test_entry_with_port_or_brackets(entry: str, address: str) -> None:
    assert parse_forwarded_entry(entry) == address
    assert resolve_client_address("10.0.0.1", [f"203.0.113.5, {entry}"], TRUSTED_PROXIES) == address


@pytest.mark.parametrize(
    "entry",
    [
        "",
        "unknown",
        '"unknown"',
        "_hidden",
        "_hidden:80",
        "192.0.2.1:",
        "192.0.2.1:65536",
        "192.0.2.1:_port",
        "192.0.2.1:80:80",
        "192.0.2.1:-1",
        "192.0.2.1 :80",
        "192.0.2.1: 80",
        '"192.0.2.1',
        '192.0.2.1"',
        "'192.0.2.1'",
        "[192.0.2.1]",
        "[192.0.2.1]:80",
        "[2001:db8::1",
        "2001:db8::1]",
        "[[2001:db8::1]]",
        "[2001:db8::1]443",
        "[2001:db8::1]:",
        "2001:db8:1:2:3:4:5:6:443",
        "for=192.0.2.1",
        "192.0.2.01",
        "192.0.2",
        "3221225985",
        "0x7f.1",
        "192.0.2.1/32",
        "192.0.2.1\x00",
        "\u0661\u0669\u0662.0.2.1",
        "192.0.2.1:\u0668\u0660",
        "[]",
        "[]:80",
        ":80",
        '""',
    ],
)
def test_malformed_entry_is_an_unknown_address(entry: str) -> None:
    assert parse_forwarded_entry(entry) is None
    assert resolve_client_address("10.0.0.1", [f"192.0.2.7, {entry}"], TRUSTED_PROXIES) is None


ADDRESSES = strategies.ip_addresses().map(str)
PORTS = strategies.integers(0, 65535)


@given(ADDRESSES, PORTS, strategies.sampled_from(["{0}", "{0}:{1}", '"{0}:{1}"', '"{0}"']))
def test_each_form_of_an_address_is_parsed(address: str, port: int, form: str) -> None:
    host = f"[{address}]" if ":" in address else address
    expected = ip_address(address)
    expected = getattr(expected, "ipv4_mapped", None) or expected
    assert parse_forwarded_entry(form.format(host, port)) == str(expected)


@given(strategies.text('0123456789abcdef.:[]" ,%_-x\t', max_size=24) | strategies.text())
def test_entry_is_an_address_that_it_contains_or_unknown(entry: str) -> None:
    address = parse_forwarded_entry(entry)
    if address is not None:
        inner = entry.strip(" \t").strip('"')
        host = inner[1:].split("]")[0] if inner.startswith("[") else inner
        host = host.rsplit(":", 1)[0] if "." in host and host.count(":") == 1 else host
        parsed = ip_address(host.split("%")[0])
        assert address == str(getattr(parsed, "ipv4_mapped", None) or parsed)


@given(strategies.lists(strategies.text('0123456789.:[]",ab ', max_size=30), max_size=4), ADDRESSES)
def test_client_can_not_choose_its_address(prefix: list[str], address: str) -> None:
    """What a client sends itself stands before the entry that the trusted proxy adds."""
    if any(ip_address(address) in each for each in TRUSTED_PROXIES):
        return
    expected = getattr(ip_address(address), "ipv4_mapped", None) or ip_address(address)
    if any(expected in each for each in TRUSTED_PROXIES):
        return
    for lines in ([*prefix, address], [",".join([*prefix, address])]):
        assert resolve_client_address("10.0.0.1", lines, TRUSTED_PROXIES) == str(expected)


def test_proxy_without_the_header_is_reported_once(caplog: pytest.LogCaptureFixture) -> None:
    _warn_of_missing_header.cache_clear()
    for peer in ("192.0.2.1", "10.0.0.1", "10.0.0.2"):
        assert resolve_client_address(peer, [], TRUSTED_PROXIES) == peer
    (record,) = caplog.records
    assert "without X-Forwarded-For" in record.getMessage()


def test_long_headers_are_bounded() -> None:
    """Entries that are too long are unknown addresses, and of many hops only the last are read."""
    assert parse_forwarded_entry("fe80::1%" + "x" * 100) is None
    hops = ",".join(["10.1.1.1"] * 10_000)
    assert resolve_client_address("10.0.0.1", [f"192.0.2.1,{hops}"], TRUSTED_PROXIES) is None
    assert resolve_client_address("10.0.0.1", [f"{hops},192.0.2.1"], TRUSTED_PROXIES) == "192.0.2.1"
