"""The declarations that types are made of: what a field holds, and nothing of how it is got."""

from collections.abc import Callable
from enum import Enum
from typing import Any

from sqlalchemy import Column

from gateway.db.query_spec import At, Condition, Order
from gateway.schema.framework.computed_inputs import Input
from gateway.schema.framework.connection_field import Pages, Search
from gateway.schema.framework.filtered_lists import Narrowed, Narrower
from gateway.schema.framework.relations import Computed, First, Many, One, declare


def one(reference: Column[Any], shows: str | None = None) -> Any:
    """Declare a field that holds the row which `reference` points to.

    Of a row that the viewer does not see, `shows` names the fields that are
    shown below this reference; without it, those of its type.
    """
    return declare(One(reference, None if shows is None else frozenset(shows.split())))


def many(reference: Column[Any], *order: Column[Any], where: tuple[Condition, ...] = ()) -> Any:
    """Declare a field that holds the parts whose `reference` points here; they must be few."""
    return declare(Many(reference, order, where))


def narrowed(reference: Column[Any], *order: Column[Any], **arguments: Narrower) -> Any:
    """Declare a field that holds the parts whose `reference` points here, narrowed by arguments."""
    return declare(Narrowed(reference, arguments, order))


def chosen(reference: Column[Any], order: Order, **arguments: Narrower) -> Any:
    """Declare a field that holds the first of the parts that arguments narrow, if there is one."""
    return declare(Narrowed(reference, arguments, first=order))


def only(reference: Column[Any]) -> Any:
    """Declare a field that holds the one part whose `reference` points here, if there is one."""
    return declare(First(reference, None))


def first(reference: Column[Any], order: Order, *where: Condition) -> Any:
    """Declare a field that holds the first row of those whose `reference` points here."""
    return declare(First(reference, order, where))


def pages(
    reference: Column[Any],
    orders: type[Enum],
    filters: type | None = None,
    *path: Column[Any],
    sides: type[Enum] | None = None,
    search: Search | None = None,
) -> Any:
    """Declare a field that pages through the visible rows whose `reference` points here.

    With a `path` the rows start it, and what it leads to has the `reference`.
    """
    table: Any = path[0].table if path else reference.table
    return declare(Pages(table, At(reference, path), orders, filters, sides, search))


def computed(function: Callable[..., Any], *inputs: Input) -> Any:
    """Declare a field that `function` works out from columns, totals, facts and arguments."""
    return declare(Computed(function, inputs))
