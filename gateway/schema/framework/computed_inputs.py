"""Inputs of computed fields: columns, columns along references, aggregates, facts, arguments.

These functions resolve them for graphql-core, a row at a time; the plan compiler
puts them into its statements instead.
"""

from collections.abc import Awaitable, Mapping
from functools import cache
from typing import Any

from sqlalchemy import Column

from gateway.db.query_spec import Access, ColumnRef, IsVisible, QuerySpec, SelectItem
from gateway.db.sql.aggregate import AggregateValue
from gateway.db.sql.row_types import Row, require_columns, required_columns
from gateway.schema.framework.arguments import FieldArgument
from gateway.schema.framework.context import ContextFact, RequestContext

ComputedInput = Column[Any] | ColumnRef | AggregateValue | ContextFact | FieldArgument


def get_referenced_column(reference: Column[Any]) -> Column[Any]:
    """Return the column that the foreign key `reference` points to."""
    (foreign_key,) = reference.foreign_keys
    return foreign_key.column


@cache
def build_reference_query_spec(table: Any) -> QuerySpec:
    """Return the query of referenced rows of `table`: their visibility and their columns."""
    (primary,) = table.primary_key
    columns: tuple[SelectItem, ...] = (IsVisible(), *map(ColumnRef, required_columns(table)))
    return QuerySpec(table, columns, Access.REFERENCE, ColumnRef(primary))


async def load_referenced_row(
    context: RequestContext,
    row: Row,
    reference: Column[Any],
    visible_fields: frozenset[str] | None = None,
) -> Row | None:
    """Load the row that `reference` of `row` points to; None if there is none.

    If the viewer can't see it, only `visible_fields` of it have values, or the
    `by_reference` fields of its type if these are None.
    """
    key = getattr(row, reference.key)
    if key is None:
        return None
    table: Any = get_referenced_column(reference).table
    rows = await context.loader.load_rows(build_reference_query_spec(table), key)
    if not rows:
        return None
    (_, is_visible, *values), row_class = rows[0], Row.class_for(table)
    fields = None if is_visible else visible_fields or row_class.by_reference
    return row_class.from_values([each.key for each in required_columns(table)], values, fields)


def require_input_columns(computed_input: ComputedInput) -> None:
    """Add the columns that an input depends on to those that are read with every row."""
    if isinstance(computed_input, ColumnRef):
        require_columns([computed_input.column, *computed_input.path])
    elif isinstance(computed_input, AggregateValue):
        require_columns([computed_input.key_column])
    elif not isinstance(computed_input, (ContextFact, FieldArgument)):
        require_columns([computed_input])


def resolve_input(
    context: RequestContext, row: Row, computed_input: ComputedInput, arguments: Mapping[str, Any]
) -> Any | Awaitable[Any]:
    """Return the value of an input of a row, or an awaitable of it if it must be loaded."""
    if isinstance(computed_input, ContextFact):
        return context.facts[computed_input]
    if isinstance(computed_input, FieldArgument):
        return arguments[computed_input.name]
    if isinstance(computed_input, ColumnRef):
        return _load_path_value(context, row, computed_input)
    if isinstance(computed_input, AggregateValue):
        return _load_aggregate_value(context, row, computed_input)
    return getattr(row, computed_input.key)


async def _load_path_value(context: RequestContext, row: Row, column_ref: ColumnRef) -> Any:
    current_row: Row | None = row
    for reference in column_ref.path:
        current_row = (
            await load_referenced_row(context, current_row, reference)
            if current_row is not None
            else None
        )
    return None if current_row is None else getattr(current_row, column_ref.column.key)


async def _load_aggregate_value(
    context: RequestContext, row: Row, aggregate_value: AggregateValue
) -> Any:
    key = getattr(row, aggregate_value.key_column.key)
    if key is None:
        return aggregate_value.default
    rows = await context.loader.load_rows(aggregate_value.aggregate.query_spec, key)
    index = list(aggregate_value.aggregate.values).index(aggregate_value.value_name) + 1
    return aggregate_value.default if not rows or rows[0][index] is None else rows[0][index]
