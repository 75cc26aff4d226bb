"""Authenticator: from a request's credentials to its viewer (domain.md §4.1).

No other module reads credentials.
"""

import asyncio
import re
import time
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from gateway.auth.client_address import resolve_client_address
from gateway.auth.errors import RefusedCredentialsError, UnauthenticatedError
from gateway.auth.failed_tokens import FailedTokens
from gateway.auth.impersonation import (
    ImpersonationLog,
    check_token_kind,
    load_impersonated_viewer,
)
from gateway.auth.token_holders import TOKEN_READERS, TokenReader
from gateway.config.parsers import Network
from gateway.db.access.credentials import Credentials, TokenKind
from gateway.db.access.viewer import Viewer
from gateway.db.access.viewer_loader import ViewerLoader
from gateway.db.driver.errors import UnavailableError

MAX_CACHED_VIEWERS, MAX_CACHED_ANONYMOUS = 10_000, 1000
"""Cached viewers of tokens, and of addresses without a token."""
MAX_CACHED_HEADER_CHARS = 500
"""Length of the headers beyond which their credentials are parsed for each request."""
MAX_LOADING_VIEWERS = 2000
"""Viewers being loaded by tokens of a kind, beyond which unknown ones of it are refused."""
MAX_OIDC_TOKEN_CHARS = 8000
_TOKEN_FORMS: Sequence[tuple[Sequence[str], re.Pattern[str], TokenKind]] = (
    (("token", "bearer"), re.compile(r"[0-9A-Za-z]{1,40}"), TokenKind.LOGIN),
    (("bearer",), re.compile(r"w_[0-9]{1,11}_[0-9A-Za-z_-]{43}"), TokenKind.PERSONAL),
    (
        ("bearer",),
        re.compile(
            rf"(?=.{{1,{MAX_OIDC_TOKEN_CHARS}}}$)[0-9A-Za-z_-]+\.[0-9A-Za-z_-]+\.[0-9A-Za-z_-]*"
        ),
        TokenKind.OIDC,
    ),
)
"""Schemes in lower case, form and kind of each token that is supported."""
_PERSONAL_PREFIX = "w_"
_SUPPORTED_SCHEMES_HINT = (
    "Send `Authorization: Token <key>` with the key of a Waldur user, or"
    " `Authorization: Bearer <token>` with a personal access token."
)


def parse_credentials(
    authorization: tuple[str, ...],
    peer_address: str | None,
    forwarded_for: tuple[str, ...],
    trusted_proxies: tuple[Network, ...],
    impersonated_uuid: str | None = None,
) -> Credentials:
    """Return the credentials of a request.

    See `parse_token`, which may raise UnauthenticatedError, and `resolve_client_address`.
    """
    if not trusted_proxies:
        forwarded_for = ()
    is_cached = sum(map(len, authorization + forwarded_for)) <= MAX_CACHED_HEADER_CHARS
    parse = _parse_cached if is_cached else _parse_cached.__wrapped__
    credentials = parse(authorization, peer_address, forwarded_for, trusted_proxies)
    if impersonated_uuid is None:
        return credentials
    return credentials._replace(impersonated_uuid=impersonated_uuid)


@lru_cache(1000)
def _parse_cached(
    authorization: tuple[str, ...],
    peer_address: str | None,
    forwarded_for: tuple[str, ...],
    trusted_proxies: tuple[Network, ...],
) -> Credentials:
    address = resolve_client_address(peer_address, forwarded_for, trusted_proxies)
    key, token_kind = parse_token(authorization)
    return Credentials(key, address, token_kind)


def parse_token(authorization: Sequence[str]) -> tuple[str | None, TokenKind]:
    """Return the token in the Authorization header, and its kind; no token without the header.

    Raises UnauthenticatedError if the header is malformed or repeated, or has a scheme or
    a kind of token that is not supported.
    """
    if not authorization:
        return None, TokenKind.LOGIN
    if len(authorization) > 1:
        raise UnauthenticatedError(
            f"The request has more than one Authorization header. {_SUPPORTED_SCHEMES_HINT}"
        )
    scheme, _, key = authorization[0].strip().partition(" ")
    key = key.strip()
    for schemes, pattern, token_kind in _TOKEN_FORMS:
        if scheme.lower() in schemes and pattern.fullmatch(key):
            return key, token_kind
    raise UnauthenticatedError(f"{_explain_refusal(scheme, key)} {_SUPPORTED_SCHEMES_HINT}")


def _explain_refusal(scheme: str, key: str) -> str:
    """Return why credentials are refused, without repeating what may be a secret."""
    if key.startswith(_PERSONAL_PREFIX):
        return "The personal access token is malformed, or not sent as a Bearer token."
    if scheme.lower() == "bearer" and key:
        return "OIDC access tokens of this form are not supported, only JSON Web Tokens."
    if key and scheme.isalpha() and scheme.lower() != "token":
        return f"The Authorization scheme {scheme[:20]!r} is not supported."
    return "The Authorization header is malformed."


@dataclass
class _CacheEntry:
    """A cached viewer, or one that is being loaded; times are those of the cache's clock."""

    loaded_at: float
    lifetime_seconds: float
    viewer_future: "asyncio.Future[Viewer]" = field(init=False)

    def expires_at(self, max_age_seconds: float | None) -> float:
        """Return the time until which the entry is valid for a caller with that age limit."""
        return self.loaded_at + (
            self.lifetime_seconds
            if max_age_seconds is None
            else min(max_age_seconds, self.lifetime_seconds)
        )

    def limit_lifetime(self, seconds: float | None) -> None:
        """Shorten the lifetime to that of the token; None means that it does not expire."""
        if seconds is not None:
            self.lifetime_seconds = min(self.lifetime_seconds, seconds)


class ViewerCache:
    """Cached authentication: credentials are resolved to viewers, valid for a few seconds.

    The short lifetime bounds how long a revoked token or role still works. Concurrent requests
    with the same credentials share one load: an entry holds the future of its viewer, and
    callers wait for it without cancelling it. Failures are not cached.

        get_viewer -- entry valid, or being loaded ------------> its viewer
             |
             +-- token of an expired entry --------------------> loaded at once
             |
             +-- unknown token -- client over its limit -------> RateLimitedError
                        |         too many are being loaded ---> UnavailableError
                        v
                 waits for a slot (`FailedTokens`), then loaded

    **Impersonation.** The owner of the token is authenticated first, and is checked at each
    request; then the impersonated viewer is loaded, and cached under the same key and the uuid.

    **Floods.** A viewer is entered when it was loaded, so tokens that fail evict no entry. At
    most MAX_CACHED_VIEWERS viewers of tokens and MAX_CACHED_ANONYMOUS anonymous ones are kept;
    the oldest is evicted. Expired entries are kept, too: their tokens were valid, so they are
    looked up again even if their address has sent too many invalid ones.
    """

    def __init__(  # noqa: PLR0913 - all but the first have names
        self,
        viewer_loader: ViewerLoader,
        *,
        seconds: float,
        failed_tokens: FailedTokens | None = None,
        check_anonymous: Callable[[str | None], None] = lambda _: None,
        on_use: Callable[[Credentials], Any] = lambda _: None,
        token_readers: Mapping[TokenKind, TokenReader] = TOKEN_READERS,
        wait: Callable[["asyncio.Future[Viewer]"], Awaitable[Viewer]] = asyncio.shield,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Load viewers by `viewer_loader` and cache them for `seconds`.

        `failed_tokens` limits the tokens that fail, by default without a limit.
        `check_anonymous` raises RateLimitedError if no anonymous viewer is to be loaded for an
        address. `on_use` is called with the credentials of each request with a valid token.
        `token_readers` find the holders of tokens by kind. `wait` waits for a shared load; it
        must not cancel it.
        """
        self._viewer_loader, self._seconds, self._clock = viewer_loader, seconds, clock
        self._on_use, self._wait, self._check_anonymous = on_use, wait, check_anonymous
        self._token_readers = token_readers
        self._impersonation_log = ImpersonationLog()
        self.failed_tokens = failed_tokens or FailedTokens(None)
        self._token_entries: OrderedDict[Credentials, _CacheEntry] = OrderedDict()
        self._anonymous_entries: OrderedDict[Credentials, _CacheEntry] = OrderedDict()
        self._loading_entries: dict[Credentials, _CacheEntry] = {}
        self._loading_counts: Counter[TokenKind] = Counter()

    async def authenticate(self, credentials: Credentials) -> Viewer:
        """Return the viewer of credentials; the anonymous viewer without a token.

        Counts as a use of the token. Raises UnauthenticatedError if the token is unknown or
        expired or its user inactive, ForbiddenSenderError if its user may not impersonate
        the other one, RateLimitedError if too many tokens of the address failed or its anonymous
        budget is used up, UnavailableError if the database can't be reached.
        """
        viewer = await self.get_viewer(credentials)
        self._impersonation_log.record_use(viewer, credentials)
        if credentials.key is not None:
            self._on_use(credentials)
        return viewer

    async def get_viewer(
        self, credentials: Credentials, max_age_seconds: float | None = None
    ) -> Viewer:
        """Return the viewer of credentials, without counting that as a use of the token.

        It was loaded at most `max_age_seconds` ago; None means the cache's lifetime. Raises
        as `authenticate` does.
        """
        if credentials.impersonated_uuid is not None:
            check_token_kind(credentials)
            owner_credentials = credentials._replace(impersonated_uuid=None)
            token_owner = await self._get_cached_viewer(owner_credentials, max_age_seconds)
            self._impersonation_log.check_impersonator(token_owner, credentials)
        return await self._get_cached_viewer(credentials, max_age_seconds)

    async def _get_cached_viewer(
        self, credentials: Credentials, max_age_seconds: float | None
    ) -> Viewer:
        now = self._clock()
        entry = self._select_entries(credentials.key).get(credentials)
        if entry is None or entry.expires_at(max_age_seconds) <= now:
            has_token = credentials.key is not None and credentials.impersonated_uuid is None
            is_known = entry is not None or not has_token
            entry = self._loading_entries.get(credentials)
            if entry is None or entry.expires_at(max_age_seconds) <= now:
                entry = self._start_loading(credentials, is_known=is_known)
        viewer_future = entry.viewer_future
        return viewer_future.result() if viewer_future.done() else await self._wait(viewer_future)

    def exchange_loader(self, viewer_loader: ViewerLoader) -> None:
        """Load viewers by another loader from now on, those included that are cached."""
        self._viewer_loader = viewer_loader
        for entries in (self._token_entries, self._anonymous_entries, self._loading_entries):
            for entry in entries.values():
                entry.lifetime_seconds = 0

    def _select_entries(self, key: str | None) -> OrderedDict[Credentials, _CacheEntry]:
        return self._anonymous_entries if key is None else self._token_entries

    def _start_loading(self, credentials: Credentials, *, is_known: bool) -> _CacheEntry:
        key = credentials.key
        if key is None:
            self._check_anonymous(credentials.address)
        elif not is_known:
            self._check_unknown_token(key, credentials)
        entry = _CacheEntry(self._clock(), self._seconds)
        entry.viewer_future = asyncio.ensure_future(
            self._load_viewer(credentials, entry, is_known=is_known)
        )
        self._loading_entries[credentials] = entry
        self._loading_counts[credentials.token_kind] += 1
        entry.viewer_future.add_done_callback(lambda _: self._finish_loading(credentials, entry))
        return entry

    def _check_unknown_token(self, key: str, credentials: Credentials) -> None:
        """Raise an exception if an unknown token is not to be looked up."""
        if credentials.token_kind not in self._token_readers:
            raise UnauthenticatedError(
                f"OIDC access tokens are not accepted here. {_SUPPORTED_SCHEMES_HINT}"
            )
        self.failed_tokens.check_client(key, credentials.address)
        if self._loading_counts[credentials.token_kind] >= MAX_LOADING_VIEWERS:
            raise UnavailableError("Too many tokens are being looked up.")

    def _finish_loading(self, credentials: Credentials, entry: _CacheEntry) -> None:
        """Enter a loaded viewer; remove the earlier one if its credentials are now invalid."""
        self._loading_counts[credentials.token_kind] -= 1
        if self._loading_entries.get(credentials) is entry:
            del self._loading_entries[credentials]
        entries, future = self._select_entries(credentials.key), entry.viewer_future
        current_entry = entries.get(credentials)
        is_outdated = current_entry is not None and current_entry.loaded_at > entry.loaded_at
        if future.cancelled() or is_outdated:
            return
        if future.exception() is None:
            entries[credentials] = entry
            entries.move_to_end(credentials)
            is_anonymous = credentials.key is None
            if len(entries) > (MAX_CACHED_ANONYMOUS if is_anonymous else MAX_CACHED_VIEWERS):
                entries.popitem(last=False)
        elif isinstance(future.exception(), RefusedCredentialsError):
            entries.pop(credentials, None)

    async def _load_viewer(
        self, credentials: Credentials, entry: _CacheEntry, *, is_known: bool
    ) -> Viewer:
        key, address = credentials.key, credentials.address
        if key is None:
            return await self._viewer_loader.load_viewer(None, address)
        if credentials.impersonated_uuid is not None:
            return await load_impersonated_viewer(self._viewer_loader, credentials)
        read_token = self._token_readers[credentials.token_kind]
        try:
            if is_known:
                holder = await read_token(self._viewer_loader, credentials)
            else:
                async with self.failed_tokens.limit_lookups(credentials):
                    holder = await read_token(self._viewer_loader, credentials)
        except UnauthenticatedError:
            self.failed_tokens.record_failure(key, address)
            raise
        entry.limit_lifetime(holder.remaining_seconds)
        return await self._viewer_loader.load_viewer(holder, address)
