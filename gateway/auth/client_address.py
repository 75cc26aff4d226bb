"""Client addresses: the peer's, or by X-Forwarded-For the one that trusted proxies report."""

import logging
import re
from collections.abc import Sequence
from functools import cache, lru_cache
from ipaddress import IPv6Address, ip_address

from gateway.config.parsers import Network

log = logging.getLogger(__name__)
MAX_HOPS, MAX_ENTRY_CHARS = 30, 100
"""Hops that are read of a line of X-Forwarded-For; characters of a hop's address."""
_FORWARDED_ENTRY_PATTERN = re.compile(
    r'(?P<quote>"?)(?:\[(?P<ipv6>[^\]]*:[^\]]*)\]|(?P<bare>[^\[\]":]+))'
    r"(?P<port>:[0-9]{1,5})?(?P=quote)",
    re.ASCII,
)
"""An entry with a port, or with brackets, as in the header Forwarded (RFC 7239 §6)."""


def resolve_client_address(
    peer_address: str | None, forwarded_for: Sequence[str], trusted_proxies: Sequence[Network]
) -> str | None:
    """Return the client's address; None if it is unknown or malformed.

    It is the peer's, unless that is a trusted proxy. Then the entries of X-Forwarded-For
    are read from the last one (the nearest hop) to the first that is not a trusted proxy.
    """
    address = _parse_address(peer_address or "")
    hops = [hop for line in forwarded_for for hop in line.rsplit(",", MAX_HOPS)]
    if not hops and _is_trusted(address, trusted_proxies):
        _warn_of_missing_header()
    while hops and _is_trusted(address, trusted_proxies):
        address = parse_forwarded_entry(hops.pop())
    return address


def parse_forwarded_entry(entry: str) -> str | None:
    """Return the address in an entry of X-Forwarded-For; None if it is not an address.

    Proxies write `192.0.2.1`, `192.0.2.1:5000`, `2001:db8::1`, `[2001:db8::1]` or
    `[2001:db8::1]:443`, some in quotation marks. An IPv6 address without brackets has no port.
    `unknown` and names such as `_hidden` (RFC 7239) are not addresses.
    """
    entry = entry.strip(" \t")
    if len(entry) > MAX_ENTRY_CHARS:
        return None
    match = _FORWARDED_ENTRY_PATTERN.fullmatch(entry)
    if match is None:
        return _parse_address(entry)
    port = match["port"]
    is_port_valid = port is None or int(port[1:]) <= 65535  # noqa: PLR2004 - TCP's ports
    return _parse_address(match["ipv6"] or match["bare"]) if is_port_valid else None


def _is_trusted(address: str | None, trusted_proxies: Sequence[Network]) -> bool:
    return address is not None and any(ip_address(address) in each for each in trusted_proxies)


@lru_cache(1000)
def _parse_address(text: str) -> str | None:
    """Return an address in its canonical form, without the zone; None if it is malformed."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(address).partition("%")[0]


@cache
def _warn_of_missing_header() -> None:
    """Log, once in a process, that clients behind a proxy can't be told apart."""
    log.warning(
        "A proxy of GATEWAY_TRUSTED_PROXIES sent a request without X-Forwarded-For. The proxy's"
        " address is taken for that of all its clients: they share the limits of one address."
    )
