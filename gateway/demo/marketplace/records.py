"""What a marketplace keeps about itself: settings, quotas, its log, histories, invoices."""

import json
from collections.abc import Mapping, Sequence

from gateway.db import tables
from gateway.demo.marketplace import kinds
from gateway.demo.marketplace.customers import PROVIDERS
from gateway.demo.marketplace.resources import Resource
from gateway.demo.marketplace.rows import Rows

SETTINGS = {
    "SITE_NAME": "Demo marketplace",
    "ENFORCE_USER_CONSENT_FOR_OFFERINGS": True,
    "ANONYMOUS_USER_CAN_VIEW_OFFERINGS": True,
    "ANONYMOUS_USER_CAN_VIEW_PLANS": True,
    "RESTRICTED_OFFERING_VISIBILITY_MODE": "show_all",
    "ENABLE_ORDER_START_DATE": True,
}


def settings(rows: Rows) -> None:
    """Add the marketplace's own settings, as the program that keeps them writes them."""
    for key, value in SETTINGS.items():
        stored = json.dumps({"__type__": "default", "__value__": value})
        rows.add(tables.constance, key=key, value=stored)


def quotas(rows: Rows, name: str, kind: int, counts: Mapping[int, int]) -> None:
    """Add counts by the keys of what they are of, in two steps, and that they have no limit."""
    for key, count in counts.items():
        scope = {"content_type_id": kind, "object_id": key}
        for delta in (count + 1, -1):
            rows.add(tables.quota_usage, name=name, delta=delta, **scope)
        rows.add(tables.quota_limit, name=name, value=-1, **scope)


def log(rows: Rows, resource: Resource) -> None:
    """Add to the event log that a resource was made; the context holds its secrets."""
    key = rows.add(
        tables.event,
        created=resource.created,
        event_type="marketplace_resource_create_succeeded",
        message=f"Resource {resource.name} has been created.",
        context={"resource_uuid": resource.uuid, "resource_attributes": {"password": "secret-log"}},
    )
    for kind, scope in (
        (kinds.RESOURCE, resource.key),
        (kinds.PROJECT, resource.place.project.key),
    ):
        rows.add(tables.event_feed, event_id=key, content_type_id=kind, object_id=scope)


def history(rows: Rows, resource: Resource) -> None:
    """Add two versions of a resource: as it was made, and as it was renamed."""
    middle = resource.created + (rows.ago(0) - resource.created) / 2
    for at, name in ((resource.created, f"{resource.name}-draft"), (middle, resource.name)):
        fields = {"name": name, "state": 2, "attributes": {"user_password": "secret-history"}}
        revision = rows.add(
            tables.revision,
            date_created=at,
            comment="Created" if at is resource.created else "Renamed",
            user_id=resource.orderer,
        )
        rows.add(
            tables.version,
            revision_id=revision,
            content_type_id=kinds.RESOURCE,
            object_id=str(resource.key),
            format="json",
            serialized_data=json.dumps(
                [{"model": "marketplace.resource", "pk": resource.key, "fields": fields}]
            ),
            object_repr=name,
            db="default",
        )


def invoices(rows: Rows, customers: Mapping[str, int], resources: Sequence[Resource]) -> None:
    """Add the invoice of the last month for each consumer, with the given resources on it."""
    last = rows.day.replace(day=1)
    providers = {each.slug for each in PROVIDERS}
    made = {
        slug: rows.add(
            tables.invoice,
            customer_id=key,
            year=last.year,
            month=last.month,
            state="pending",
            created=last,
            total_cost=100,
            total_price=125,
        )
        for slug, key in customers.items()
        if slug not in providers
    }
    for resource in resources:
        if resource.place.project.customer in made:
            _item(rows, made[resource.place.project.customer], resource)


def _item(rows: Rows, invoice: int, resource: Resource) -> None:
    rows.add(
        tables.invoice_item,
        invoice_id=invoice,
        resource_id=resource.key,
        project_id=resource.place.project.key,
        project_name=resource.place.project.name,
        project_uuid=resource.place.project.uuid,
        name=resource.name,
        unit=resource.plan.plan.unit if resource.plan else "month",
        unit_price=resource.cost or 0,
        quantity=1,
        start=resource.created,
        end=rows.ago(0),
        details={"resource_uuid": resource.uuid},
    )
