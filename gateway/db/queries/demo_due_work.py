"""What the demo's provider has to do by now; what another is at is left to it."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import Column, DateTime, MetaData, Select, Table, select

from gateway.db import tables
from gateway.db.admin import own_tables

EXECUTING = 2
"""The state of orders that are to be carried out (domain.md §2.3)."""
_made = Table("marketplace", MetaData(schema="gateway"), Column("made_at", DateTime(timezone=True)))
_order, _resource, _usage = tables.order.c, tables.resource.c, tables.component_usage.c


def due_order(before: datetime) -> Select[Any]:
    """Ask for an order that was to be carried out before a moment; its resource is held."""
    joined = tables.order.join(tables.resource, _resource.id == _order.resource_id)
    made = select(_made.c.made_at).scalar_subquery()
    return (
        select(_order.id)
        .select_from(joined)
        .where(_order.state == EXECUTING, _order.modified <= before, _order.modified > made)
        .order_by(_order.modified, _order.id)
        .limit(1)
        .with_for_update(of=tables.resource, skip_locked=True)
    )


def due_pull(before: datetime) -> Select[Any]:
    """Ask for a pull that was asked for before a moment, and its resource; it is held."""
    return (
        select(own_tables.pull.c.id, own_tables.pull.c.resource_id)
        .where(own_tables.pull.c.requested_at <= before)
        .order_by(own_tables.pull.c.requested_at, own_tables.pull.c.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )


def usage_of(resource: int, component: int, period: int | None, month: date) -> Select[Any]:
    """Ask for what a resource used of a component in a month, under a period of its plan."""
    same = _usage.resource_id == resource, _usage.component_id == component
    within = _usage.plan_period_id.is_(None) if period is None else _usage.plan_period_id == period
    return select(_usage.id).where(*same, within, _usage.billing_period == month)
