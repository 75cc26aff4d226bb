"""The declaration language of published fields.

A published type is a class with `object_type` whose attributes are its fields. An attribute has an
annotation (its GraphQL type), a declaration (what the field holds) and a docstring (its GraphQL
description). A declaration says *what* a field holds in terms of the tables of `gateway.db.tables`,
never *how* it is loaded: it is a value that both executions read. graphql-core calls the
declaration's resolver (`build_resolver`) once per row; the plan compiler reads the declaration from
the field's metadata (`relations.DECLARATION_KEY`) and makes SQL of it
(`execution/planner/lower_fields.py`). No field of a type has a resolver written by hand.

    resource = tables.resource.c

    @object_type
    class Resource(Row, Node, tables=(tables.resource,), by_reference="id uuid name"):
        ...

No declaration: a column. The attribute has the name of a column of the table. It may be non-null
only if the column is, in every supported version of Waldur, and every viewer of the row can see it.

    slug: str | None

`one(reference)`: the row that a foreign key of this row points to; null if the key is null. The
viewer may be unable to see that row. Then only the fields of its type's `by_reference`, or those
named here, have values, and the others are null.

    project: Project | None = one(resource.project_id)
    provider: Customer | None = one(offering.customer_id, "id uuid name slug description")

`many(reference)`: the rows whose foreign key points to this row, as a plain list. It has no paging,
so their number must be small by nature. They inherit this row's visibility: a viewer who can see
the row can see all of them. Sort columns and constant conditions are optional.

    components: list[Component] = many(component.offering_id, component.name)

`first(reference, sort_order)`: the first of such rows, null without any. Conditions are optional.

    creation_order: Order | None = first(order.resource_id, OLDEST_FIRST, is_creation)

`only(reference)`: the single such row (the key is unique there), null without one.

    backend: BackendObject | None = only(registry.backend_object.c.resource_id)

`filtered_list(reference)`: like `many`, but each argument that has a value adds a condition.

    usages: list[ComponentUsage] | None = filtered_list(
        usage.resource_id, usage.billing_period, **BILLING_MONTH_ARGUMENTS
    )

`filtered_first(reference, sort_order)`: the first row of such a list, null if it is empty.

    history_at: HistoryEntry | None = filtered_first(
        history.resource_id, NEWEST_FIRST, **HISTORY_AT_ARGUMENTS
    )

`pages(reference, order_type)`: a Relay connection of the rows whose foreign key points to this row,
for lists of any length. The row filter of their own table decides which of them the viewer sees.
With `path` the key is that of a row which they lead to: a customer's resources by way of the
project. A filter type, a search and a perspective (`visibleAs`) are optional.

    orders: Page[Order] | None = pages(order.offering_id, OrderOrder, OrderFilter)
    resources: Page[Resource] | None = pages(
        project.customer_id, ResourceOrder, ResourceFilter, resource.project_id
    )

`computed(function, *inputs)`: what a pure function returns for the values of its inputs, which are
passed by position. An input is one of

    Column          a column of this row
    ColumnRef       a column of the row that a path of foreign keys leads to
    AggregateValue  a value of a batched aggregate over many rows, grouped by a column of this row
    ContextFact     a fact of the request, such as the viewer or today's date
    FieldArgument   an argument of the field; null if a client omits it

    image: str | None = computed(build_media_url, offering.image, ContextFact.MEDIA_URL)
    factor: int | None = computed(
        find_unit_factor, ColumnRef(offering.type, (component.offering_id,)), component.type
    )
    resources_count: int = computed(int, AggregateValue(RESOURCE_COUNTS_BY_PLAN, "all", plan.id, 0))

`node_id(type name, uuid)` of `node.py`: the global id, made of the type's name and a uuid column.

    id: strawberry.ID = node_id("Resource", resource.uuid)

The root fields of `resolvers/query.py` use declarations of their own: `ConnectionField` without a
key, `RowLookup` and `RootListField` (`lookups.py`), `RootComputedField` and `RequestComputedField`
(`root_computed.py`).
"""

from collections.abc import Callable
from enum import Enum
from typing import Any

from sqlalchemy import Column

from gateway.db.query_spec import ColumnRef, RowCondition, SortOrder
from gateway.schema.framework.computed_inputs import ComputedInput
from gateway.schema.framework.connection_field import ConnectionField, SearchDefinition
from gateway.schema.framework.filtered_lists import FilterArgument, FilteredListField
from gateway.schema.framework.relations import (
    ComputedField,
    FirstRowField,
    ToManyField,
    ToOneField,
    declare_field,
)


def one(reference: Column[Any], visible_fields: str | None = None) -> Any:
    """Declare a field that holds the row which `reference` points to.

    `visible_fields` are the fields, separated by spaces, that have values if the
    viewer can't see that row; None for the type's `by_reference` fields.
    """
    return declare_field(
        ToOneField(reference, None if visible_fields is None else frozenset(visible_fields.split()))
    )


def many(
    reference: Column[Any], *sort_columns: Column[Any], conditions: tuple[RowCondition, ...] = ()
) -> Any:
    """Declare a list of the rows whose `reference` points to this row; they must be few."""
    return declare_field(ToManyField(reference, sort_columns, conditions))


def filtered_list(
    reference: Column[Any], *sort_columns: Column[Any], **arguments: FilterArgument
) -> Any:
    """Declare a list of the rows whose `reference` points to this row, filtered by arguments."""
    return declare_field(FilteredListField(reference, arguments, sort_columns))


def filtered_first(
    reference: Column[Any], sort_order: SortOrder, **arguments: FilterArgument
) -> Any:
    """Declare a field that holds the first row of a list filtered by arguments, or null."""
    return declare_field(FilteredListField(reference, arguments, first_sort_order=sort_order))


def only(reference: Column[Any]) -> Any:
    """Declare a field that holds the single row whose `reference` points to this row, or null."""
    return declare_field(FirstRowField(reference, None))


def first(reference: Column[Any], sort_order: SortOrder, *conditions: RowCondition) -> Any:
    """Declare a field that holds the first row whose `reference` points to this row, or null."""
    return declare_field(FirstRowField(reference, sort_order, conditions))


def pages(
    reference: Column[Any],
    order_type: type[Enum],
    filter_type: type | None = None,
    *path: Column[Any],
    perspective_type: type[Enum] | None = None,
    search: SearchDefinition | None = None,
) -> Any:
    """Declare a connection of the visible rows whose `reference` points to this row.

    With a `path` of foreign keys, which starts at the listed rows, `reference` is
    a column of the row that it leads to.
    """
    table: Any = path[0].table if path else reference.table
    return declare_field(
        ConnectionField(
            table, ColumnRef(reference, path), order_type, filter_type, perspective_type, search
        )
    )


def computed(function: Callable[..., Any], *inputs: ComputedInput) -> Any:
    """Declare a field that holds what `function` returns for the values of `inputs`."""
    return declare_field(ComputedField(function, inputs))
