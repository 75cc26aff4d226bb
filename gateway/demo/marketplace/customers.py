"""Organisations (customers): four providers, eight consumers, and those that joined later."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from gateway.db import tables
from gateway.demo.marketplace.roles import RoleGranter
from gateway.demo.marketplace.rows import RowWriter


@dataclass(frozen=True)
class OrganisationSpec:
    """Organisation, which Waldur calls a customer."""

    slug: str
    name: str
    country: str
    owner_username: str
    groups: tuple[str, ...] = ()
    extra_columns: dict[str, Any] = field(default_factory=dict)


PROVIDER_SPECS = (
    OrganisationSpec("aurora", "Aurora Compute Centre", "NO", "provider", ("Research",)),
    OrganisationSpec("fjord", "Fjord Cloud", "NO", "aino.aalberg", ("Industry",)),
    OrganisationSpec("granite", "Granite Research Storage", "FI", "bela.dahlgren"),
    OrganisationSpec("meridian", "Meridian Services", "EE", "cato.gronli", ("Industry",)),
)
CONSUMER_SPECS = (
    OrganisationSpec("vesterlund", "Vesterlund University", "SE", "owner", ("Universities",)),
    OrganisationSpec(
        "halden", "Halden Institute of Oceanography", "NO", "dagny.brandvik", ("Institutes",)
    ),
    OrganisationSpec("kirkwood", "Kirkwood Genomics", "DK", "dual", ("Industry", "Institutes")),
    OrganisationSpec(
        "tromvik",
        "Tromvik Polar Institute",
        "NO",
        "emil.estrada",
        extra_columns={"grace_period_days": 14},
    ),
    OrganisationSpec(
        "lindgaard", "Lindgaard Energy Laboratory", "DK", "freya.hollis", ("Institutes",)
    ),
    OrganisationSpec("saltholm", "Saltholm College", "DK", "gunnar.corvin", ("Universities",)),
    OrganisationSpec(
        "northgate", "Northgate Robotics", "EE", "hilde.fairbank", ("Industry",), {"blocked": True}
    ),
    OrganisationSpec(
        "harbour", "Old Harbour Museum", "FI", "ivo.aalberg", extra_columns={"archived": True}
    ),
)
NEWER_CONSUMER_SPECS = (
    OrganisationSpec("skagen", "Skagen Astronomy Institute", "DK", "signe.hauge", ("Institutes",)),
    OrganisationSpec(
        "bryggen",
        "Bryggen Heritage Consortium",
        "NO",
        "rasmus.veld",
        ("Research",),
        {"grace_period_days": 30, "native_name": "Konsortiet Bryggen", "max_service_accounts": 5},
    ),
    OrganisationSpec(
        "emajoe",
        "Emajoe Language Technology",
        "EE",
        "tuuli.oja",
        ("Universities", "Industry"),
        {"native_name": "Emajõe Keeletehnoloogia", "display_billing_info_in_projects": True},
    ),
)
"""Consumers that joined later."""
ACCESS_SUBNETS = {"lindgaard": ("10.0.0.0/8",), "skagen": ("192.0.2.0/24", "2001:db8:5::/48")}
"""Subnets that access to an organisation's resources is restricted to, by slug."""
_GROUP_PARENTS = {
    "Research": None,
    "Universities": "Research",
    "Institutes": "Research",
    "Industry": None,
}


@dataclass(frozen=True)
class DemoCustomers:
    """Keys, owners and groups of the organisations, by slug; keys of groups by name."""

    group_ids: Mapping[str, int]
    customer_ids: Mapping[str, int] = field(default_factory=dict)
    owner_ids: Mapping[str, int] = field(default_factory=dict)
    consumer_groups: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Names of the groups of each consumer, by slug."""
    provider_ids: Mapping[str, int] = field(default_factory=dict)


def add_customers(
    writer: RowWriter, users: Mapping[str, int], grants: RoleGranter
) -> DemoCustomers:
    """Add the groups, the organisations with their owners, and the service providers."""
    group_ids: dict[str, int] = {}
    for name, parent in _GROUP_PARENTS.items():
        parent_id = parent and group_ids[parent]
        group_ids[name] = writer.add_row(tables.organization_group, name=name, parent_id=parent_id)
    demo_customers = add_organisations(
        writer, users, grants, DemoCustomers(group_ids), (*PROVIDER_SPECS, *CONSUMER_SPECS)
    )
    provider_ids = {
        provider.slug: _add_service_provider(
            writer, provider, demo_customers.customer_ids[provider.slug]
        )
        for provider in PROVIDER_SPECS
    }
    return replace(demo_customers, provider_ids=provider_ids)


def add_organisations(
    writer: RowWriter,
    users: Mapping[str, int],
    grants: RoleGranter,
    demo_customers: DemoCustomers,
    organisations: Sequence[OrganisationSpec],
) -> DemoCustomers:
    """Add organisations with their owners; return all, those of `demo_customers` included."""
    customer_ids = {
        each.slug: _add_organisation(writer, each, demo_customers.group_ids)
        for each in organisations
    }
    owner_ids = {each.slug: users[each.owner_username] for each in organisations}
    for slug, owner_id in owner_ids.items():
        grants.grant_role(owner_id, "CUSTOMER.OWNER", customer_ids[slug])
    consumer_groups = {
        each.slug: each.groups for each in organisations if each not in PROVIDER_SPECS
    }
    return replace(
        demo_customers,
        customer_ids={**demo_customers.customer_ids, **customer_ids},
        owner_ids={**demo_customers.owner_ids, **owner_ids},
        consumer_groups={**demo_customers.consumer_groups, **consumer_groups},
    )


def _add_organisation(
    writer: RowWriter, organisation: OrganisationSpec, group_ids: Mapping[str, int]
) -> int:
    created = writer.days_ago(writer.random.randrange(1000, 1500))
    customer_id = writer.add_row(
        tables.customer,
        name=organisation.name,
        slug=organisation.slug,
        abbreviation="".join(word[0] for word in organisation.name.split()),
        description=f"{organisation.name} takes part in the shared research infrastructure.",
        country=organisation.country,
        email=f"office@{organisation.slug}.example.org",
        homepage=f"https://{organisation.slug}.example.org/",
        domain=f"{organisation.slug}.example.org",
        access_subnets=",".join(ACCESS_SUBNETS.get(organisation.slug, ())),
        accounting_start_date=created,
        created=created,
        **_EMPTY_MATCH_COLUMNS,
        **organisation.extra_columns,
    )
    for group in organisation.groups:
        writer.add_row(
            tables.customer_organization_group,
            customer_id=customer_id,
            organizationgroup_id=group_ids[group],
        )
    for subnet in ACCESS_SUBNETS.get(organisation.slug, ()):
        writer.add_row(
            tables.access_subnet, customer_id=customer_id, inet=subnet, description="Campus network"
        )
    return customer_id


def _add_service_provider(
    writer: RowWriter, organisation: OrganisationSpec, customer_id: int
) -> int:
    return writer.add_row(
        tables.service_provider,
        customer_id=customer_id,
        description=f"{organisation.name} serves researchers.",
        enable_notifications=True,
        api_secret_code=f"secret-{organisation.slug}",
        lead_email=f"sales@{organisation.slug}.example.org",
        lead_subject="Request for a quotation",
        allowed_domains=[],
        created=writer.days_ago(990),
    )


_EMPTY_MATCH_COLUMNS: dict[str, list[str]] = {
    "user_email_patterns": [],
    "user_affiliations": [],
    "user_identity_sources": [],
}
