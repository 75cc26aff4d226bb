"""Token readers: from a token of each kind to the user who holds it (domain.md §4.1, rules.md §2).

A reader raises UnauthenticatedError if the token is not valid.
"""

from collections.abc import Awaitable, Callable, Mapping

from gateway.auth.errors import UnauthenticatedError
from gateway.db.access.credentials import Credentials, TokenKind
from gateway.db.access.viewer_loader import TokenHolder, ViewerLoader

TokenReader = Callable[[ViewerLoader, Credentials], Awaitable[TokenHolder]]
"""Function that returns the holder of the token in credentials, which have one."""


async def read_login_token(viewer_loader: ViewerLoader, credentials: Credentials) -> TokenHolder:
    """Return the holder of a token of a login."""
    assert credentials.key is not None
    holder = await viewer_loader.load_token_holder(credentials.key)
    if holder is None:
        raise UnauthenticatedError("Invalid token.")
    if not holder.is_active:
        raise UnauthenticatedError("User inactive or deleted.")
    if holder.is_expired:
        raise UnauthenticatedError("Token has expired.")
    return holder


async def read_personal_token(viewer_loader: ViewerLoader, credentials: Credentials) -> TokenHolder:
    """Return the holder of a personal access token, valid at the client's address."""
    assert credentials.key is not None
    if not viewer_loader.supports_personal_tokens:
        raise UnauthenticatedError("The version of this Waldur has no personal access tokens.")
    holder = await viewer_loader.load_personal_token_holder(credentials.key, credentials.address)
    if holder is None:
        raise UnauthenticatedError("Invalid token.")
    return holder


TOKEN_READERS: Mapping[TokenKind, TokenReader] = {
    TokenKind.LOGIN: read_login_token,
    TokenKind.PERSONAL: read_personal_token,
}
"""Readers of the tokens that the database has, by kind."""
