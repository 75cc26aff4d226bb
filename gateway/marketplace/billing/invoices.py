"""What a resource costs moves with it, as far as invoices can still change (domain.md §5.5)."""

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from uuid import UUID, uuid4

from gateway.db import tables
from gateway.marketplace.problems import NotPossible, Reason, RefusedError
from gateway.marketplace.unit_of_work import Change

PENDING = "pending"
"""The state of an invoice that can still change."""
_CENT = Decimal("0.01")


async def move_items(change: Change, resource: Any, source: Any, target: Any) -> None:
    """Have the items of a resource that can still change be of another project.

    RefusedError if the invoice that they would stand on can't change any more.
    """
    item, invoice = tables.invoice_item, tables.invoice
    items = await change.rows(item, resource_id=resource.id, project_id=source.id)
    ids = sorted({each.invoice_id for each in items})
    await change.writer.lock(invoice, *ids)
    open_ = {each.id: each for each in await change.rows(invoice, id=ids, state=PENDING)}
    touched = {*open_}
    for id_, old in open_.items():
        other = await _invoice(change, old, target.customer_id)
        await change.writer.update(
            item,
            [each.id for each in items if each.invoice_id == id_],
            invoice_id=other,
            project_id=target.id,
            project_name=target.name,
            project_uuid=UUID(target.uuid).hex,
        )
        touched.add(other)
    await _add_up(change, touched)


async def _invoice(change: Change, old: Any, customer: int) -> int:
    """Give the invoice of an organisation for the month of another's, made if there is none."""
    if old.customer_id == customer:
        return int(old.id)
    invoice = tables.invoice
    same = {"year": old.year, "month": old.month, "customer_id": customer}
    known = await change.rows(invoice, **same)
    if not known:
        tax = (await change.row(tables.customer, customer)).default_tax_percent
        return await change.writer.insert(
            invoice,
            uuid=uuid4(),
            **same,
            state=PENDING,
            created=change.today,
            tax_percent=tax,
        )
    await change.writer.lock(invoice, known[0].id)
    if (await change.row(invoice, known[0].id)).state != PENDING:
        message = "The other organisation's invoice for this month does not change any more."
        raise RefusedError(NotPossible(message=message, reason=Reason.INVOICE_CLOSED))
    return int(known[0].id)


async def _add_up(change: Change, invoices: Iterable[int]) -> None:
    """Sum up invoices anew."""
    item, invoice = tables.invoice_item, tables.invoice
    for id_ in sorted(invoices):
        items = await change.rows(item, invoice_id=id_)
        cost = sum((Decimal(each.unit_price) * Decimal(each.quantity) for each in items), Decimal())
        taxed = cost * (100 + Decimal((await change.row(invoice, id_)).tax_percent)) / 100
        await change.writer.update(
            invoice,
            id_,
            total_cost=cost.quantize(_CENT, ROUND_HALF_UP),
            total_price=taxed.quantize(_CENT, ROUND_HALF_UP),
        )
