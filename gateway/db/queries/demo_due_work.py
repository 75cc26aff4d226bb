"""Work queue of the demo's provider: due orders and pulls.

The rows are selected FOR UPDATE SKIP LOCKED, so that several processes can share the queue.
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import Column, DateTime, MetaData, Select, Table, select

from gateway.db import tables
from gateway.db.admin import own_tables

EXECUTING_ORDER_STATE = 2
"""State of orders that are to be carried out (domain.md §2.3)."""
_marketplace = Table(
    "marketplace", MetaData(schema="gateway"), Column("made_at", DateTime(timezone=True))
)
_order, _resource, _usage = tables.order.c, tables.resource.c, tables.component_usage.c


def select_due_order(due_before: datetime) -> Select[Any]:
    """Return a select of the oldest executing order that was due; it locks the order's resource.

    Orders from before the creation of the demo are excluded.
    """
    joined = tables.order.join(tables.resource, _resource.id == _order.resource_id)
    made_at = select(_marketplace.c.made_at).scalar_subquery()
    return (
        select(_order.id)
        .select_from(joined)
        .where(
            _order.state == EXECUTING_ORDER_STATE,
            _order.modified <= due_before,
            _order.modified > made_at,
        )
        .order_by(_order.modified, _order.id)
        .limit(1)
        .with_for_update(of=tables.resource, skip_locked=True)
    )


def select_due_pull(due_before: datetime) -> Select[Any]:
    """Return a select of the oldest pull that was due, with its resource; it locks the pull."""
    return (
        select(own_tables.pull.c.id, own_tables.pull.c.resource_id)
        .where(own_tables.pull.c.requested_at <= due_before)
        .order_by(own_tables.pull.c.requested_at, own_tables.pull.c.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )


def select_component_usage(
    resource_id: int, component_id: int, plan_period_id: int | None, month: date
) -> Select[Any]:
    """Return a select of a resource's usage row for a component, month and plan period."""
    usage_conditions = _usage.resource_id == resource_id, _usage.component_id == component_id
    period_condition = (
        _usage.plan_period_id.is_(None)
        if plan_period_id is None
        else _usage.plan_period_id == plan_period_id
    )
    return select(_usage.id).where(
        *usage_conditions, period_condition, _usage.billing_period == month
    )
