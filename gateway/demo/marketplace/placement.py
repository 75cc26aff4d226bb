"""Where resources come to be: in which project, of which offering, within what."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from random import Random

from gateway.demo.marketplace.customers import CONSUMERS
from gateway.demo.marketplace.offerings import Offering
from gateway.demo.marketplace.offers import Offer
from gateway.demo.marketplace.projects import Project

OLDEST = (
    ("Boreas Cloud", "Regional climate ensembles"),
    ("Boreas machines of Vesterlund", "Regional climate ensembles"),
    ("Boreas volumes of Vesterlund", "Regional climate ensembles"),
    ("Aurora Supercomputer", "Ocean currents"),
    ("Research object storage", "Regional climate ensembles"),
    ("Fjord Cloud East", "Rare variant atlas"),
)
"""The first resources: one by one they have every relation that a resource can have."""


@dataclass(frozen=True)
class Tenant:
    """A private cloud in which machines and volumes can be."""

    resource: int
    object: int
    project: Project


@dataclass(frozen=True)
class Place:
    """What a resource is of, and where it belongs."""

    offering: Offering
    project: Project
    parent: Tenant | None = None


class Placement:
    """The choice of places."""

    def __init__(
        self, random: Random, offerings: Sequence[Offering], projects: Sequence[Project]
    ) -> None:
        self._random = random
        self._offerings = {each.offer.name: each for each in offerings}
        self._projects = {each.name: each for each in projects}
        self._weights = list(accumulate(each.offer.weight for each in offerings))
        self._eligible = {each.key: _eligible(each.offer, projects) for each in offerings}
        self._tenants: dict[str, list[Tenant]] = {}

    def place(self, number: int) -> Place:
        """Give the place of the resource of that number, from zero."""
        if number < len(OLDEST):
            offering, project = OLDEST[number]
            return self._within(self._offerings[offering], self._projects[project])
        (chosen,) = self._random.choices(list(self._offerings.values()), cum_weights=self._weights)
        return self._within(chosen, self._random.choice(self._eligible[chosen.key]))

    def settle(self, tenant: Tenant, place: Place) -> None:
        """Take note of a private cloud."""
        if place.offering.offer.kind.type == "OpenStack.Tenant":
            self._tenants.setdefault(place.project.customer, []).append(tenant)

    def _within(self, offering: Offering, project: Project) -> Place:
        """Put what is part of a private cloud into one; where there is none, make one instead."""
        if offering.offer.parent is None:
            return Place(offering, project)
        tenants = self._tenants.get(project.customer)
        if not tenants:
            return Place(self._offerings[offering.offer.parent], project)
        tenant = self._random.choice(tenants)
        return Place(offering, tenant.project, tenant)


def _eligible(offer: Offer, projects: Sequence[Project]) -> list[Project]:
    """Give the projects that may order: those of the groups, or for a private one its own."""
    if offer.project:
        return [each for each in projects if each.name == offer.project]
    if offer.private:
        return [each for each in projects if each.customer == offer.provider]
    groups: Mapping[str, set[str]] = {each.slug: set(each.groups) for each in CONSUMERS}
    allowed = {slug for slug, own in groups.items() if not offer.groups or own & set(offer.groups)}
    return [each for each in projects if each.customer in allowed]
