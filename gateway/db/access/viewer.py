"""The viewer: the user on whose behalf statements run, with the id sets of their roles."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product

from gateway.db.access.token_scopes import (
    STAFF_SCOPE,
    SUPPORT_SCOPE,
    RoleScope,
    TokenScopes,
)
from gateway.db.driver.encoding import encode_text


@dataclass(frozen=True)
class AccessShape:
    """The properties of a viewer that determine the text of statements.

    Everything else about a viewer is a parameter, so viewers of one shape share
    statements.
    """

    bypass: bool = False
    """Whether row filters are left out: for staff and support."""
    empty_id_sets: frozenset[str] = frozenset()
    """The names of the viewer's empty id sets; comparisons with them are compiled to FALSE."""


BYPASS_SHAPE = AccessShape(bypass=True)


@dataclass(frozen=True)
class Impersonator:
    """The member of staff who sends requests as another user."""

    user_id: int
    uuid: str
    """UUID of the user, in 32 digits."""


@dataclass(frozen=True)
class Viewer:
    """A user, or an anonymous client, and the id sets that their active roles grant.

    All id sets are empty for staff and support, who see all rows without them.

    Which rows they see, and what they may do, are two things: with a personal access token, a
    user sees the same rows, and may do only what the token's scopes name. So row filters use
    `sees_everything` and the id sets; all else uses `has_permission` and `acts_as_staff`, and
    `is_staff` and `is_support` are only for this package.
    """

    user_id: int | None = None
    username: str | None = None
    is_staff: bool = False
    is_support: bool = False
    token_scopes: TokenScopes | None = None
    """Scopes of the personal access token; None if the viewer does not use one."""
    consumer_projects: frozenset[int] = frozenset()
    """Ids of projects whose resources the viewer sees as a consumer."""
    resources: frozenset[int] = frozenset()
    """Ids of resources on which the viewer has a role."""
    provided_offerings: frozenset[int] = frozenset()
    """Ids of offerings whose resources the viewer sees as a provider."""
    order_projects: frozenset[int] = frozenset()
    """Ids of projects whose orders the viewer sees as a consumer."""
    order_offerings: frozenset[int] = frozenset()
    """Ids of offerings whose orders the viewer sees as a provider."""
    own_offerings: frozenset[int] = frozenset()
    """Ids of offerings that the viewer sees in every state, in the catalogue or not."""
    hidden_offerings: frozenset[int] = frozenset()
    """Ids of catalogue offerings that are hidden from the viewer."""
    hidden_plans: frozenset[int] = frozenset()
    """Ids of plans that are restricted to other organisations."""
    projects: frozenset[int] = frozenset()
    """Ids of projects that the viewer sees."""
    customers: frozenset[int] = frozenset()
    """Ids of customers that the viewer sees."""
    permissions: frozenset[str] = frozenset()
    """Permissions by scope, as "PERMISSION scope_type id": see `has_permission`."""
    roles: frozenset[str] = frozenset()
    """Active roles by scope, as "ROLE scope_type id": see `has_role`."""
    consent_enforced: bool = False
    """Whether users must consent to the terms of offerings before they order."""
    sees_history: bool = False
    """Whether the viewer sees the histories of resources."""
    sees_categories: bool = False
    """Whether the viewer sees the categories of offerings."""
    sees_catalogue: bool = False
    """Whether the viewer sees the catalogue of shared offerings."""
    sees_plans: bool = False
    """Whether the viewer sees the plans of offerings in the catalogue."""
    impersonator: Impersonator | None = None
    """Who sends the requests as this user; None for users who send them themselves."""

    @property
    def sender_id(self) -> int | None:
        """Id of the user who sends the requests, for limits; None for anonymous clients."""
        return self.user_id if self.impersonator is None else self.impersonator.user_id

    @property
    def sees_everything(self) -> bool:
        """Whether the viewer is staff or support, who see all rows (domain.md §4.4)."""
        return self.is_staff or self.is_support

    def has_permission(self, permission: str, *scopes: RoleScope) -> bool:
        """Return whether the viewer has a permission on one of the scopes (domain.md §4.2).

        A scope is a type ("project", "customer" or "offering") and an id; a null id
        never matches. Staff have all permissions, support only those of their roles. A personal
        access token has to allow it on the same scope.
        """
        if self.token_scopes is not None:
            scopes = self.token_scopes.select_scopes(permission, scopes)
            if not scopes:
                return False
        if self.is_staff:
            return True
        return _contains_any(self.permissions, (permission,), scopes)

    def acts_as_staff(self, objects: Sequence[RoleScope] | None) -> bool:
        """Return whether the viewer is staff and may act as staff on one of the objects.

        `objects` are an object and its ancestors; None if the operation is not about an object.
        """
        return self.is_staff and not self.explain_refusal((STAFF_SCOPE,), objects)

    def acts_as_staff_or_support(self, objects: Sequence[RoleScope] | None) -> bool:
        """Return whether the viewer may act as staff or as support, like `acts_as_staff`."""
        if self.acts_as_staff(objects):
            return True
        scopes = (STAFF_SCOPE, SUPPORT_SCOPE)
        return self.is_support and not self.explain_refusal(scopes, objects)

    def explain_refusal(
        self, permissions: Sequence[str], objects: Sequence[RoleScope] | None
    ) -> str | None:
        """Return why the viewer's token does not allow an operation; None if it does.

        See `TokenScopes.find_refusal`.
        """
        if self.token_scopes is None:
            return None
        return self.token_scopes.find_refusal(permissions, objects)

    @property
    def without_token(self) -> "Viewer":
        """The same user without the limits of a personal access token."""
        return self if self.token_scopes is None else replace(self, token_scopes=None)

    def has_role(self, names: Iterable[str], *scopes: RoleScope) -> bool:
        """Return whether the viewer has one of the roles on one of the scopes, staff or not."""
        return _contains_any(self.roles, names, scopes)

    @cached_property
    def access_shape(self) -> AccessShape:
        """The access shape, which determines the text of statements."""
        if self.sees_everything:
            return BYPASS_SHAPE
        return AccessShape(
            empty_id_sets=frozenset(name for name in _ID_SETS if not getattr(self, name))
        )

    @cached_property
    def parameters(self) -> dict[str, str | None]:
        """The parameters of row filters by name, in PostgreSQL's text format."""
        id_sets = {name: getattr(self, name) for name in _ID_SETS}
        return {
            "viewer": encode_text(self.user_id),
            "history": encode_text(self.sees_history),
            "categories": encode_text(self.sees_categories),
            "catalogue": encode_text(self.sees_catalogue),
            "plans": encode_text(self.sees_plans),
            **{name: encode_text(sorted(each)) for name, each in id_sets.items()},
        }


def _contains_any(
    granted: frozenset[str], names: Iterable[str], scopes: Iterable[RoleScope]
) -> bool:
    """Return whether one of the names is granted on one of the scopes."""
    return any(
        id_ is not None and f"{name} {scope_type} {id_}" in granted
        for name, (scope_type, id_) in product(names, scopes)
    )


_ID_SETS = (
    "consumer_projects",
    "resources",
    "provided_offerings",
    "order_projects",
    "order_offerings",
    "own_offerings",
    "hidden_offerings",
    "hidden_plans",
    "projects",
    "customers",
)
