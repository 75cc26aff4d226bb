"""The credentials of a request, from its headers or the first message of its WebSocket."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from gateway.auth.authenticator import parse_credentials
from gateway.auth.errors import UnauthenticatedError
from gateway.auth.impersonation import parse_impersonated_uuid
from gateway.config.settings import Settings
from gateway.db.access.credentials import Credentials
from gateway.http.request_head import RequestHead

NO_PAYLOAD: Mapping[str, Sequence[str]] = MappingProxyType({})


def parse_request_credentials(
    request: RequestHead, settings: Settings, payload: Mapping[str, Sequence[str]] = NO_PAYLOAD
) -> Credentials:
    """Return the credentials of a request.

    `payload` has the headers of a `connection_init` message, by their names in lower case; each
    replaces the header of the request. Raises RefusedCredentialsError if they are malformed, or
    sent in the URL.
    """
    _refuse_url_token(request)
    impersonation_header = settings.impersonation_header.lower()
    impersonated_uuid = parse_impersonated_uuid(
        payload.get(impersonation_header) or request.list_values(impersonation_header.encode()),
        is_enabled=settings.impersonation,
    )
    return parse_credentials(
        tuple(payload.get("authorization") or request.headers.get(b"authorization", ())),
        request.peer_address,
        request.headers.get(b"x-forwarded-for", ()),
        settings.trusted_proxies,
        impersonated_uuid,
    )


def _refuse_url_token(request: RequestHead) -> None:
    """Refuse a token in the URL, which older versions take (domain.md §4.1): logs keep URLs."""
    if b"&x-auth-token=" in b"&" + request.scope["query_string"].lower():
        raise UnauthenticatedError(
            "Tokens in the URL (x-auth-token) are not supported: send the header Authorization."
        )
