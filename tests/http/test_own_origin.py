"""The gateway's own origin: from the request, or from the headers of a trusted proxy."""

from ipaddress import ip_network

import pytest

from gateway.http.own_origin import compute_own_origin

PROXIES = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))
FORWARDED = {"x-forwarded-proto": "https", "x-forwarded-host": "api.example.org"}


def compute_origin(
    headers: dict[str, str], peer: str | None = "10.0.0.1", scheme: str = "ws"
) -> str | None:
    """Return the own origin of a request with these headers from a peer."""
    return compute_own_origin(
        {
            "scheme": scheme,
            "client": peer and (peer, 1),
            "headers": [
                (name.encode(), value.encode("latin-1")) for name, value in headers.items()
            ],
        },
        PROXIES,
    )


@pytest.mark.parametrize(
    ("scheme", "host", "origin"),
    [
        ("ws", "api.example.org", "http://api.example.org"),
        ("wss", "API.example.org:443", "https://api.example.org"),
        ("http", "[::1]:8000", "http://[::1]:8000"),
        ("https", "127.0.0.1", "https://127.0.0.1"),
        ("ws", "", None),
        ("ws", "a b", None),
        ("ws", "api.example.org/path", None),
        ("ws", "user@api.example.org", None),
        ("ws", "\xff", None),
    ],
)
def test_origin_of_the_request(scheme: str, host: str, origin: str | None) -> None:
    assert compute_origin({"host": host}, scheme=scheme) == origin


@pytest.mark.parametrize("peer", ["10.1.2.3", "fd00::1", "::ffff:10.0.0.1"])
def test_trusted_proxies_name_scheme_and_host(peer: str) -> None:
    assert compute_origin({"host": "inside:8000", **FORWARDED}, peer) == "https://api.example.org"


@pytest.mark.parametrize("peer", ["192.0.2.1", "2001:db8::1", None, "", "testclient"])
def test_other_peers_do_not(peer: str | None) -> None:
    assert compute_origin({"host": "inside:8000", **FORWARDED}, peer) == "http://inside:8000"


@pytest.mark.parametrize(
    ("headers", "origin"),
    [
        ({"x-forwarded-proto": "https"}, "https://inside"),
        ({"x-forwarded-proto": "HTTPS"}, "https://inside"),
        ({"x-forwarded-proto": "wss"}, "https://inside"),
        ({"x-forwarded-proto": "http"}, "http://inside"),
        ({"x-forwarded-proto": "http, https"}, "https://inside"),
        ({"x-forwarded-proto": "gopher"}, None),
        ({"x-forwarded-proto": ""}, "http://inside"),
        ({"x-forwarded-host": "evil.example, api.example.org:8443"}, "http://api.example.org:8443"),
        ({"x-forwarded-host": "nonsense here"}, None),
    ],
)
def test_values_of_the_nearest_proxy_count(headers: dict[str, str], origin: str | None) -> None:
    assert compute_origin({"host": "inside", **headers}) == origin
