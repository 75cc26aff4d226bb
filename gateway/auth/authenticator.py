"""From a request's token to a viewer; the only reader of credentials (domain.md §4.1)."""

import asyncio
import re
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import Any

from gateway.config.parsers import Network
from gateway.db.access.viewer import Viewer
from gateway.db.access.viewer_loader import ViewerReader

KNOWN = 10_000
_KEY = re.compile(r"[0-9A-Za-z]{1,40}")
_SUPPORTED = "Send `Authorization: Token <key>` with the key of a Waldur user."


class UnauthenticatedError(Exception):
    """The credentials are of no use; the text says why."""


@lru_cache(1000)
def asker(
    authorization: tuple[str, ...],
    peer: str | None,
    forwarded: tuple[str, ...],
    trusted: tuple[Network, ...],
) -> tuple[str | None, str | None]:
    """Give the key and the client's address that a request comes with, as the next two do."""
    return key_in(authorization), client_address(peer, forwarded, trusted)


def key_in(authorization: Sequence[str]) -> str | None:
    """Give the key in the Authorization header, which comes once or not at all; None without one.

    UnauthenticatedError for a malformed header, and for credentials of a kind
    that is not supported.
    """
    if not authorization:
        return None
    if len(authorization) > 1:
        raise UnauthenticatedError(f"There is more than one Authorization header. {_SUPPORTED}")
    scheme, _, key = authorization[0].strip().partition(" ")
    if scheme.lower() not in ("token", "bearer"):
        raise UnauthenticatedError(f"The scheme {scheme[:20]!r} is not supported. {_SUPPORTED}")
    key = key.strip()
    if _KEY.fullmatch(key):
        return key
    if scheme.lower() == "bearer" and key:
        raise UnauthenticatedError(
            f"OIDC access tokens and personal access tokens are not supported. {_SUPPORTED}"
        )
    raise UnauthenticatedError(f"The Authorization header is malformed. {_SUPPORTED}")


def client_address(
    peer: str | None, forwarded: Sequence[str], trusted: Sequence[Network]
) -> str | None:
    """Give the client's address: what trusted proxies say, from the nearest on, else the peer's."""
    address = _address(peer)
    hops = [hop for line in forwarded for hop in line.split(",")]
    while address and hops and any(ip_address(address) in each for each in trusted):
        address = _address(hops.pop())
    return address


@lru_cache(1000)
def _address(text: str | None) -> str | None:
    try:
        address = ip_address((text or "").strip())
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(address).partition("%")[0]


@dataclass
class _Known:
    since: float
    seconds: float
    viewer: "asyncio.Future[Viewer]"

    def until(self, within: float | None) -> float:
        """Give until when it may be used."""
        return self.since + (self.seconds if within is None else min(within, self.seconds))


class Viewers:
    """Tells who asks; remembers it for some seconds only, so that roles can be revoked."""

    def __init__(
        self,
        source: ViewerReader,
        *,
        seconds: float,
        used: Callable[[str], Any] = lambda _: None,
        patient: Callable[["asyncio.Future[Viewer]"], Awaitable[Viewer]] = asyncio.shield,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Read from `source` for as long as `patient` waits; tell `used` of each good token."""
        self._source, self._seconds, self._clock = source, seconds, clock
        self._used, self._patient = used, patient
        self._known: OrderedDict[tuple[str | None, str | None], _Known] = OrderedDict()

    async def viewer(self, key: str | None, address: str | None) -> Viewer:
        """Give the viewer whose token has that key; without one the anonymous.

        UnauthenticatedError if the token does not count, UnavailableError if
        the database can't be reached.
        """
        viewer = await self.look(key, address)
        if key is not None:
            self._used(key)
        return viewer

    async def look(
        self, key: str | None, address: str | None, within: float | None = None
    ) -> Viewer:
        """Give the same without counting that as a use of the token.

        It was read `within` so many seconds, or as long as viewers are remembered.
        """
        name = key, address
        known = self._known.get(name)
        if known is None or known.until(within) <= self._clock():
            known = self._load(name)
        coming = known.viewer
        return coming.result() if coming.done() else await self._patient(coming)

    def _load(self, name: tuple[str | None, str | None]) -> _Known:
        loading = asyncio.ensure_future(self._read(*name))
        known = self._known[name] = _Known(self._clock(), self._seconds, loading)
        self._known.move_to_end(name)
        if len(self._known) > KNOWN:
            self._known.popitem(last=False)
        loading.add_done_callback(lambda done: self._forget(name, known, done))
        return known

    def _forget(
        self, name: tuple[str | None, str | None], known: _Known, done: "asyncio.Future[Viewer]"
    ) -> None:
        """Remember no failure: what is wrong now may be right in a moment."""
        failed = done.cancelled() or done.exception() is not None
        if failed and self._known.get(name) is known:
            del self._known[name]

    async def _read(self, key: str | None, address: str | None) -> Viewer:
        if key is None:
            return await self._source.viewer(None, address)
        holder = await self._source.holder(key)
        if holder is None:
            raise UnauthenticatedError("Invalid token.")
        if not holder.is_active:
            raise UnauthenticatedError("User inactive or deleted.")
        if holder.expired:
            raise UnauthenticatedError("Token has expired.")
        return await self._source.viewer(holder, address)
