"""OpenID provider: whether an access token is valid, and whose, by introspection (RFC 7662)."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from gateway.config.settings import Settings
from gateway.db.access.site_settings import decode_stored_setting
from gateway.db.access.viewer_loader import ViewerLoader
from gateway.error_table import ErrorKind
from gateway.exact_json import decode_json

CONNECT_SECONDS, ANSWER_SECONDS = 3, 5
"""Seconds after which a connection to the provider, and the whole exchange, are abandoned."""
MAX_CONNECTIONS, MAX_ANSWER_BYTES, MAX_CACHE_SECONDS = 32, 100_000, 300


class ProviderUnavailableError(Exception):
    """The provider could not be asked; the message is for the log."""

    error_kind = ErrorKind.PROVIDER_UNAVAILABLE


@dataclass(frozen=True)
class OIDCProvider:
    """Where and how a provider is asked about access tokens."""

    introspection_url: str
    client_id: str
    client_secret: str = field(repr=False)
    user_field: str
    """Member of the answer that is the username in Waldur."""
    cache_seconds: float
    """Time for which an answer is valid at most."""


def make_own_provider(settings: Settings) -> OIDCProvider:
    """Return the provider of the gateway's own settings, which are complete."""
    assert settings.oidc_introspection_url is not None
    assert settings.oidc_client_id is not None
    assert settings.oidc_client_secret is not None
    return OIDCProvider(
        settings.oidc_introspection_url,
        settings.oidc_client_id,
        settings.oidc_client_secret,
        settings.oidc_user_field,
        settings.oidc_cache_seconds,
    )


_STORED_DEFAULTS = {
    "OIDC_INTROSPECTION_URL": "",
    "OIDC_CLIENT_ID": "",
    "OIDC_CLIENT_SECRET": "",
    "OIDC_USER_FIELD": "username",
    "OIDC_CACHE_TIMEOUT": 300,
}
"""Waldur's settings of the provider, with their defaults."""


async def load_waldur_provider(viewer_loader: ViewerLoader) -> OIDCProvider | None:
    """Return the provider of Waldur's settings; None if they are incomplete."""
    rows = await viewer_loader.load_stored_settings(list(_STORED_DEFAULTS))
    stored_settings = {
        key: decode_stored_setting(value) for key, value in rows if value is not None
    }
    url, client_id, secret, user_field, seconds = (
        stored_settings.get(key, default) for key, default in _STORED_DEFAULTS.items()
    )
    texts = (url, client_id, secret, user_field)
    is_complete = bool(url and client_id and user_field) and isinstance(seconds, int)
    if not is_complete or not all(isinstance(each, str) for each in texts):
        return None
    return OIDCProvider(url, client_id, secret, user_field, min(seconds, MAX_CACHE_SECONDS))


class IntrospectionClient:
    """Client that asks providers about access tokens."""

    def __init__(self) -> None:
        """Create a client with a connection pool, for one event loop."""
        self._client = httpx.AsyncClient(
            timeout=httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS),
            limits=httpx.Limits(max_connections=MAX_CONNECTIONS),
            follow_redirects=False,
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def introspect_token(self, provider: OIDCProvider, token: str) -> Mapping[str, Any]:
        """Return a provider's answer about a token. Raises ProviderUnavailableError."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                answer = await self._exchange(provider, token)
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            # The exception's own text might repeat what was sent.
            raise ProviderUnavailableError(f"It did not answer: {type(error).__name__}.") from None
        if not isinstance(answer, Mapping):
            raise ProviderUnavailableError("Its answer is not a JSON object.")
        return answer

    async def _exchange(self, provider: OIDCProvider, token: str) -> Any:
        async with self._client.stream(
            "POST",
            provider.introspection_url,
            data={"token": token, "token_type_hint": "access_token"},
            headers={"Accept": "application/json"},
            auth=(provider.client_id, provider.client_secret),
        ) as response:
            if response.status_code != httpx.codes.OK:
                raise ProviderUnavailableError(f"It answered with status {response.status_code}.")
            content = b""
            async for chunk in response.aiter_bytes():
                content += chunk
                if len(content) > MAX_ANSWER_BYTES:
                    raise ProviderUnavailableError("Its answer is too long.")
        try:
            return decode_json(content)
        except (ValueError, RecursionError):
            return None
