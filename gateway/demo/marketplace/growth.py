"""Growth of the marketplace: later users, organisations, projects and offerings.

Their number grows with the number of resources.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway.demo.marketplace import (
    accounts,
    casting,
    customers,
    offerings,
    partitions,
    people,
    projects,
)
from gateway.demo.marketplace.customers import DemoCustomers, OrganisationSpec
from gateway.demo.marketplace.market import DemoMarket
from gateway.demo.marketplace.newer_offers import NEWER_OFFERING_SPECS
from gateway.demo.marketplace.projects import DemoProject
from gateway.demo.marketplace.roles import RoleGranter
from gateway.demo.marketplace.rows import RowWriter

_INITIAL_RESOURCE_COUNT = 600
"""Number of resources up to which all users, organisations and projects are named ones."""
_RESOURCES_PER_ORGANISATION, _RESOURCES_PER_PROJECT, _RESOURCES_PER_PERSON = 4000, 100, 200
"""Number of additional resources per additional organisation, project and user."""
_TOWNS = ("Aldersund", "Birkestad", "Collmark", "Dunhaven", "Elverby", "Fossnes", "Gramholm")
_ORGANISATION_TYPES = {
    "University": "Universities",
    "Institute of Technology": "Universities",
    "Research Hospital": "Institutes",
    "Observatory": "Institutes",
    "Robotics": "Industry",
    "Foods": "Industry",
}
"""Groups of generated organisations, by their type."""
_METHODS = ("Adaptive", "Bayesian", "Comparative", "Dynamic", "Federated", "Inverse", "Multiscale")
_THEMES = ("aerosols", "enzymes", "dialects", "glaciers", "harvests", "magnets", "tides", "vaults")


@dataclass(frozen=True)
class InitialMarket:
    """Marketplace before its growth, with its users, roles and categories."""

    market: DemoMarket
    users: Mapping[str, int]
    grants: RoleGranter
    category_ids: Mapping[str, int]


def grow_market(writer: RowWriter, initial: InitialMarket, count: int) -> DemoMarket:
    """Add users, organisations, projects and offerings; return the whole market."""
    additional_count = max(0, count - _INITIAL_RESOURCE_COUNT)
    new_users = people.add_newer_people(writer, additional_count // _RESOURCES_PER_PERSON)
    users = {**initial.users, **new_users}
    demo_customers = _add_organisations(
        writer, initial, users, additional_count // _RESOURCES_PER_ORGANISATION
    )
    new_projects = _add_projects(
        writer, initial, users, demo_customers, additional_count // _RESOURCES_PER_PROJECT
    )
    all_projects = [*initial.market.projects, *new_projects]
    casting.grant_newer_roles(writer, users, initial.grants, new_projects)
    existing_offerings = initial.market.offerings
    with writer.use_random_stream("offerings"):
        new_offerings = offerings.add_offerings(
            writer,
            NEWER_OFFERING_SPECS,
            demo_customers,
            all_projects,
            initial.category_ids,
            existing_offerings,
        )
        partitions.add_partitions(
            writer, new_offerings, partitions.add_newer_software_catalogs(writer)[::-1]
        )
    accounts.add_accounts(writer, users, new_offerings, all_projects, accounts.ALL_STATES)
    return DemoMarket(demo_customers, all_projects, [*existing_offerings, *new_offerings])


def _add_organisations(
    writer: RowWriter, initial: InitialMarket, users: Mapping[str, int], count: int
) -> DemoCustomers:
    """Add the named later organisations and `count` generated ones."""
    generated_organisations = [
        OrganisationSpec(name.lower().replace(" ", "-"), name, "NO", owner, (group,))
        for (name, group), owner in zip(_generate_names(count), reversed(list(users)), strict=False)
    ]
    all_organisations = (*customers.NEWER_CONSUMER_SPECS, *generated_organisations)
    return customers.add_organisations(
        writer, users, initial.grants, initial.market.customers, all_organisations
    )


def _generate_names(count: int) -> list[tuple[str, str]]:
    names = [
        (f"{town} {type_name}", group)
        for type_name, group in _ORGANISATION_TYPES.items()
        for town in _TOWNS
    ]
    return names[:count]


def _add_projects(
    writer: RowWriter,
    initial: InitialMarket,
    users: Mapping[str, int],
    demo_customers: DemoCustomers,
    count: int,
) -> list[DemoProject]:
    """Add the named later projects and `count` generated ones."""
    named_projects = projects.add_projects(
        writer, users, demo_customers, initial.grants, projects.NEWER_PROJECT_NAMES
    )
    generated: dict[str, list[str]] = {}
    consumers: Sequence[str] = sorted(demo_customers.consumer_groups)
    for number in range(count):
        method, theme = writer.random.choice(_METHODS), writer.random.choice(_THEMES)
        name = f"{method} study of {theme} {number + 1}"
        generated.setdefault(writer.random.choice(consumers), []).append(name)
    return named_projects + projects.add_projects(
        writer, users, demo_customers, initial.grants, generated
    )
