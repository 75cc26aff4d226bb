"""The organisations of the demo marketplace: four that provide, eight that consume."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.db import tables
from gateway.demo.marketplace.roles import Grants
from gateway.demo.marketplace.rows import Rows


@dataclass(frozen=True)
class Organisation:
    """A customer, in Waldur's words."""

    slug: str
    name: str
    country: str
    owner: str
    groups: tuple[str, ...] = ()
    traits: dict[str, Any] = field(default_factory=dict)


PROVIDERS = (
    Organisation("aurora", "Aurora Compute Centre", "NO", "provider", ("Research",)),
    Organisation("fjord", "Fjord Cloud", "NO", "aino.aalberg", ("Industry",)),
    Organisation("granite", "Granite Research Storage", "FI", "bela.dahlgren"),
    Organisation("meridian", "Meridian Services", "EE", "cato.gronli", ("Industry",)),
)
CONSUMERS = (
    Organisation("vesterlund", "Vesterlund University", "SE", "owner", ("Universities",)),
    Organisation(
        "halden", "Halden Institute of Oceanography", "NO", "dagny.brandvik", ("Institutes",)
    ),
    Organisation("kirkwood", "Kirkwood Genomics", "DK", "dual", ("Industry", "Institutes")),
    Organisation(
        "tromvik", "Tromvik Polar Institute", "NO", "emil.estrada", traits={"grace_period_days": 14}
    ),
    Organisation("lindgaard", "Lindgaard Energy Laboratory", "DK", "freya.hollis", ("Institutes",)),
    Organisation("saltholm", "Saltholm College", "DK", "gunnar.corvin", ("Universities",)),
    Organisation(
        "northgate", "Northgate Robotics", "EE", "hilde.fairbank", ("Industry",), {"blocked": True}
    ),
    Organisation("harbour", "Old Harbour Museum", "FI", "ivo.aalberg", traits={"archived": True}),
)
SUBNETS = {"lindgaard": ("10.0.0.0/8",)}
"""From where alone an organisation's resources are seen."""
_GROUPS = {"Research": None, "Universities": "Research", "Institutes": "Research", "Industry": None}


@dataclass(frozen=True)
class Customers:
    """The organisations, their groups, and the providers among them, by name."""

    keys: Mapping[str, int]
    providers: Mapping[str, int]
    groups: Mapping[str, int]


def add(rows: Rows, users: Mapping[str, int], grants: Grants) -> Customers:
    """Add the organisations, each with its owner."""
    groups: dict[str, int] = {}
    for name, parent in _GROUPS.items():
        above = parent and groups[parent]
        groups[name] = rows.add(tables.organization_group, name=name, parent_id=above)
    keys = {each.slug: _add(rows, each, groups) for each in (*PROVIDERS, *CONSUMERS)}
    for each in (*PROVIDERS, *CONSUMERS):
        grants.add(users[each.owner], "CUSTOMER.OWNER", keys[each.slug])
    providers = {each.slug: _provide(rows, each, keys[each.slug]) for each in PROVIDERS}
    return Customers(keys, providers, groups)


def _add(rows: Rows, each: Organisation, groups: Mapping[str, int]) -> int:
    made = rows.ago(rows.random.randrange(1000, 1500))
    key = rows.add(
        tables.customer,
        name=each.name,
        slug=each.slug,
        abbreviation="".join(word[0] for word in each.name.split()),
        description=f"{each.name} takes part in the shared research infrastructure.",
        country=each.country,
        email=f"office@{each.slug}.example.org",
        homepage=f"https://{each.slug}.example.org/",
        domain=f"{each.slug}.example.org",
        access_subnets=",".join(SUBNETS.get(each.slug, ())),
        accounting_start_date=made,
        created=made,
        **_MATCHES,
        **each.traits,
    )
    for group in each.groups:
        rows.add(
            tables.customer_organization_group,
            customer_id=key,
            organizationgroup_id=groups[group],
        )
    for subnet in SUBNETS.get(each.slug, ()):
        rows.add(tables.access_subnet, customer_id=key, inet=subnet, description="Campus network")
    return key


def _provide(rows: Rows, each: Organisation, key: int) -> int:
    return rows.add(
        tables.service_provider,
        customer_id=key,
        description=f"{each.name} serves researchers.",
        enable_notifications=True,
        api_secret_code=f"secret-{each.slug}",
        lead_email=f"sales@{each.slug}.example.org",
        lead_subject="Request for a quotation",
        allowed_domains=[],
        created=rows.ago(990),
    )


_MATCHES: dict[str, list[str]] = {
    "user_email_patterns": [],
    "user_affiliations": [],
    "user_identity_sources": [],
}
