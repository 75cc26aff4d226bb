"""Invoice items of a resource that moves to another project (domain.md §5.5)."""

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext
from uuid import UUID

from gateway.db import tables
from gateway.db.tables.codes import InvoiceState
from gateway.marketplace.problems import ChangeRefusedError, NotPossible, Reason
from gateway.marketplace.rows import (
    CustomerRow,
    InvoiceItemRow,
    InvoiceRow,
    ProjectRow,
    ResourceRow,
)
from gateway.marketplace.table_row import any_of
from gateway.marketplace.unit_of_work import UnitOfWork

_CENT = Decimal("0.01")
_EXACT_CONTEXT = Context(prec=100)
"""Digits for sums of products of two columns with 22 digits each."""


async def move_invoice_items(
    unit_of_work: UnitOfWork, resource: ResourceRow, source: ProjectRow, target: ProjectRow
) -> None:
    """Move a resource's items on pending invoices to another project.

    Items go to the invoice of the target's organisation for the same month. Raises
    ChangeRefusedError if that invoice is no longer pending.
    """
    items = await unit_of_work.load_rows(
        InvoiceItemRow, resource_id=resource.id, project_id=source.id
    )
    invoice_ids = sorted({each.invoice_id for each in items})
    await unit_of_work.writer.lock_rows(tables.invoice, *invoice_ids)
    open_invoices = {
        each.id: each
        for each in await unit_of_work.load_rows(
            InvoiceRow, id=any_of(invoice_ids), state=InvoiceState.PENDING
        )
    }
    changed_invoice_ids = {*open_invoices}
    for invoice_id, source_invoice in open_invoices.items():
        target_invoice_id = await _find_or_create_invoice(
            unit_of_work, source_invoice, target.customer_id
        )
        await unit_of_work.update_rows(
            InvoiceItemRow,
            [each.id for each in items if each.invoice_id == invoice_id],
            invoice_id=target_invoice_id,
            project_id=target.id,
            project_name=target.name,
            project_uuid=UUID(target.uuid).hex,
        )
        changed_invoice_ids.add(target_invoice_id)
    await _update_invoice_totals(unit_of_work, changed_invoice_ids)


async def _find_or_create_invoice(
    unit_of_work: UnitOfWork, source_invoice: InvoiceRow, customer_id: int
) -> int:
    """Return the key of an organisation's invoice for the source invoice's month.

    The invoice is created if it does not exist.
    """
    if source_invoice.customer_id == customer_id:
        return source_invoice.id
    year, month = source_invoice.year, source_invoice.month
    invoices = await unit_of_work.load_rows(
        InvoiceRow, year=year, month=month, customer_id=customer_id
    )
    if not invoices:
        customer = await unit_of_work.load_row(CustomerRow, customer_id)
        return await unit_of_work.insert_row(
            InvoiceRow,
            year=year,
            month=month,
            customer_id=customer_id,
            state=InvoiceState.PENDING,
            created=unit_of_work.today.isoformat(),
            tax_percent=customer.default_tax_percent,
        )
    invoice_id = invoices[0].id
    await unit_of_work.writer.lock_rows(tables.invoice, invoice_id)
    if (await unit_of_work.load_row(InvoiceRow, invoice_id)).state != InvoiceState.PENDING:
        message = f"The target organisation's invoice for {year}-{month:02} is no longer pending."
        raise ChangeRefusedError(NotPossible(message=message, reason=Reason.INVOICE_CLOSED))
    return invoice_id


async def _update_invoice_totals(unit_of_work: UnitOfWork, invoice_ids: Iterable[int]) -> None:
    """Recompute the totals of invoices from their items, rounded to cents."""
    for invoice_id in sorted(invoice_ids):
        items = await unit_of_work.load_rows(InvoiceItemRow, invoice_id=invoice_id)
        invoice = await unit_of_work.load_row(InvoiceRow, invoice_id)
        with localcontext(_EXACT_CONTEXT):
            net_cost = sum(
                (Decimal(each.unit_price) * Decimal(each.quantity) for each in items), Decimal()
            )
            gross_cost = net_cost * (100 + Decimal(invoice.tax_percent)) / 100
            totals = [str(each.quantize(_CENT, ROUND_HALF_UP)) for each in (net_cost, gross_cost)]
        await unit_of_work.update_rows(
            InvoiceRow, invoice_id, total_cost=totals[0], total_price=totals[1]
        )
