"""Invoice items of a resource that moves to another project (domain.md §5.5)."""

from collections.abc import Iterable, Sequence
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext
from functools import partial
from typing import NamedTuple
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


class ItemMove(NamedTuple):
    """Move of a resource's items on one pending invoice."""

    item_ids: list[int]
    source_invoice: InvoiceRow
    target_invoice_id: int | None
    """Invoice that gets the items; None if it is to be created."""


async def plan_item_moves(
    unit_of_work: UnitOfWork, resource: ResourceRow, source: ProjectRow, target: ProjectRow
) -> Sequence[ItemMove]:
    """Return the moves of a resource's items on pending invoices to another project.

    Items go to the invoice of the target's organisation for the same month. The invoices are
    locked until the end of the transaction. Raises ChangeRefusedError if a target invoice is no
    longer pending.
    """
    items = await unit_of_work.load_rows(
        InvoiceItemRow, resource_id=resource.id, project_id=source.id
    )
    invoice_ids = sorted({each.invoice_id for each in items})
    await unit_of_work.writer.lock_shared_rows(tables.invoice, *invoice_ids)
    open_invoices = await unit_of_work.load_rows(
        InvoiceRow, id=any_of(invoice_ids), state=InvoiceState.PENDING
    )
    return [
        ItemMove(
            [item.id for item in items if item.invoice_id == each.id],
            each,
            await _find_target_invoice(unit_of_work, each, target.customer_id),
        )
        for each in open_invoices
    ]


async def _find_target_invoice(
    unit_of_work: UnitOfWork, source_invoice: InvoiceRow, customer_id: int
) -> int | None:
    """Return the key of an organisation's pending invoice for the source invoice's month.

    None if there is no invoice for this month. Raises ChangeRefusedError if it is not pending.
    """
    if source_invoice.customer_id == customer_id:
        return source_invoice.id
    year, month = source_invoice.year, source_invoice.month
    invoices = await unit_of_work.load_rows(
        InvoiceRow, year=year, month=month, customer_id=customer_id
    )
    if not invoices:
        return None
    invoice_id = invoices[0].id
    await unit_of_work.writer.lock_shared_rows(tables.invoice, invoice_id)
    if (await unit_of_work.load_row(InvoiceRow, invoice_id)).state != InvoiceState.PENDING:
        message = f"The target organisation's invoice for {year}-{month:02} is no longer pending."
        raise ChangeRefusedError(NotPossible(message=message, reason=Reason.INVOICE_CLOSED))
    return invoice_id


async def move_items(
    unit_of_work: UnitOfWork, item_moves: Iterable[ItemMove], target: ProjectRow
) -> None:
    """Move items to the invoices of the organisation of another project."""
    for each in item_moves:
        await _move_items_of_invoice(unit_of_work, each, target)


async def _move_items_of_invoice(
    unit_of_work: UnitOfWork, item_move: ItemMove, target: ProjectRow
) -> None:
    item_ids, source_invoice, target_id = item_move
    if target_id is None:
        target_id = await unit_of_work.shared_work.run_once(
            ("invoice", target.customer_id, source_invoice.year, source_invoice.month),
            lambda: _create_invoice(unit_of_work, source_invoice, target.customer_id),
        )
    await unit_of_work.update_rows(
        InvoiceItemRow,
        item_ids,
        invoice_id=target_id,
        project_id=target.id,
        project_name=target.name,
        project_uuid=UUID(target.uuid).hex,
    )
    for invoice_id in (source_invoice.id, target_id):
        unit_of_work.shared_work.run_finally(
            ("total", invoice_id), partial(_update_invoice_total, unit_of_work, invoice_id)
        )


async def _create_invoice(
    unit_of_work: UnitOfWork, source_invoice: InvoiceRow, customer_id: int
) -> int:
    """Create an organisation's invoice for the source invoice's month and return its key."""
    customer = await unit_of_work.load_row(CustomerRow, customer_id)
    return await unit_of_work.insert_row(
        InvoiceRow,
        year=source_invoice.year,
        month=source_invoice.month,
        customer_id=customer_id,
        state=InvoiceState.PENDING,
        created=unit_of_work.today.isoformat(),
        tax_percent=customer.default_tax_percent,
    )


async def _update_invoice_total(unit_of_work: UnitOfWork, invoice_id: int) -> None:
    """Recompute the totals of an invoice from its items, rounded to cents."""
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
