"""Adjusting the start and end dates of a prepaid resource (domain.md §5.18, rules.md §1)."""

from dataclasses import dataclass
from datetime import date

from gateway.db import tables
from gateway.db.driver.date_spelling import parse_stored_date
from gateway.db.tables.codes import OrderType
from gateway.marketplace.operation_rules import ResourceOperation
from gateway.marketplace.problems import (
    InvalidField,
    InvalidInput,
    build_invalid_field,
    check_text_length,
    combine_invalid_fields,
    raise_problem,
)
from gateway.marketplace.rows import OrderKeyRow, OrderRow, ResourceRow
from gateway.marketplace.side_effects import log_event, save_version, update_resource
from gateway.marketplace.table_row import ColumnValues
from gateway.marketplace.unit_of_work import ChangeResult, UnitOfWork

_MAX_COMMENT_LENGTH = 500
_DEFAULT_COMMENT = "Start and end dates have been adjusted"


@dataclass(frozen=True, kw_only=True)
class DateAdjustment:
    """Staff's request to adjust the dates of a resource, with dates in ISO format."""

    uuid: str
    start_date: str
    end_date: str
    comment: str | None = None
    if_modified: str | None = None


async def adjust_dates(unit_of_work: UnitOfWork, adjustment: DateAdjustment) -> ChangeResult:
    """Set the start date of the order that created a resource, and the resource's end date."""
    facts = await unit_of_work.lock_resource(
        adjustment.uuid, ResourceOperation.ADJUST_RESOURCE_DATES, adjustment.if_modified
    )
    raise_problem(_check_adjustment(adjustment, unit_of_work.today))
    resource = await unit_of_work.load_row(ResourceRow, facts.id)
    order_id = await _set_start_date(unit_of_work, facts.id, adjustment.start_date)
    values = ColumnValues(
        ResourceRow,
        end_date=adjustment.end_date,
        end_date_requested_by_id=unit_of_work.actor_id,
        end_date_updated_at=unit_of_work.now_text,
    )
    after = await update_resource(unit_of_work, resource, values)
    message = (
        f"Dates of marketplace resource {after.name} have been adjusted by staff. Start date:"
        f" {adjustment.start_date}. End date: {after.end_date}."
        f" User: {unit_of_work.viewer.username}."
    )
    await log_event(unit_of_work, "marketplace_resource_update_end_date_succeeded", after, message)
    await save_version(unit_of_work, after, adjustment.comment or _DEFAULT_COMMENT)
    return ChangeResult(facts.id, order_id)


def _check_adjustment(adjustment: DateAdjustment, today: date) -> InvalidInput | None:
    """Return the problem of invalid dates or of a long comment; None if all are valid."""
    fields = [
        each
        for each in (
            _check_dates(adjustment, today),
            check_text_length("comment", adjustment.comment, _MAX_COMMENT_LENGTH),
        )
        if each is not None
    ]
    return combine_invalid_fields(*fields) if fields else None


def _check_dates(adjustment: DateAdjustment, today: date) -> InvalidField | None:
    start_date, end_date = map(parse_stored_date, (adjustment.start_date, adjustment.end_date))
    if start_date >= end_date:
        message = f"must be after `startDate`, {start_date}, got {end_date}."
        return build_invalid_field("endDate", message=message)
    if end_date < today:
        message = f"must be today, {today}, or later, got {end_date}."
        return build_invalid_field("endDate", message=message)
    return None


async def _set_start_date(
    unit_of_work: UnitOfWork, resource_id: int, start_date: str
) -> int | None:
    """Set the start date of the first order that creates a resource and return its key, if any."""
    orders = await unit_of_work.load_rows(
        OrderKeyRow, resource_id=resource_id, type=OrderType.CREATE
    )
    if not orders:
        return None
    order_id = orders[0].id
    await unit_of_work.writer.lock_rows(tables.order, order_id)
    await unit_of_work.update_rows(OrderRow, order_id, start_date=start_date)
    return order_id
