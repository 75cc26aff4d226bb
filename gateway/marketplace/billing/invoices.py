"""Invoice items of a resource that moves to another project (domain.md §5.5)."""

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from uuid import UUID, uuid4

from gateway.db import tables
from gateway.marketplace.problems import ChangeRefusedError, NotPossible, Reason
from gateway.marketplace.unit_of_work import UnitOfWork

PENDING_INVOICE_STATE = "pending"
"""State of an invoice that can still change."""
_CENT = Decimal("0.01")


async def move_invoice_items(
    unit_of_work: UnitOfWork, resource: Any, source: Any, target: Any
) -> None:
    """Move a resource's items on pending invoices to another project.

    Items go to the invoice of the target's organisation for the same month. Raises
    ChangeRefusedError if that invoice is no longer pending.
    """
    item, invoice = tables.invoice_item, tables.invoice
    items = await unit_of_work.load_rows(item, resource_id=resource.id, project_id=source.id)
    invoice_ids = sorted({each.invoice_id for each in items})
    await unit_of_work.writer.lock_rows(invoice, *invoice_ids)
    open_invoices = {
        each.id: each
        for each in await unit_of_work.load_rows(
            invoice, id=invoice_ids, state=PENDING_INVOICE_STATE
        )
    }
    changed_invoice_ids = {*open_invoices}
    for invoice_id, source_invoice in open_invoices.items():
        target_invoice_id = await _find_or_create_invoice(
            unit_of_work, source_invoice, target.customer_id
        )
        await unit_of_work.writer.update_rows(
            item,
            [each.id for each in items if each.invoice_id == invoice_id],
            invoice_id=target_invoice_id,
            project_id=target.id,
            project_name=target.name,
            project_uuid=UUID(target.uuid).hex,
        )
        changed_invoice_ids.add(target_invoice_id)
    await _update_invoice_totals(unit_of_work, changed_invoice_ids)


async def _find_or_create_invoice(
    unit_of_work: UnitOfWork, source_invoice: Any, customer_id: int
) -> int:
    """Return the key of an organisation's invoice for the source invoice's month.

    The invoice is created if it does not exist.
    """
    if source_invoice.customer_id == customer_id:
        return int(source_invoice.id)
    invoice = tables.invoice
    month_key = {
        "year": source_invoice.year,
        "month": source_invoice.month,
        "customer_id": customer_id,
    }
    invoices = await unit_of_work.load_rows(invoice, **month_key)
    if not invoices:
        tax_percent = (
            await unit_of_work.load_row(tables.customer, customer_id)
        ).default_tax_percent
        return await unit_of_work.writer.insert_row(
            invoice,
            uuid=uuid4(),
            **month_key,
            state=PENDING_INVOICE_STATE,
            created=unit_of_work.today,
            tax_percent=tax_percent,
        )
    await unit_of_work.writer.lock_rows(invoice, invoices[0].id)
    if (await unit_of_work.load_row(invoice, invoices[0].id)).state != PENDING_INVOICE_STATE:
        month = f"{source_invoice.year}-{source_invoice.month:02}"
        message = f"The target organisation's invoice for {month} is no longer pending."
        raise ChangeRefusedError(NotPossible(message=message, reason=Reason.INVOICE_CLOSED))
    return int(invoices[0].id)


async def _update_invoice_totals(unit_of_work: UnitOfWork, invoice_ids: Iterable[int]) -> None:
    """Recompute the totals of invoices from their items, rounded to cents."""
    item, invoice = tables.invoice_item, tables.invoice
    for invoice_id in sorted(invoice_ids):
        items = await unit_of_work.load_rows(item, invoice_id=invoice_id)
        net_cost = sum(
            (Decimal(each.unit_price) * Decimal(each.quantity) for each in items), Decimal()
        )
        tax_percent = Decimal((await unit_of_work.load_row(invoice, invoice_id)).tax_percent)
        gross_cost = net_cost * (100 + tax_percent) / 100
        await unit_of_work.writer.update_rows(
            invoice,
            invoice_id,
            total_cost=net_cost.quantize(_CENT, ROUND_HALF_UP),
            total_price=gross_cost.quantize(_CENT, ROUND_HALF_UP),
        )
