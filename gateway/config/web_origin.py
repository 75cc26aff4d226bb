"""Origins of web pages, compared as RFC 6454 says: by scheme, host and port."""

import re
from ipaddress import IPv6Address

import idna

MAX_ORIGIN_LENGTH = 300
"""Longer texts are not an origin: a host name has at most 253 characters."""
DEFAULT_PORTS = {"http": 80, "https": 443}
_ORIGIN_PATTERN = re.compile(
    r"(https?)://(\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(?::([0-9]*))?", re.IGNORECASE | re.ASCII
)
_HOST_PATTERN = re.compile(r"(?<=://)[^\s/?#@:\[\]]+")


def normalize_origin(text: str) -> str | None:
    """Return the serialisation of an origin that browsers send; None if it is not one.

    Scheme and host are in lower case, a default port is left out, an IPv6 address has its
    shortest form. `null`, the origin of sandboxed documents and local files, is not an origin here.
    """
    match = _ORIGIN_PATTERN.fullmatch(text) if len(text) <= MAX_ORIGIN_LENGTH else None
    if match is None:
        return None
    scheme, host = match[1].lower(), _normalize_host(match[2].lower())
    port = int(match[3] or DEFAULT_PORTS[scheme])
    if host is None or not 0 < port < 2**16:
        return None
    return f"{scheme}://{host}" + ("" if port == DEFAULT_PORTS[scheme] else f":{port}")


def encode_origin_host(text: str) -> str:
    """Return an origin with its host in ASCII, as browsers encode international names.

    Raises ValueError if the host is not a valid name.
    """
    return _HOST_PATTERN.sub(lambda match: _encode_host(match[0]), text)


def _encode_host(host: str) -> str:
    return host if host.isascii() else idna.encode(host, uts46=True).decode()


def _normalize_host(host: str) -> str | None:
    if not host.startswith("["):
        return host
    try:
        return f"[{IPv6Address(host[1:-1]).compressed}]"
    except ValueError:
        return None
