"""The offerings with their components and plans, as rows."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from gateway.db import tables
from gateway.demo.marketplace import kinds
from gateway.demo.marketplace.about import about, place
from gateway.demo.marketplace.catalogue import Component
from gateway.demo.marketplace.customers import Customers
from gateway.demo.marketplace.offers import OFFERS, Offer
from gateway.demo.marketplace.prices import Priced, components, plan
from gateway.demo.marketplace.projects import Project
from gateway.demo.marketplace.questions import form
from gateway.demo.marketplace.rows import Rows

CATEGORIES = {
    "High-performance computing": "Kõrgjõudlusega arvutused",
    "Private clouds": "Privaatpilved",
    "Virtual machines": "Virtuaalmasinad",
    "Volumes": "Kettad",
    "Storage": "Salvestusruum",
    "Managed platforms": "Hallatud platvormid",
    "Expert services": "Eksperditeenused",
}
"""Titles in English and Estonian."""


@dataclass(frozen=True)
class Offering:
    """An offering with what its resources and orders need to know of it."""

    key: int
    offer: Offer
    settings: int
    plans: Sequence[Priced]
    components: Mapping[str, int]

    @property
    def limited(self) -> Iterator[Component]:
        """The components of which consumers say how much they want."""
        return (each for each in self.offer.kind.components if each.limited)

    @property
    def restorable(self) -> bool:
        """Whether what was terminated can be had back."""
        return "can_restore_resource" in self.offer.plugin_options

    @property
    def prepaid(self) -> bool:
        """Whether it is paid for a time in advance."""
        return any("is_prepaid" in each.traits for each in self.offer.kind.components)


def categories(rows: Rows) -> dict[str, int]:
    """Add the categories, and give their keys by title."""
    return {title: _category(rows, title, other) for title, other in CATEGORIES.items()}


def add(
    rows: Rows,
    offers: Sequence[Offer],
    customers: Customers,
    projects: Sequence[Project],
    titles: Mapping[str, int],
    older: Sequence[Offering] = (),
) -> list[Offering]:
    """Add offerings; a parent comes before its children, or is among the `older`."""
    bound = {each.name: each.key for each in projects}
    made = {each.offer.name: each for each in older}
    for offer in offers:
        refers = {
            "category_id": titles[offer.kind.category],
            "project_id": offer.project and bound[offer.project],
            "parent_id": offer.parent and made[offer.parent].key,
        }
        made[offer.name] = _add(rows, offer, customers, refers)
    return list(made.values())[len(older) :]


def _add(
    rows: Rows, offer: Offer, customers: Customers, refers: Mapping[str, int | str | None]
) -> Offering:
    provider = customers.keys[offer.provider]
    settings = _settings(rows, offer, provider)
    key = rows.add(
        tables.offering,
        **_texts(rows, offer),
        **refers,
        customer_id=provider,
        content_type_id=kinds.SETTINGS,
        object_id=settings,
    )
    counted = components(rows, key, offer)
    plans = [plan(rows, key, offer, each, counted) for each in offer.kind.plans]
    _share(rows, key, offer, plans, customers)
    front = {"Front page": f"https://{offer.provider}.example.org/"}
    for name, url in {**front, **offer.endpoints}.items():
        rows.add(tables.offering_endpoint, offering_id=key, name=name, url=url)
    return Offering(key, offer, settings, plans, counted)


def _category(rows: Rows, title: str, other: str) -> int:
    return rows.add(
        tables.category,
        title=title,
        title_en=title,
        title_et=other,
        icon=f"category_icons/{title.split(maxsplit=1)[0].lower()}.svg",
        description=f"{title} for research.",
        default_vm_category=title == "Virtual machines",
        default_volume_category=title == "Volumes",
        default_tenant_category=title == "Private clouds",
        created=rows.ago(1200),
    )


def _settings(rows: Rows, offer: Offer, customer: int) -> int:
    """Add the service behind the offering; that of a private cloud's parts is the cloud."""
    clouds = [each.parent for each in OFFERS if each.parent]
    tenant = dict(zip(dict.fromkeys(clouds), (1, 2), strict=True)).get(offer.parent or "")
    return rows.add(
        tables.service_settings,
        name=offer.name,
        state=3,
        type=offer.kind.type.split(".")[0],
        backend_url=f"https://{offer.provider}.example.org/api",
        username="gateway",
        password=f"secret-{offer.provider}-password",
        token=f"secret-{offer.provider}-token",
        options='{"secret": "secret-option"}',
        is_active=True,
        shared=offer.shared,
        customer_id=customer,
        content_type_id=tenant and kinds.TENANT,
        object_id=tenant,
    )


def _texts(rows: Rows, offer: Offer) -> dict[str, object]:
    slug = "-".join(offer.name.lower().replace("(", "").replace(")", "").split())
    return {
        "name": offer.name,
        "slug": slug,
        **about(offer.name),
        **place(offer.provider),
        "type": offer.kind.type,
        "state": offer.state,
        "shared": offer.shared,
        "billable": offer.billable,
        "thumbnail": f"offering_thumbnails/{slug}.png" if rows.chance(0.6) else None,
        "image": f"offering_images/{slug}.png" if rows.chance(0.3) else None,
        "attributes": {"support_phone": "+47 000 00 000"},
        "options": form(offer.options),
        "resource_options": form(offer.resource_options) if offer.resource_options else {},
        "plugin_options": dict(offer.plugin_options),
        "secret_options": {
            "token": "secret-offering-token",
            "shared_user_password": "secret-shared-password",
            "api_url": "https://example.org/",
        },
        "backend_id": slug,
        "backend_metadata": {},
        "helpdesk_url": "https://help.example.org/",
        "documentation_url": f"https://docs.example.org/{slug}",
        "access_url": f"https://{slug}.example.org/" if offer.partitions else "",
        "privacy_policy_link": "https://example.org/privacy",
        "citation_count": -1,
        "created": rows.ago(rows.random.randrange(830, 830 + offer.since)),
        **offer.traits,
    }


def _share(
    rows: Rows, offering: int, offer: Offer, plans: Sequence[Priced], customers: Customers
) -> None:
    """Say which groups of organisations may order the offering, and by which plans."""
    for group in offer.groups:
        rows.add(
            tables.offering_organization_group,
            offering_id=offering,
            organizationgroup_id=customers.groups[group],
        )
    for each in plans:
        for group in each.plan.groups:
            rows.add(
                tables.plan_organization_group,
                plan_id=each.key,
                organizationgroup_id=customers.groups[group],
            )
