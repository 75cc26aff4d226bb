"""Test origins: their serialisation, as in RFC 6454, and texts that are none."""

import pytest

from gateway.config.web_origin import encode_origin_host, normalize_origin


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("https://portal.example.org", "https://portal.example.org"),
        ("HTTPS://Portal.Example.ORG", "https://portal.example.org"),
        ("https://portal.example.org:443", "https://portal.example.org"),
        ("https://portal.example.org:0443", "https://portal.example.org"),
        ("https://portal.example.org:", "https://portal.example.org"),
        ("https://portal.example.org:80", "https://portal.example.org:80"),
        ("http://portal.example.org:80", "http://portal.example.org"),
        ("http://portal.example.org:443", "http://portal.example.org:443"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("http://[::1]:8000", "http://[::1]:8000"),
        ("http://[0:0:0:0:0:0:0:1]", "http://[::1]"),
        ("http://[FE80::A]", "http://[fe80::a]"),
        ("https://xn--bcher-kva.example", "https://xn--bcher-kva.example"),
        ("https://portal.example.org.", "https://portal.example.org."),
    ],
)
def test_origin_is_normalized(text: str, origin: str) -> None:
    assert normalize_origin(text) == origin


@pytest.mark.parametrize(
    "text",
    [
        "",
        "*",
        "null",
        "portal.example.org",
        "https://",
        "https:///",
        "//portal.example.org",
        "https://portal.example.org/",
        "https://portal.example.org/path",
        "https://portal.example.org?query",
        "https://user@portal.example.org",
        "https://portal.example.org:65536",
        "https://portal.example.org:0",
        "https://portal.example.org:x",
        "https://portal.example.org:-1",
        "https://portal.example.org https://other.example.org",
        "https://portal.example.org\n",
        " https://portal.example.org",
        "https://*.example.org",
        "https://bücher.example",
        "https://portal.example.\u212a",  # the Kelvin sign, whose lower case is k
        "https://portal.example.org:\u0664\u0664\u0663",
        "http://[",
        "http://[]",
        "http://[::1",
        "http://[::1]x",
        "http://[fe80::1%25eth0]",
        "http://[127.0.0.1]",
        "ftp://portal.example.org",
        "file://",
        "chrome-extension://abcdefgh",
        "https://" + "a" * 300,
    ],
)
def test_other_texts_are_not_an_origin(text: str) -> None:
    assert normalize_origin(text) is None


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("https://bücher.example", "https://xn--bcher-kva.example"),
        ("https://BÜCHER.example:8443", "https://xn--bcher-kva.example:8443"),
        ("https://straße.example", "https://xn--strae-oqa.example"),
        ("https://portal.example.org:8443", "https://portal.example.org:8443"),
    ],
)
def test_international_names_are_encoded_as_browsers_do(text: str, origin: str) -> None:
    assert encode_origin_host(text) == origin


def test_an_invalid_international_name_is_rejected() -> None:
    with pytest.raises(ValueError, match=r".+"):
        encode_origin_host("https://a\u2024\u2024\xad")
