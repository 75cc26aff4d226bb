"""Credentials: what a request says about who sends it."""

from enum import Enum
from typing import NamedTuple


class TokenKind(Enum):
    """Kind of a token (domain.md §4.1, rules.md §2)."""

    LOGIN = "login"
    """Token of a user's login, which the table of authentication tokens has."""
    PERSONAL = "personal"
    """Personal access token, which may do only what its scopes name."""
    OIDC = "oidc"
    """Access token of an OpenID provider."""


class Credentials(NamedTuple):
    """Credentials of a request; equal ones have the same viewer."""

    key: str | None = None
    """The token; None for anonymous clients."""
    address: str | None = None
    """The client's address; None if it is unknown."""
    token_kind: TokenKind = TokenKind.LOGIN
    impersonated_uuid: str | None = None
    """UUID of the user whom the token's owner, who is staff, impersonates; None without one."""

    @property
    def authorization(self) -> str:
        """The value of the header Authorization with the token."""
        keyword = "Token" if self.token_kind is TokenKind.LOGIN else "Bearer"
        return f"{keyword} {self.key}"


NO_CREDENTIALS = Credentials()
"""Credentials of an anonymous client whose address is unknown."""
