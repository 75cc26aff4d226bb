"""Placement of resources: their offering, project and parent resource."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate, zip_longest
from random import Random

from gateway.demo.marketplace.market import DemoMarket
from gateway.demo.marketplace.offerings import DemoOffering
from gateway.demo.marketplace.offers import OfferingSpec
from gateway.demo.marketplace.projects import DemoProject
from gateway.demo.marketplace.rows import RowWriter

OLDEST_PLACEMENTS = (
    ("Boreas Cloud", "Regional climate ensembles"),
    ("Boreas machines of Vesterlund", "Regional climate ensembles"),
    ("Boreas volumes of Vesterlund", "Regional climate ensembles"),
    ("Aurora Supercomputer", "Ocean currents"),
    ("Research object storage", "Regional climate ensembles"),
    ("Fjord Cloud East", "Rare variant atlas"),
)
"""Offerings and projects of the first resources, which together have every relation."""
LAST_PLACEMENT = ("Licences on trial", "Regional climate ensembles")
"""Offering and project of the last resource, whose orders fail."""


@dataclass(frozen=True)
class DemoTenant:
    """Private cloud (tenant), which can contain instances and volumes."""

    resource_id: int
    object_id: int
    project: DemoProject
    machine_ids: list[int] = field(default_factory=list)
    """Keys of the instances in it."""


@dataclass(frozen=True)
class ResourcePlacement:
    """Offering, project and parent of a resource."""

    offering: DemoOffering
    project: DemoProject
    parent: DemoTenant | None = None


class EvenSpread:
    """Uniform distribution of resources over the projects that may order an offering."""

    def __init__(self, market: DemoMarket) -> None:
        self._offerings = list(market.offerings)
        self._weights = list(accumulate(each.spec.resource_weight for each in self._offerings))
        self._eligible_projects = {
            each.key: _select_eligible_projects(each.spec, market.projects)
            for each in self._offerings
        }

    def choose_offering(self, random: Random) -> DemoOffering:
        """Return a random offering, with its weight."""
        (offering,) = random.choices(self._offerings, cum_weights=self._weights)
        return offering

    def choose_project(self, random: Random, offering: DemoOffering) -> DemoProject:
        """Return a random project that may order the offering."""
        return random.choice(self._eligible_projects[offering.key])


class SkewedSpread(EvenSpread):
    """Distribution as on a real site: few projects have most resources (Zipf's law)."""

    def __init__(self, initial: DemoMarket, grown_market: DemoMarket) -> None:
        super().__init__(grown_market)
        newer = grown_market.projects[len(initial.projects) :]
        ranked_projects = (
            each for pair in zip_longest(initial.projects, newer) for each in pair if each
        )
        share_by_project = {
            each.key: 1 / rank for rank, each in enumerate(ranked_projects, start=1)
        }
        self._shares = {
            offering: list(accumulate(share_by_project[each.key] for each in projects))
            for offering, projects in self._eligible_projects.items()
        }

    def choose_project(self, random: Random, offering: DemoOffering) -> DemoProject:
        """Return a random project that may order the offering; earlier projects are likelier."""
        shares = self._shares[offering.key]
        (project,) = random.choices(self._eligible_projects[offering.key], cum_weights=shares)
        return project


class PlacementPlanner:
    """Planner of placements: uniform in the initial market, then skewed in the grown one.

    The first resources and the last one have fixed placements; each later offering gets one
    resource as soon as the grown market is used.
    """

    def __init__(
        self, writer: RowWriter, initial: DemoMarket, grown_market: DemoMarket, count: int
    ) -> None:
        self._writer = writer
        self._even, self._skewed = EvenSpread(initial), SkewedSpread(initial, grown_market)
        self._offerings = {each.spec.name: each for each in grown_market.offerings}
        self._projects = {each.name: each for each in grown_market.projects}
        self._even_count = min(_EVEN_RESOURCE_COUNT, count * 5 // 6)
        self._last_number = count - 1 if count > len(OLDEST_PLACEMENTS) else None
        newer_offerings = grown_market.offerings[len(initial.offerings) :]
        self._newer_offerings = [each for each in newer_offerings if each.spec.resource_weight]
        self._tenants: dict[str, list[DemoTenant]] = {}

    def place_resource(self, number: int) -> ResourcePlacement:
        """Return the placement of resource `number`, counted from 0."""
        if number < len(OLDEST_PLACEMENTS) or number == self._last_number:
            offering, project = (
                LAST_PLACEMENT if number == self._last_number else OLDEST_PLACEMENTS[number]
            )
            return self._place_in_cloud(self._offerings[offering], self._projects[project])
        random = self._writer.random
        spread = self._even if number < self._even_count else self._skewed
        chosen_offering = self._introduce_offering(number) or spread.choose_offering(random)
        return self._place_in_cloud(chosen_offering, spread.choose_project(random, chosen_offering))

    def register_tenant(self, tenant: DemoTenant, placement: ResourcePlacement) -> None:
        """Register a private cloud, or an instance in one, as a parent of later resources."""
        match placement.offering.spec.kind.offering_type:
            case "OpenStack.Tenant":
                self._tenants.setdefault(placement.project.customer_slug, []).append(tenant)
            case "OpenStack.Instance" if placement.parent:
                placement.parent.machine_ids.append(tenant.object_id)

    def _introduce_offering(self, number: int) -> DemoOffering | None:
        """Return the later offering whose turn it is; None if each had its turn."""
        index = number - self._even_count
        return self._newer_offerings[index] if 0 <= index < len(self._newer_offerings) else None

    def _place_in_cloud(self, offering: DemoOffering, project: DemoProject) -> ResourcePlacement:
        """Place an instance or volume in a private cloud; without one, place a cloud instead."""
        if (
            offering.spec.kind.offering_type not in _CLOUD_PART_TYPES
            or offering.spec.parent is None
        ):
            return ResourcePlacement(offering, project)
        tenants = self._tenants.get(project.customer_slug)
        if not tenants:
            return ResourcePlacement(self._offerings[offering.spec.parent], project)
        tenant = self._writer.random.choice(tenants)
        return ResourcePlacement(offering, tenant.project, tenant)


def _select_eligible_projects(
    spec: OfferingSpec, projects: Sequence[DemoProject]
) -> list[DemoProject]:
    """Return the projects that may order: those of its groups; of a private offering, its own."""
    if spec.project:
        return [each for each in projects if each.name == spec.project]
    if spec.is_private:
        return [each for each in projects if each.customer_slug == spec.provider]
    return [each for each in projects if _can_order(each, spec)]


def _can_order(project: DemoProject, spec: OfferingSpec) -> bool:
    if project.groups is None:
        return False
    return not spec.groups or not set(spec.groups).isdisjoint(project.groups)


_EVEN_RESOURCE_COUNT = 500
_CLOUD_PART_TYPES = {"OpenStack.Instance", "OpenStack.Volume"}
