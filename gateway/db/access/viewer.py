"""Who asks, as statements have to do with it."""

from dataclasses import dataclass
from functools import cached_property

from gateway.db.driver.encoding import text


@dataclass(frozen=True)
class Sight:
    """What of a viewer decides the text of statements; all else are parameters."""

    everything: bool = False
    """Whether there are no rules."""
    nothing: frozenset[str] = frozenset()
    """The names of ids that the viewer has none of: by these nothing is seen."""


EVERYTHING = Sight(everything=True)


@dataclass(frozen=True)
class Viewer:
    """On whose behalf the database is read, and the ids that their roles give."""

    user_id: int | None = None
    username: str | None = None
    staff: bool = False
    support: bool = False
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
    categories: bool = False
    """Whether the viewer sees the kinds of offerings."""
    catalogue: bool = False
    """Whether the viewer sees the catalogue of shared offerings."""
    plans: bool = False
    """Whether the viewer sees the plans of what is in the catalogue."""

    @property
    def everything(self) -> bool:
        """Whether the viewer sees all rows: staff and support do (domain.md §4.4)."""
        return self.staff or self.support

    def may(self, permission: str, *places: tuple[str, int | None]) -> bool:
        """Say whether the viewer may do something at one of some places (domain.md §4.2).

        A place is the kind of what it is, and its id. Support may no more than others.
        """
        if self.staff:
            return True
        return any(
            id_ is not None and f"{permission} {kind} {id_}" in self.permissions
            for kind, id_ in places
        )

    @cached_property
    def sight(self) -> Sight:
        """What of the viewer decides the text of statements."""
        if self.everything:
            return EVERYTHING
        return Sight(nothing=frozenset(name for name in _IDS if not getattr(self, name)))

    @cached_property
    def parameters(self) -> dict[str, str | None]:
        """What the rules need to know of the viewer, as the database reads it."""
        ids = {name: getattr(self, name) for name in _IDS}
        return {
            "viewer": text(self.user_id),
            "categories": text(self.categories),
            "catalogue": text(self.catalogue),
            "plans": text(self.plans),
            **{name: text(sorted(each)) for name, each in ids.items()},
        }


_IDS = (
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
