r"""OIDC tokens: access tokens of an OpenID provider, accepted as Waldur does (rules.md §2).

the token's own expiry, not verified -- past -------------------> UnauthenticatedError
|
v
username known from a recent answer?
| no
v
OIDCProvider -- not active, no username ------------------------> UnauthenticatedError
| the username                 \-- no answer ------------------> ProviderUnavailableError
v
the user in the database -- missing, inactive ------------------> UnauthenticatedError
|                             \-- without a token of its own ---> ForbiddenSenderError
v
TokenHolder, valid until the token's expiry
"""

import time
from base64 import urlsafe_b64decode
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256

from gateway.auth.errors import ForbiddenSenderError, UnauthenticatedError
from gateway.auth.oidc_provider import IntrospectionClient, OIDCProvider, load_waldur_provider
from gateway.db.access.credentials import Credentials
from gateway.db.access.viewer_loader import TokenHolder, ViewerLoader
from gateway.exact_json import decode_json

MAX_CACHED_ANSWERS = 10_000
"""Maximum number of tokens whose username is remembered; the oldest is forgotten."""
MAX_USERNAME_LENGTH = 150
LATEST_EXPIRY = 1e12


class OIDCTokenReader:
    """Reader of OIDC tokens, with a cache of the provider's answers.

    Tokens are remembered by their SHA-256 hash, and only those that are valid.
    """

    def __init__(
        self,
        client: IntrospectionClient,
        own_provider: OIDCProvider | None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Ask a provider: the gateway's own, or without one that of Waldur's settings.

        `clock` returns seconds since 1970.
        """
        self._client, self._own_provider, self._clock = client, own_provider, clock
        self._usernames: OrderedDict[bytes, tuple[str, float]] = OrderedDict()

    async def read_token(
        self, viewer_loader: ViewerLoader, credentials: Credentials
    ) -> TokenHolder:
        """Return the holder of an OIDC token.

        Raises UnauthenticatedError, ForbiddenSenderError, ProviderUnavailableError.
        """
        assert credentials.key is not None
        expires_at = parse_expiry(credentials.key)
        self._check_expiry(expires_at)
        username = await self._find_username(viewer_loader, credentials.key, expires_at)
        holder, has_token = await viewer_loader.load_named_holder(username) or (None, False)
        if holder is None:
            raise UnauthenticatedError(
                "Waldur does not know this user yet: sign in to Waldur with this account once."
            )
        if not holder.is_active:
            raise UnauthenticatedError("User inactive or deleted.")
        if not has_token:
            raise ForbiddenSenderError("The user has no token in Waldur: sign in to Waldur once.")
        return replace(holder, remaining_seconds=expires_at - self._clock())

    def _check_expiry(self, expires_at: float) -> None:
        if expires_at <= self._clock():
            raise UnauthenticatedError("Token has expired.")

    async def _find_username(
        self, viewer_loader: ViewerLoader, token: str, expires_at: float
    ) -> str:
        """Return the username of a token, of the cache or of the provider."""
        token_hash = sha256(token.encode()).digest()
        username, valid_until = self._usernames.get(token_hash, ("", 0.0))
        if valid_until > self._clock():
            return username
        self._usernames.pop(token_hash, None)
        provider = self._own_provider or await load_waldur_provider(viewer_loader)
        if provider is None:
            raise UnauthenticatedError("Waldur's settings of OIDC access tokens are incomplete.")
        username = await self._introspect_token(provider, token)
        self._check_expiry(expires_at)  # it may have expired meanwhile
        self._usernames[token_hash] = (
            username,
            min(self._clock() + provider.cache_seconds, expires_at),
        )
        if len(self._usernames) > MAX_CACHED_ANSWERS:
            self._usernames.popitem(last=False)
        return username

    async def _introspect_token(self, provider: OIDCProvider, token: str) -> str:
        answer = await self._client.introspect_token(provider, token)
        if answer.get("active") is not True:
            raise UnauthenticatedError("Invalid token.")
        username = answer.get(provider.user_field)
        if not isinstance(username, str) or not _is_username(username):
            raise UnauthenticatedError("The OpenID provider names no user for this token.")
        return username


def _is_username(text: str) -> bool:
    return 0 < len(text) <= MAX_USERNAME_LENGTH and "\0" not in text


def parse_expiry(token: str) -> float:
    """Return when a JSON Web Token expires, in seconds since 1970; it is not verified.

    Raises UnauthenticatedError if the token does not say so.
    """
    payload = token.split(".")[1]
    try:
        claims = decode_json(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (ValueError, RecursionError):
        claims = None
    expires_at = claims.get("exp") if isinstance(claims, dict) else None
    if isinstance(expires_at, bool) or not isinstance(expires_at, int | float):
        raise UnauthenticatedError("The OIDC access token has no expiry (`exp`).")
    return min(expires_at, LATEST_EXPIRY)
