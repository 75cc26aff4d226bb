"""What decides about a resource whether it can be changed: read the same way by fields and changes.

Each fact is a column, perhaps of what references lead to, or a total.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column

from gateway.db import tables
from gateway.db.queries.aggregates import (
    BARRED,
    BILLING_OF_OFFERING,
    BLOCKING_ORDERS,
    OWN_CONSENT,
    TERMS,
)
from gateway.db.query_spec import At, Door, Read
from gateway.db.sql.aggregate import Sum
from gateway.loaders.read_loader import Loads

_resource, _offering = tables.resource.c, tables.offering.c
_project, _customer = tables.project.c, tables.customer.c
_OFFERING, _PROJECT = (_resource.offering_id,), (_resource.project_id,)
_CUSTOMER = (_resource.project_id, _project.customer_id)


@dataclass(frozen=True)
class Facts:
    """The facts; JSON and days are text."""

    id: int
    state: int
    modified: str
    backend_id: str
    project_id: int
    customer_id: int
    offering_id: int
    provider_id: int | None
    offering_type: str
    offering_state: int
    shared: bool
    billable: bool
    offering_project_id: int | None
    plugin_options: str
    resource_options: str
    blocked: bool
    archived: bool
    project_start: str | None
    project_end: str | None
    project_grace: int | None
    customer_grace: int | None
    prepaid: bool
    pending: int
    """How many orders keep others from being made."""
    changing: int
    """How many of them change the options."""
    barred: int
    """Whether the offering is for other organisations: one if so."""
    terms: str | None
    """The version of the offering's terms; null without any."""
    overdue: bool
    """Whether everybody must have agreed to that version by now."""
    agreed: str | None
    """The version that the viewer agreed to."""


INPUTS: tuple[Column[Any] | At | Sum, ...] = (
    _resource.id,
    _resource.state,
    _resource.modified,
    _resource.backend_id,
    _resource.project_id,
    At(_project.customer_id, _PROJECT),
    _resource.offering_id,
    At(_offering.customer_id, _OFFERING),
    At(_offering.type, _OFFERING),
    At(_offering.state, _OFFERING),
    At(_offering.shared, _OFFERING),
    At(_offering.billable, _OFFERING),
    At(_offering.project_id, _OFFERING),
    At(_offering.plugin_options, _OFFERING),
    At(_offering.resource_options, _OFFERING),
    At(_customer.blocked, _CUSTOMER),
    At(_customer.archived, _CUSTOMER),
    At(_project.start_date, _PROJECT),
    At(_project.end_date, _PROJECT),
    At(_project.grace_period_days, _PROJECT),
    At(_customer.grace_period_days, _CUSTOMER),
    Sum(BILLING_OF_OFFERING, "prepaid", _resource.offering_id, missing=False),
    Sum(BLOCKING_ORDERS, "count", _resource.id, missing=0),
    Sum(BLOCKING_ORDERS, "changing", _resource.id, missing=0),
    Sum(BARRED, "count", _resource.id, missing=0),
    Sum(TERMS, "version", _resource.offering_id),
    Sum(TERMS, "overdue", _resource.offering_id, missing=False),
    Sum(OWN_CONSENT, "version", _resource.offering_id),
)
"""Where the facts come from, in their order."""
_COLUMNS = tuple(
    each if isinstance(each, At) else At(each) for each in INPUTS if not isinstance(each, Sum)
)
_READ = Read(tables.resource, _COLUMNS, Door.VISIBLE, At(_resource.id))
_TOTALS = {
    total: total.read for total in {each.total: None for each in INPUTS if isinstance(each, Sum)}
}


async def facts(loads: Loads, id_: int) -> Facts | None:
    """Read the facts of a resource; None if the viewer does not see it."""
    rows = await loads.rows(_READ, id_)
    if not rows:
        return None
    columns = iter(rows[0][1:])
    values: list[Any] = [None if isinstance(each, Sum) else next(columns) for each in INPUTS]
    for place, each in enumerate(INPUTS):
        if isinstance(each, Sum):
            values[place] = await _sum(loads, each, values[_place(each.key)])
    return Facts(*values)


def _place(key: Column[Any]) -> int:
    return next(i for i, each in enumerate(INPUTS) if each is key)


async def _sum(loads: Loads, wanted: Sum, key: int) -> Any:
    rows = await loads.rows(_TOTALS[wanted.total], key)
    found = rows[0][1 + list(wanted.total.values).index(wanted.value)] if rows else None
    return wanted.missing if found is None else found
