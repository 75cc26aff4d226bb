"""The invoices of those who consume, a year of them."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal

from gateway.db import tables
from gateway.demo.marketplace.customers import Customers
from gateway.demo.marketplace.resources import Resource
from gateway.demo.marketplace.rows import Rows

_MONTHS = 12
_STATES = ("pending", "created", "paid", "paid", "canceled")
"""Of the invoices of the latest months, the last one first; older ones are paid."""
_TAX, _CENT = Decimal(25), Decimal("0.01")


def add(rows: Rows, customers: Customers, resources: Sequence[Resource]) -> None:
    """Add an invoice for each month and consumer, with those resources on it that there were."""
    items: dict[str, list[Resource]] = {slug: [] for slug in customers.consumers}
    for resource in resources:
        if resource.place.project.customer in items:
            items[resource.place.project.customer].append(resource)
    for number, month in enumerate(_months(rows.day)):
        state = _STATES[number] if number < len(_STATES) else "paid"
        for slug, known in items.items():
            _invoice(rows, customers.keys[slug], month, state, _billed(known, month))


def _months(day: date) -> Iterator[date]:
    """Give the first days of the last months, the present one first."""
    month = day.replace(day=1)
    for _ in range(_MONTHS):
        yield month
        month = (month - timedelta(days=1)).replace(day=1)


def _billed(resources: Sequence[Resource], month: date) -> list[Resource]:
    """Give the resources that were there when the month began and cost something."""
    return [each for each in resources if each.cost and each.created.date() <= month]


def _invoice(
    rows: Rows, customer: int, month: date, state: str, billed: Sequence[Resource]
) -> None:
    total = sum((each.cost for each in billed if each.cost), Decimal())
    key = rows.add(
        tables.invoice,
        customer_id=customer,
        year=month.year,
        month=month.month,
        state=state,
        created=month,
        invoice_date=None if state == "pending" else month + timedelta(days=31),
        tax_percent=_TAX,
        total_cost=total.quantize(_CENT, ROUND_HALF_UP),
        total_price=(total * (100 + _TAX) / 100).quantize(_CENT, ROUND_HALF_UP),
        reference_number=f"{month:%Y%m}-{customer:04}",
        payment_url=f"https://pay.example.org/{month:%Y%m}/{customer}"
        if state == "created"
        else "",
    )
    for each in billed:
        _item(rows, key, each, month)


def _item(rows: Rows, invoice: int, resource: Resource, month: date) -> None:
    start = datetime.combine(month, time(), UTC)
    rows.add(
        tables.invoice_item,
        invoice_id=invoice,
        resource_id=resource.key,
        project_id=resource.place.project.key,
        project_name=resource.place.project.name,
        project_uuid=resource.place.project.uuid,
        name=f"{resource.name} / {resource.place.offering.offer.name}",
        article_code=f"R-{resource.key}",
        unit=resource.plan.plan.unit if resource.plan else "month",
        unit_price=resource.cost or 0,
        measured_unit="unit",
        quantity=1,
        start=start,
        end=start + timedelta(days=28, seconds=-1),
        details={
            "resource_uuid": resource.uuid,
            "offering_name": resource.place.offering.offer.name,
        },
    )
