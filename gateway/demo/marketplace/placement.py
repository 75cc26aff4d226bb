"""Where resources come to be: in which project, of which offering, within what."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate, zip_longest
from random import Random

from gateway.demo.marketplace.market import Market
from gateway.demo.marketplace.offerings import Offering
from gateway.demo.marketplace.offers import Offer
from gateway.demo.marketplace.projects import Project
from gateway.demo.marketplace.rows import Rows

OLDEST = (
    ("Boreas Cloud", "Regional climate ensembles"),
    ("Boreas machines of Vesterlund", "Regional climate ensembles"),
    ("Boreas volumes of Vesterlund", "Regional climate ensembles"),
    ("Aurora Supercomputer", "Ocean currents"),
    ("Research object storage", "Regional climate ensembles"),
    ("Fjord Cloud East", "Rare variant atlas"),
)
"""The first resources: one by one they have every relation that a resource can have."""
LAST = ("Licences on trial", "Regional climate ensembles")
"""The last resource: its orders fail."""


@dataclass(frozen=True)
class Tenant:
    """A private cloud in which machines and volumes can be."""

    resource: int
    object: int
    project: Project
    machines: list[int] = field(default_factory=list)
    """The machines in it, by their objects."""


@dataclass(frozen=True)
class Place:
    """What a resource is of, and where it belongs."""

    offering: Offering
    project: Project
    parent: Tenant | None = None


class Even:
    """A spread in which no project has more than others that may order the same."""

    def __init__(self, market: Market) -> None:
        self._offerings = list(market.offerings)
        self._weights = list(accumulate(each.offer.weight for each in self._offerings))
        self._eligible = {
            each.key: _eligible(each.offer, market.projects) for each in self._offerings
        }

    def offering(self, random: Random) -> Offering:
        """Choose an offering, by its weight."""
        (chosen,) = random.choices(self._offerings, cum_weights=self._weights)
        return chosen

    def project(self, random: Random, offering: Offering) -> Project:
        """Choose a project that may order it."""
        return random.choice(self._eligible[offering.key])


class Skewed(Even):
    """A spread as on a real site: few projects have most resources (Zipf's law)."""

    def __init__(self, began: Market, grown: Market) -> None:
        super().__init__(grown)
        newer = grown.projects[len(began.projects) :]
        ranked = (each for pair in zip_longest(began.projects, newer) for each in pair if each)
        share = {each.key: 1 / rank for rank, each in enumerate(ranked, start=1)}
        self._shares = {
            offering: list(accumulate(share[each.key] for each in projects))
            for offering, projects in self._eligible.items()
        }

    def project(self, random: Random, offering: Offering) -> Project:
        """Choose a project that may order it, rather one that came early."""
        shares = self._shares[offering.key]
        (chosen,) = random.choices(self._eligible[offering.key], cum_weights=shares)
        return chosen


class Placement:
    """The choice of places: evenly in the market as it began, then as in a grown one."""

    def __init__(self, rows: Rows, began: Market, grown: Market, count: int) -> None:
        self._rows = rows
        self._even, self._skewed = Even(began), Skewed(began, grown)
        self._offerings = {each.offer.name: each for each in grown.offerings}
        self._projects = {each.name: each for each in grown.projects}
        self._first = min(_EVEN, count * 5 // 6)
        self._last = count - 1 if count > len(OLDEST) else None
        newer = grown.offerings[len(began.offerings) :]
        self._newer = [each for each in newer if each.offer.weight]
        self._tenants: dict[str, list[Tenant]] = {}

    def place(self, number: int) -> Place:
        """Give the place of the resource of that number, from zero."""
        if number < len(OLDEST) or number == self._last:
            offering, project = LAST if number == self._last else OLDEST[number]
            return self._within(self._offerings[offering], self._projects[project])
        random = self._rows.random
        spread = self._even if number < self._first else self._skewed
        chosen = self._first_of_its_kind(number) or spread.offering(random)
        return self._within(chosen, spread.project(random, chosen))

    def settle(self, tenant: Tenant, place: Place) -> None:
        """Take note of a private cloud, or of a machine in one."""
        match place.offering.offer.kind.type:
            case "OpenStack.Tenant":
                self._tenants.setdefault(place.project.customer, []).append(tenant)
            case "OpenStack.Instance" if place.parent:
                place.parent.machines.append(tenant.object)

    def _first_of_its_kind(self, number: int) -> Offering | None:
        """Give each newer offering once, as soon as there are such."""
        newer = number - self._first
        return self._newer[newer] if 0 <= newer < len(self._newer) else None

    def _within(self, offering: Offering, project: Project) -> Place:
        """Put what is part of a private cloud into one; where there is none, make one instead."""
        if offering.offer.kind.type not in _WITHIN_CLOUDS or offering.offer.parent is None:
            return Place(offering, project)
        tenants = self._tenants.get(project.customer)
        if not tenants:
            return Place(self._offerings[offering.offer.parent], project)
        tenant = self._rows.random.choice(tenants)
        return Place(offering, tenant.project, tenant)


def _eligible(offer: Offer, projects: Sequence[Project]) -> list[Project]:
    """Give the projects that may order: those of the groups, or for a private one its own."""
    if offer.project:
        return [each for each in projects if each.name == offer.project]
    if offer.private:
        return [each for each in projects if each.customer == offer.provider]
    return [each for each in projects if _may_order(each, offer)]


def _may_order(project: Project, offer: Offer) -> bool:
    if project.groups is None:
        return False
    return not offer.groups or not set(offer.groups).isdisjoint(project.groups)


_EVEN = 500
_WITHIN_CLOUDS = {"OpenStack.Instance", "OpenStack.Volume"}
