"""Credentials: what a request says about who sends it."""

from typing import NamedTuple


class Credentials(NamedTuple):
    """Credentials of a request; equal ones have the same viewer."""

    key: str | None = None
    """The key of the token; None for anonymous clients."""
    address: str | None = None
    """The client's address; None if it is unknown."""


NO_CREDENTIALS = Credentials()
"""Credentials of an anonymous client whose address is unknown."""
