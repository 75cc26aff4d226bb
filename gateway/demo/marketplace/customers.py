"""The organisations of the demo marketplace: four that provide, eight that consume."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
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
NEWER = (
    Organisation("skagen", "Skagen Astronomy Institute", "DK", "signe.hauge", ("Institutes",)),
    Organisation(
        "bryggen",
        "Bryggen Heritage Consortium",
        "NO",
        "rasmus.veld",
        ("Research",),
        {"grace_period_days": 30, "native_name": "Konsortiet Bryggen", "max_service_accounts": 5},
    ),
    Organisation(
        "emajoe",
        "Emajoe Language Technology",
        "EE",
        "tuuli.oja",
        ("Universities", "Industry"),
        {"native_name": "Emajõe Keeletehnoloogia", "display_billing_info_in_projects": True},
    ),
)
"""Those that joined later."""
SUBNETS = {"lindgaard": ("10.0.0.0/8",), "skagen": ("192.0.2.0/24", "2001:db8:5::/48")}
"""From where alone an organisation's resources are seen."""
_GROUPS = {"Research": None, "Universities": "Research", "Institutes": "Research", "Industry": None}


@dataclass(frozen=True)
class Customers:
    """The organisations with what others need to know of them, by name."""

    groups: Mapping[str, int]
    keys: Mapping[str, int] = field(default_factory=dict)
    owners: Mapping[str, int] = field(default_factory=dict)
    consumers: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """The groups of each that consumes."""
    providers: Mapping[str, int] = field(default_factory=dict)


def add(rows: Rows, users: Mapping[str, int], grants: Grants) -> Customers:
    """Add the organisations, each with its owner."""
    groups: dict[str, int] = {}
    for name, parent in _GROUPS.items():
        above = parent and groups[parent]
        groups[name] = rows.add(tables.organization_group, name=name, parent_id=above)
    known = join(rows, users, grants, Customers(groups), (*PROVIDERS, *CONSUMERS))
    providers = {each.slug: _provide(rows, each, known.keys[each.slug]) for each in PROVIDERS}
    return replace(known, providers=providers)


def join(
    rows: Rows,
    users: Mapping[str, int],
    grants: Grants,
    known: Customers,
    organisations: Sequence[Organisation],
) -> Customers:
    """Add organisations to those that are known, each with its owner."""
    keys = {each.slug: _add(rows, each, known.groups) for each in organisations}
    owners = {each.slug: users[each.owner] for each in organisations}
    for slug, owner in owners.items():
        grants.add(owner, "CUSTOMER.OWNER", keys[slug])
    consumers = {each.slug: each.groups for each in organisations if each not in PROVIDERS}
    return replace(
        known,
        keys={**known.keys, **keys},
        owners={**known.owners, **owners},
        consumers={**known.consumers, **consumers},
    )


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
