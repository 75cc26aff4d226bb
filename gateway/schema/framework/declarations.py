"""The declarations that types are made of: what a field holds, and nothing of how it is got."""

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

    Of a row that the viewer does not see, `shows` names the fields that are
    shown below this reference; without it, those of its type.
    """
    return declare_field(
        ToOneField(reference, None if visible_fields is None else frozenset(visible_fields.split()))
    )


def many(
    reference: Column[Any], *sort_columns: Column[Any], conditions: tuple[RowCondition, ...] = ()
) -> Any:
    """Declare a field that holds the parts whose `reference` points here; they must be few."""
    return declare_field(ToManyField(reference, sort_columns, conditions))


def filtered_list(
    reference: Column[Any], *sort_columns: Column[Any], **arguments: FilterArgument
) -> Any:
    """Declare a field that holds the parts whose `reference` points here, narrowed by arguments."""
    return declare_field(FilteredListField(reference, arguments, sort_columns))


def filtered_first(
    reference: Column[Any], sort_order: SortOrder, **arguments: FilterArgument
) -> Any:
    """Declare a field that holds the first of the parts that arguments narrow, if there is one."""
    return declare_field(FilteredListField(reference, arguments, first_sort_order=sort_order))


def only(reference: Column[Any]) -> Any:
    """Declare a field that holds the one part whose `reference` points here, if there is one."""
    return declare_field(FirstRowField(reference, None))


def first(reference: Column[Any], sort_order: SortOrder, *conditions: RowCondition) -> Any:
    """Declare a field that holds the first row of those whose `reference` points here."""
    return declare_field(FirstRowField(reference, sort_order, conditions))


def pages(
    reference: Column[Any],
    order_type: type[Enum],
    filter_type: type | None = None,
    *path: Column[Any],
    perspective_type: type[Enum] | None = None,
    search: SearchDefinition | None = None,
) -> Any:
    """Declare a field that pages through the visible rows whose `reference` points here.

    With a `path` the rows start it, and what it leads to has the `reference`.
    """
    table: Any = path[0].table if path else reference.table
    return declare_field(
        ConnectionField(
            table, ColumnRef(reference, path), order_type, filter_type, perspective_type, search
        )
    )


def computed(function: Callable[..., Any], *inputs: ComputedInput) -> Any:
    """Declare a field that `function` works out from columns, totals, facts and arguments."""
    return declare_field(ComputedField(function, inputs))
