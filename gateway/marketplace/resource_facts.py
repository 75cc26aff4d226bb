"""Resource facts: the inputs of all preconditions on a resource.

Each fact is a column of the resource, a column behind to-one references, or a grouped aggregate.
The field `Resource.allowedOperations` and the mutations read the same facts, so that both
decide alike.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column

from gateway.db import tables
from gateway.db.queries.aggregates import (
    BILLING_TYPES_BY_OFFERING,
    BLOCKING_ORDERS_BY_RESOURCE,
    RESTRICTION_BY_RESOURCE,
    TERMS_BY_OFFERING,
    VIEWER_CONSENT_BY_OFFERING,
)
from gateway.db.query_spec import Access, ColumnRef, QuerySpec
from gateway.db.sql.aggregate import AggregateValue
from gateway.loaders.read_loader import ReadLoader

_resource, _offering = tables.resource.c, tables.offering.c
_project, _customer = tables.project.c, tables.customer.c
_OFFERING_PATH, _PROJECT_PATH = (_resource.offering_id,), (_resource.project_id,)
_CUSTOMER_PATH = (_resource.project_id, _project.customer_id)


@dataclass(frozen=True)
class ResourceFacts:
    """Facts of one resource; JSON values and dates are text."""

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
    customer_blocked: bool
    customer_archived: bool
    project_start: str | None
    project_end: str | None
    project_grace_days: int | None
    customer_grace_days: int | None
    prepaid: bool
    blocking_order_count: int
    """Number of open orders that block new ones."""
    option_order_count: int
    """Number of those that change the options."""
    is_restricted: int
    """1 if the offering is restricted to other organisations, else 0."""
    terms_version: str | None
    """Version of the offering's terms of service; None without terms."""
    consent_overdue: bool
    """Whether the grace period for accepting that version is over."""
    consented_version: str | None
    """Version that the viewer accepted; None without a consent."""


RESOURCE_FACT_INPUTS: tuple[Column[Any] | ColumnRef | AggregateValue, ...] = (
    _resource.id,
    _resource.state,
    _resource.modified,
    _resource.backend_id,
    _resource.project_id,
    ColumnRef(_project.customer_id, _PROJECT_PATH),
    _resource.offering_id,
    ColumnRef(_offering.customer_id, _OFFERING_PATH),
    ColumnRef(_offering.type, _OFFERING_PATH),
    ColumnRef(_offering.state, _OFFERING_PATH),
    ColumnRef(_offering.shared, _OFFERING_PATH),
    ColumnRef(_offering.billable, _OFFERING_PATH),
    ColumnRef(_offering.project_id, _OFFERING_PATH),
    ColumnRef(_offering.plugin_options, _OFFERING_PATH),
    ColumnRef(_offering.resource_options, _OFFERING_PATH),
    ColumnRef(_customer.blocked, _CUSTOMER_PATH),
    ColumnRef(_customer.archived, _CUSTOMER_PATH),
    ColumnRef(_project.start_date, _PROJECT_PATH),
    ColumnRef(_project.end_date, _PROJECT_PATH),
    ColumnRef(_project.grace_period_days, _PROJECT_PATH),
    ColumnRef(_customer.grace_period_days, _CUSTOMER_PATH),
    AggregateValue(BILLING_TYPES_BY_OFFERING, "prepaid", _resource.offering_id, default=False),
    AggregateValue(BLOCKING_ORDERS_BY_RESOURCE, "count", _resource.id, default=0),
    AggregateValue(BLOCKING_ORDERS_BY_RESOURCE, "option_changes", _resource.id, default=0),
    AggregateValue(RESTRICTION_BY_RESOURCE, "count", _resource.id, default=0),
    AggregateValue(TERMS_BY_OFFERING, "version", _resource.offering_id),
    AggregateValue(TERMS_BY_OFFERING, "overdue", _resource.offering_id, default=False),
    AggregateValue(VIEWER_CONSENT_BY_OFFERING, "version", _resource.offering_id),
)
"""Sources of the facts, in the order of the fields of `ResourceFacts`."""
_FACT_COLUMNS = tuple(
    each if isinstance(each, ColumnRef) else ColumnRef(each)
    for each in RESOURCE_FACT_INPUTS
    if not isinstance(each, AggregateValue)
)
_FACTS_QUERY_SPEC = QuerySpec(
    tables.resource, _FACT_COLUMNS, Access.ROW_FILTER, ColumnRef(_resource.id)
)
_AGGREGATE_QUERY_SPECS = {
    each.aggregate: each.aggregate.query_spec
    for each in RESOURCE_FACT_INPUTS
    if isinstance(each, AggregateValue)
}


async def load_resource_facts(loader: ReadLoader, resource_id: int) -> ResourceFacts | None:
    """Return the facts of a resource; None if the viewer can't see it."""
    rows = await loader.load_rows(_FACTS_QUERY_SPEC, resource_id)
    if not rows:
        return None
    columns = iter(rows[0][1:])
    values: list[Any] = [
        None if isinstance(fact_input, AggregateValue) else next(columns)
        for fact_input in RESOURCE_FACT_INPUTS
    ]
    for index, fact_input in enumerate(RESOURCE_FACT_INPUTS):
        if isinstance(fact_input, AggregateValue):
            values[index] = await _load_aggregate_value(
                loader, fact_input, values[_find_input_index(fact_input.key_column)]
            )
    return ResourceFacts(*values)


def _find_input_index(column: Column[Any]) -> int:
    return next(i for i, each in enumerate(RESOURCE_FACT_INPUTS) if each is column)


async def _load_aggregate_value(
    loader: ReadLoader, aggregate_value: AggregateValue, key: int
) -> Any:
    aggregate = aggregate_value.aggregate
    rows = await loader.load_rows(_AGGREGATE_QUERY_SPECS[aggregate], key)
    index = 1 + list(aggregate.values).index(aggregate_value.value_name)
    value = rows[0][index] if rows else None
    return aggregate_value.default if value is None else value
