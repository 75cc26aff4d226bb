"""Resource facts: the inputs of all preconditions on a resource.

Each fact is a column of the resource, a column behind to-one references, or a grouped aggregate.
The field `Resource.allowedOperations` and the mutations read the same facts, so that both
decide alike.
"""

from asyncio import gather
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Annotated, Any, get_args

from sqlalchemy import Column

from gateway.db import tables
from gateway.db.driver.encoding import hyphenate_uuid
from gateway.db.driver.row_access import column_default
from gateway.db.queries.aggregates import (
    BILLING_TYPES_BY_OFFERING,
    BLOCKING_ORDERS_BY_RESOURCE,
    MODIFICATION_POLICIES_BY_PROJECT,
    RESTRICTION_BY_RESOURCE,
    TERMS_BY_OFFERING,
    VIEWER_CONSENT_BY_OFFERING,
)
from gateway.db.query_spec import Access, ColumnRef, QuerySpec
from gateway.db.sql.aggregate import AggregateValue
from gateway.loaders.read_loader import QueryParameters, ReadLoader

_resource, _offering = tables.resource.c, tables.offering.c
_project, _customer = tables.project.c, tables.customer.c
_OFFERING_PATH, _PROJECT_PATH = (_resource.offering_id,), (_resource.project_id,)
_CUSTOMER_PATH = (_resource.project_id, _project.customer_id)


@dataclass(frozen=True)
class ResourceFacts:
    """Facts of one resource, each with its source; JSON values and dates are text."""

    id: Annotated[int, _resource.id]
    state: Annotated[int, _resource.state]
    modified: Annotated[str, _resource.modified]
    backend_id: Annotated[str, _resource.backend_id]
    project_id: Annotated[int, _resource.project_id]
    customer_id: Annotated[int, ColumnRef(_project.customer_id, _PROJECT_PATH)]
    offering_id: Annotated[int, _resource.offering_id]
    plan_id: Annotated[int | None, _resource.plan_id]
    limits: Annotated[str, _resource.limits]
    provider_id: Annotated[int | None, ColumnRef(_offering.customer_id, _OFFERING_PATH)]
    offering_type: Annotated[str, ColumnRef(_offering.type, _OFFERING_PATH)]
    offering_state: Annotated[int, ColumnRef(_offering.state, _OFFERING_PATH)]
    shared: Annotated[bool, ColumnRef(_offering.shared, _OFFERING_PATH)]
    billable: Annotated[bool, ColumnRef(_offering.billable, _OFFERING_PATH)]
    offering_project_id: Annotated[int | None, ColumnRef(_offering.project_id, _OFFERING_PATH)]
    plugin_options: Annotated[str, ColumnRef(_offering.plugin_options, _OFFERING_PATH)]
    resource_options: Annotated[str, ColumnRef(_offering.resource_options, _OFFERING_PATH)]
    customer_blocked: Annotated[bool, ColumnRef(_customer.blocked, _CUSTOMER_PATH)]
    customer_archived: Annotated[bool, ColumnRef(_customer.archived, _CUSTOMER_PATH)]
    project_start: Annotated[str | None, ColumnRef(_project.start_date, _PROJECT_PATH)]
    project_end: Annotated[str | None, ColumnRef(_project.end_date, _PROJECT_PATH)]
    project_grace_days: Annotated[int | None, ColumnRef(_project.grace_period_days, _PROJECT_PATH)]
    customer_grace_days: Annotated[
        int | None, ColumnRef(_customer.grace_period_days, _CUSTOMER_PATH)
    ]
    prepaid: Annotated[
        bool,
        AggregateValue(BILLING_TYPES_BY_OFFERING, "prepaid", _resource.offering_id, default=False),
    ]
    blocking_order_count: Annotated[
        int, AggregateValue(BLOCKING_ORDERS_BY_RESOURCE, "count", _resource.id, default=0)
    ]
    """Number of open orders that block new ones."""
    option_order_count: Annotated[
        int, AggregateValue(BLOCKING_ORDERS_BY_RESOURCE, "option_changes", _resource.id, default=0)
    ]
    """Number of those that change the options."""
    pending_termination_count: Annotated[
        int,
        AggregateValue(
            BLOCKING_ORDERS_BY_RESOURCE, "pending_terminations", _resource.id, default=0
        ),
    ]
    """Number of those that terminate the resource and wait for the consumer."""
    is_restricted: Annotated[
        int, AggregateValue(RESTRICTION_BY_RESOURCE, "count", _resource.id, default=0)
    ]
    """1 if the offering is restricted to other organisations, else 0."""
    terms_version: Annotated[
        str | None, AggregateValue(TERMS_BY_OFFERING, "version", _resource.offering_id)
    ]
    """Version of the offering's terms of service; None without terms."""
    consent_overdue: Annotated[
        bool, AggregateValue(TERMS_BY_OFFERING, "overdue", _resource.offering_id, default=False)
    ]
    """Whether the grace period for accepting that version is over."""
    consented_version: Annotated[
        str | None, AggregateValue(VIEWER_CONSENT_BY_OFFERING, "version", _resource.offering_id)
    ]
    """Version that the viewer accepted; None without a consent."""
    blocking_policies: Annotated[
        str | None, AggregateValue(MODIFICATION_POLICIES_BY_PROJECT, "all", _resource.project_id)
    ]
    """Cost policies of the project and its organisation whose limits are exceeded, as JSON.

    They forbid changes of resources: see `cost_policies`. None without such policies.
    """


RESOURCE_FACT_INPUTS: tuple[Column[Any] | ColumnRef | AggregateValue, ...] = tuple(
    get_args(each.type)[1] for each in fields(ResourceFacts)
)
"""Sources of the facts, in the order of the fields of `ResourceFacts`."""
_FACT_COLUMNS = tuple(
    each if isinstance(each, ColumnRef) else ColumnRef(each)
    for each in RESOURCE_FACT_INPUTS
    if not isinstance(each, AggregateValue)
)
_FACTS_BY_ID, _FACTS_BY_UUID = (
    QuerySpec(tables.resource, _FACT_COLUMNS, Access.ROW_FILTER, ColumnRef(key_column))
    for key_column in (_resource.id, _resource.uuid)
)


async def load_resource_facts(loader: ReadLoader, key: int | str) -> ResourceFacts | None:
    """Return the facts of a resource, by its key or its uuid; None if the viewer can't see it."""
    rows = (
        await loader.load_rows(_FACTS_BY_ID, key)
        if isinstance(key, int)
        else await loader.load_rows(_FACTS_BY_UUID, hyphenate_uuid(key))
    )
    if not rows:
        return None
    columns = iter(rows[0][1:])
    values: list[Any] = [
        None if isinstance(fact_input, AggregateValue) else next(columns)
        for fact_input in RESOURCE_FACT_INPUTS
    ]
    aggregates = {
        index: (fact_input, values[_find_input_index(fact_input.key_column)])
        for index, fact_input in enumerate(RESOURCE_FACT_INPUTS)
        if isinstance(fact_input, AggregateValue)
    }
    aggregate_values = await _load_aggregate_values(loader, [*aggregates.values()])
    for index, value in zip(aggregates, aggregate_values, strict=True):
        values[index] = value
    return ResourceFacts(*values)


async def _load_aggregate_values(
    loader: ReadLoader, aggregates: Sequence[tuple[AggregateValue, int]]
) -> list[Any]:
    """Return values under their keys: by one batch, unless statements are in program order."""
    if loader.has_cache:
        return await gather(*[load_aggregate_value(loader, *each) for each in aggregates])
    return [await load_aggregate_value(loader, *each) for each in aggregates]


async def load_facts_before_creation(
    loader: ReadLoader, stored_values: Mapping[Column[Any], Any]
) -> ResourceFacts | None:
    """Return the facts that a resource would have if it was stored now.

    `stored_values` are its columns; those left out have the values of an insert. Facts that other
    rows have about the resource, such as its orders, are as without such rows. None if a row that
    it refers to is missing or hidden.
    """
    referenced_values: dict[ColumnRef, Any] = {}
    for reference in (_resource.offering_id, _resource.project_id):
        values = await _load_referenced_values(loader, reference, stored_values[reference])
        if values is None:
            return None
        referenced_values |= values
    return ResourceFacts(
        *[
            await _find_fact_before_creation(loader, each, stored_values, referenced_values)
            for each in RESOURCE_FACT_INPUTS
        ]
    )


async def _load_referenced_values(
    loader: ReadLoader, reference: Column[Any], key: int
) -> dict[ColumnRef, Any] | None:
    """Return the facts that are columns behind a reference of the resource."""
    (foreign_key,) = reference.foreign_keys
    column_refs = [each for each in _FACT_COLUMNS if each.path[:1] == (reference,)]
    columns = tuple(ColumnRef(each.column, each.path[1:]) for each in column_refs)
    primary_key = foreign_key.column
    query_spec = QuerySpec(primary_key.table, columns, Access.ROW_FILTER, ColumnRef(primary_key))
    rows = await loader.load_rows(query_spec, key)
    return dict(zip(column_refs, rows[0][1:], strict=True)) if rows else None


async def _find_fact_before_creation(
    loader: ReadLoader,
    fact_input: Column[Any] | ColumnRef | AggregateValue,
    stored_values: Mapping[Column[Any], Any],
    referenced_values: Mapping[ColumnRef, Any],
) -> Any:
    if isinstance(fact_input, ColumnRef):
        return referenced_values[fact_input]
    if not isinstance(fact_input, AggregateValue):
        return stored_values.get(fact_input, column_default(fact_input))
    if fact_input.key_column is _resource.id:
        return fact_input.default
    return await load_aggregate_value(loader, fact_input, stored_values[fact_input.key_column])


def _find_input_index(column: Column[Any]) -> int:
    return next(i for i, each in enumerate(RESOURCE_FACT_INPUTS) if each is column)


async def load_aggregate_value(
    loader: ReadLoader,
    aggregate_value: AggregateValue,
    key: int,
    parameters: QueryParameters | None = None,
) -> Any:
    """Return one value of an aggregate under a key; its default without rows."""
    aggregate = aggregate_value.aggregate
    rows = await loader.load_rows(aggregate.query_spec, key, parameters)
    index = 1 + list(aggregate.values).index(aggregate_value.value_name)
    value = rows[0][index] if rows else None
    return aggregate_value.default if value is None else value
