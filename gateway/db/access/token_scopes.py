"""Scopes of personal access tokens: what the user may do with one of them (rules.md §2)."""

from collections.abc import Sequence
from dataclasses import dataclass

RoleScope = tuple[str, int | None]
"""Object on which roles are granted: its type and id; a null id has no roles."""
STAFF_SCOPE, SUPPORT_SCOPE = "STAFF.ACCESS", "SUPPORT.ACCESS"
"""Scopes of what only staff may do, and of what support may do, too."""


@dataclass(frozen=True)
class TokenScopes:
    """The permissions that a token may use, and the objects for which it may use them."""

    permissions: frozenset[str]
    objects: frozenset[RoleScope] | None = None
    """The objects to which the token is bound, with their descendants; None: to no objects."""

    def find_refusal(
        self, permissions: Sequence[str], objects: Sequence[RoleScope] | None
    ) -> str | None:
        """Return why the token does not allow an operation, as a message; None if it does.

        It needs one of the permissions as a scope. If the token is bound to objects, one of
        `objects` must be among them; they are None for an operation that is not about an object.
        """
        if self.permissions.isdisjoint(permissions):
            return f"The personal access token lacks the scope {' or '.join(permissions)}."
        if objects is None or self.objects is None or not self.objects.isdisjoint(objects):
            return None
        return (
            "The personal access token is bound to other objects; its scope"
            f" {' or '.join(permissions)} does not apply here."
        )

    def select_scopes(self, permission: str, scopes: Sequence[RoleScope]) -> tuple[RoleScope, ...]:
        """Return the scopes of roles on which the token allows a permission."""
        return tuple([each for each in scopes if self.find_refusal((permission,), (each,)) is None])
