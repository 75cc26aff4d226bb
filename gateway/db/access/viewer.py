"""Who asks, as statements have to do with it."""

from dataclasses import dataclass
from functools import cached_property

from gateway.db.driver.encoding import encode_text


@dataclass(frozen=True)
class AccessShape:
    """What of a viewer decides the text of statements; all else are parameters."""

    bypass: bool = False
    """Whether there are no rules."""
    empty_id_sets: frozenset[str] = frozenset()
    """The names of ids that the viewer has none of: by these nothing is seen."""


BYPASS_SHAPE = AccessShape(bypass=True)


@dataclass(frozen=True)
class Viewer:
    """On whose behalf the database is read, and the ids that their roles give."""

    user_id: int | None = None
    username: str | None = None
    is_staff: bool = False
    is_support: bool = False
    consumer_projects: frozenset[int] = frozenset()
    """Projects whose resources the viewer sees as a consumer."""
    resources: frozenset[int] = frozenset()
    """Resources that the viewer has a role on."""
    provided_offerings: frozenset[int] = frozenset()
    """Offerings whose resources the viewer sees as a provider."""
    order_projects: frozenset[int] = frozenset()
    """Projects whose orders the viewer sees as a consumer."""
    order_offerings: frozenset[int] = frozenset()
    """Offerings whose orders the viewer sees as a provider."""
    own_offerings: frozenset[int] = frozenset()
    """Offerings that the viewer sees in whatever state."""
    hidden_offerings: frozenset[int] = frozenset()
    """Offerings of the catalogue that the viewer may not see."""
    hidden_plans: frozenset[int] = frozenset()
    """Plans that are for other organisations."""
    projects: frozenset[int] = frozenset()
    customers: frozenset[int] = frozenset()
    permissions: frozenset[str] = frozenset()
    """What their roles let them do, and where: see `may`."""
    consent_enforced: bool = False
    """Whether the marketplace asks people to agree to the terms of offerings."""
    sees_categories: bool = False
    """Whether the viewer sees the kinds of offerings."""
    sees_catalogue: bool = False
    """Whether the viewer sees the catalogue of shared offerings."""
    sees_plans: bool = False
    """Whether the viewer sees the plans of what is in the catalogue."""

    @property
    def sees_everything(self) -> bool:
        """Whether the viewer sees all rows: staff and support do (domain.md §4.4)."""
        return self.is_staff or self.is_support

    def has_permission(self, permission: str, *scopes: tuple[str, int | None]) -> bool:
        """Say whether the viewer may do something at one of some places (domain.md §4.2).

        A place is the kind of what it is, and its id. Support may no more than others.
        """
        if self.is_staff:
            return True
        return any(
            id_ is not None and f"{permission} {scope_type} {id_}" in self.permissions
            for scope_type, id_ in scopes
        )

    @cached_property
    def access_shape(self) -> AccessShape:
        """What of the viewer decides the text of statements."""
        if self.sees_everything:
            return BYPASS_SHAPE
        return AccessShape(
            empty_id_sets=frozenset(name for name in _ID_SETS if not getattr(self, name))
        )

    @cached_property
    def parameters(self) -> dict[str, str | None]:
        """What the rules need to know of the viewer, as the database reads it."""
        id_sets = {name: getattr(self, name) for name in _ID_SETS}
        return {
            "viewer": encode_text(self.user_id),
            "categories": encode_text(self.sees_categories),
            "catalogue": encode_text(self.sees_catalogue),
            "plans": encode_text(self.sees_plans),
            **{name: encode_text(sorted(each)) for name, each in id_sets.items()},
        }


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
