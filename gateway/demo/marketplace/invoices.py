"""Invoices of the consumers for twelve months."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal

from gateway.db import tables
from gateway.db.tables.codes import InvoiceState, PlanUnit
from gateway.demo.marketplace.customers import DemoCustomers
from gateway.demo.marketplace.resources import DemoResource
from gateway.demo.marketplace.rows import RowWriter

_MONTH_COUNT = 12
_LATEST_STATES = (
    InvoiceState.PENDING,
    InvoiceState.CREATED,
    InvoiceState.PAID,
    InvoiceState.PAID,
    InvoiceState.CANCELED,
)
"""States of the invoices of the latest months, the present one first; older ones are paid."""
_TAX_PERCENT, _CENT = Decimal(25), Decimal("0.01")


def add_invoices(
    writer: RowWriter, customers: DemoCustomers, resources: Sequence[DemoResource]
) -> None:
    """Add an invoice for each month and consumer, with an item for each billed resource."""
    resources_by_customer: dict[str, list[DemoResource]] = {
        slug: [] for slug in customers.consumer_groups
    }
    for resource in resources:
        if resource.placement.project.customer_slug in resources_by_customer:
            resources_by_customer[resource.placement.project.customer_slug].append(resource)
    for month_number, month in enumerate(_list_months(writer.reference_day)):
        state = (
            _LATEST_STATES[month_number]
            if month_number < len(_LATEST_STATES)
            else InvoiceState.PAID
        )
        for slug, customer_resources in resources_by_customer.items():
            _add_invoice(
                writer,
                customers.customer_ids[slug],
                month,
                state,
                _select_billed(customer_resources, month),
            )


def _list_months(day: date) -> Iterator[date]:
    """Yield the first days of the last twelve months, the present one first."""
    month = day.replace(day=1)
    for _ in range(_MONTH_COUNT):
        yield month
        month = (month - timedelta(days=1)).replace(day=1)


def _select_billed(resources: Sequence[DemoResource], month: date) -> list[DemoResource]:
    """Return the resources that existed when the month began and have a cost."""
    return [each for each in resources if each.cost and each.created.date() <= month]


def _add_invoice(
    writer: RowWriter,
    customer_id: int,
    month: date,
    state: InvoiceState,
    billed_resources: Sequence[DemoResource],
) -> None:
    total = sum((resource.cost for resource in billed_resources if resource.cost), Decimal())
    invoice_id = writer.add_row(
        tables.invoice,
        customer_id=customer_id,
        year=month.year,
        month=month.month,
        state=state,
        created=month,
        invoice_date=None if state == InvoiceState.PENDING else month + timedelta(days=31),
        tax_percent=_TAX_PERCENT,
        total_cost=total.quantize(_CENT, ROUND_HALF_UP),
        total_price=(total * (100 + _TAX_PERCENT) / 100).quantize(_CENT, ROUND_HALF_UP),
        reference_number=f"{month:%Y%m}-{customer_id:04}",
        payment_url=f"https://pay.example.org/{month:%Y%m}/{customer_id}"
        if state == InvoiceState.CREATED
        else "",
    )
    for resource in billed_resources:
        _add_invoice_item(writer, invoice_id, resource, month)


def _add_invoice_item(
    writer: RowWriter, invoice_id: int, resource: DemoResource, month: date
) -> None:
    start = datetime.combine(month, time(), UTC)
    writer.add_row(
        tables.invoice_item,
        invoice_id=invoice_id,
        resource_id=resource.key,
        project_id=resource.placement.project.key,
        project_name=resource.placement.project.name,
        project_uuid=resource.placement.project.uuid,
        name=f"{resource.name} / {resource.placement.offering.spec.name}",
        article_code=f"R-{resource.key}",
        unit=resource.plan.spec.unit if resource.plan else PlanUnit.MONTH,
        unit_price=resource.cost or 0,
        measured_unit="unit",
        quantity=1,
        start=start,
        end=start + timedelta(days=28, seconds=-1),
        details={
            "resource_uuid": resource.uuid,
            "offering_name": resource.placement.offering.spec.name,
        },
    )
