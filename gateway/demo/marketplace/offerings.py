"""Rows of categories and offerings, with their components, plans and endpoints."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from gateway.db import tables
from gateway.db.tables.codes import BackendState
from gateway.demo.marketplace import kinds
from gateway.demo.marketplace.about import describe_offering, locate_provider
from gateway.demo.marketplace.catalogue import ComponentSpec
from gateway.demo.marketplace.customers import DemoCustomers
from gateway.demo.marketplace.offers import OFFERING_SPECS, OfferingSpec
from gateway.demo.marketplace.prices import PricedPlan, add_components, add_plan
from gateway.demo.marketplace.projects import DemoProject
from gateway.demo.marketplace.questions import build_form
from gateway.demo.marketplace.rows import RowWriter

CATEGORY_TITLES = {
    "High-performance computing": "Kõrgjõudlusega arvutused",
    "Private clouds": "Privaatpilved",
    "Virtual machines": "Virtuaalmasinad",
    "Volumes": "Kettad",
    "Storage": "Salvestusruum",
    "Managed platforms": "Hallatud platvormid",
    "Expert services": "Eksperditeenused",
}
"""Titles of the categories in English and Estonian."""


@dataclass(frozen=True)
class DemoOffering:
    """Offering with its key, plans and components, for its resources and orders."""

    key: int
    spec: OfferingSpec
    service_settings_id: int
    plans: Sequence[PricedPlan]
    component_ids: Mapping[str, int]

    @property
    def limited_components(self) -> Iterator[ComponentSpec]:
        """Components for which consumers set a limit."""
        return (each for each in self.spec.kind.components if each.has_limit)

    @property
    def can_restore(self) -> bool:
        """Whether a terminated resource can be restored."""
        return "can_restore_resource" in self.spec.plugin_options

    @property
    def is_prepaid(self) -> bool:
        """Whether it has a prepaid component."""
        return any("is_prepaid" in each.extra_columns for each in self.spec.kind.components)


def add_categories(writer: RowWriter) -> dict[str, int]:
    """Add the categories; return their keys by title."""
    return {
        title: _add_category(writer, title, estonian_title)
        for title, estonian_title in CATEGORY_TITLES.items()
    }


def add_offerings(
    writer: RowWriter,
    specs: Sequence[OfferingSpec],
    customers: DemoCustomers,
    projects: Sequence[DemoProject],
    category_ids: Mapping[str, int],
    existing_offerings: Sequence[DemoOffering] = (),
) -> list[DemoOffering]:
    """Add offerings; return the new ones.

    A parent precedes its children in `specs`, or is one of `existing_offerings`.
    """
    project_ids = {item.name: item.key for item in projects}
    offerings = {item.spec.name: item for item in existing_offerings}
    for spec in specs:
        references = {
            "category_id": category_ids[spec.kind.category],
            "project_id": spec.project and project_ids[spec.project],
            "parent_id": spec.parent and offerings[spec.parent].key,
        }
        offerings[spec.name] = _add_offering(writer, spec, customers, references)
    return list(offerings.values())[len(existing_offerings) :]


def _add_offering(
    writer: RowWriter,
    spec: OfferingSpec,
    customers: DemoCustomers,
    references: Mapping[str, int | str | None],
) -> DemoOffering:
    provider_id = customers.customer_ids[spec.provider]
    service_settings_id = _add_service_settings(writer, spec, provider_id)
    offering_id = writer.add_row(
        tables.offering,
        **_build_columns(writer, spec),
        **references,
        customer_id=provider_id,
        content_type_id=kinds.SETTINGS,
        object_id=service_settings_id,
    )
    component_ids = add_components(writer, offering_id, spec)
    plans = [add_plan(writer, offering_id, spec, each, component_ids) for each in spec.kind.plans]
    _add_group_restrictions(writer, offering_id, spec, plans, customers)
    front_page = {"Front page": f"https://{spec.provider}.example.org/"}
    for name, url in {**front_page, **spec.endpoints}.items():
        writer.add_row(tables.offering_endpoint, offering_id=offering_id, name=name, url=url)
    return DemoOffering(offering_id, spec, service_settings_id, plans, component_ids)


def _add_category(writer: RowWriter, title: str, estonian_title: str) -> int:
    return writer.add_row(
        tables.category,
        title=title,
        title_en=title,
        title_et=estonian_title,
        icon=f"category_icons/{title.split(maxsplit=1)[0].lower()}.svg",
        description=f"{title} for research.",
        default_vm_category=title == "Virtual machines",
        default_volume_category=title == "Volumes",
        default_tenant_category=title == "Private clouds",
        created=writer.days_ago(1200),
    )


def _add_service_settings(writer: RowWriter, spec: OfferingSpec, customer_id: int) -> int:
    """Add the backend service of an offering; the scope of a child offering's is its tenant."""
    cloud_names = [each.parent for each in OFFERING_SPECS if each.parent]
    tenant_id = dict(zip(dict.fromkeys(cloud_names), (1, 2), strict=True)).get(spec.parent or "")
    return writer.add_row(
        tables.service_settings,
        name=spec.name,
        state=BackendState.OK,
        type=spec.kind.offering_type.split(".")[0],
        backend_url=f"https://{spec.provider}.example.org/api",
        username="gateway",
        password=f"secret-{spec.provider}-password",
        token=f"secret-{spec.provider}-token",
        options='{"secret": "secret-option"}',
        is_active=True,
        shared=spec.shared,
        customer_id=customer_id,
        content_type_id=tenant_id and kinds.TENANT,
        object_id=tenant_id,
    )


def _build_columns(writer: RowWriter, spec: OfferingSpec) -> dict[str, object]:
    slug = "-".join(spec.name.lower().replace("(", "").replace(")", "").split())
    return {
        "name": spec.name,
        "slug": slug,
        **describe_offering(spec.name),
        **locate_provider(spec.provider),
        "type": spec.kind.offering_type,
        "state": spec.state,
        "shared": spec.shared,
        "billable": spec.billable,
        "thumbnail": f"offering_thumbnails/{slug}.png" if writer.draw_chance(0.6) else None,
        "image": f"offering_images/{slug}.png" if writer.draw_chance(0.3) else None,
        "attributes": {"support_phone": "+47 000 00 000"},
        "options": build_form(spec.options),
        "resource_options": build_form(spec.resource_options) if spec.resource_options else {},
        "plugin_options": dict(spec.plugin_options),
        "secret_options": {
            "token": "secret-offering-token",
            "shared_user_password": "secret-shared-password",
            "api_url": "https://example.org/",
        },
        "backend_id": slug,
        "backend_metadata": {},
        "helpdesk_url": "https://help.example.org/",
        "documentation_url": f"https://docs.example.org/{slug}",
        "access_url": f"https://{slug}.example.org/" if spec.partitions else "",
        "privacy_policy_link": "https://example.org/privacy",
        "citation_count": -1,
        "created": writer.days_ago(writer.random.randrange(830, 830 + spec.age_spread_days)),
        **spec.extra_columns,
    }


def _add_group_restrictions(
    writer: RowWriter,
    offering_id: int,
    spec: OfferingSpec,
    plans: Sequence[PricedPlan],
    customers: DemoCustomers,
) -> None:
    """Restrict the offering and its plans to groups of organisations, where the spec says so."""
    for group in spec.groups:
        writer.add_row(
            tables.offering_organization_group,
            offering_id=offering_id,
            organizationgroup_id=customers.group_ids[group],
        )
    for plan in plans:
        for group in plan.spec.groups:
            writer.add_row(
                tables.plan_organization_group,
                plan_id=plan.key,
                organizationgroup_id=customers.group_ids[group],
            )
