"""What computed fields are made of: columns, also along references, totals, facts, arguments."""

from collections.abc import Awaitable, Mapping
from functools import cache
from typing import Any

from sqlalchemy import Column

from gateway.db.query_spec import At, Door, Read, Seen, Wanted
from gateway.db.sql.aggregate import Sum, Total
from gateway.db.sql.row_types import Row, need, needed
from gateway.schema.framework.arguments import Argument
from gateway.schema.framework.context import Context, Fact

Input = Column[Any] | At | Sum | Fact | Argument


def target(reference: Column[Any]) -> Column[Any]:
    """Give the column that `reference` points to."""
    (foreign_key,) = reference.foreign_keys
    return foreign_key.column


@cache
def referenced(table: Any) -> Read:
    """Describe the rows of `table` that are referred to: whether seen, and what they hold."""
    (primary,) = table.primary_key
    columns: tuple[Wanted, ...] = (Seen(), *map(At, needed(table)))
    return Read(table, columns, Door.REFERENCED, At(primary))


async def follow(
    context: Context, row: Row, reference: Column[Any], shows: frozenset[str] | None = None
) -> Row | None:
    """Load the row that `reference` of `row` points to.

    If the viewer does not see it, it shows what is in `shows`, or else what its
    type shows by reference.
    """
    key = getattr(row, reference.key)
    if key is None:
        return None
    table: Any = target(reference).table
    found = await context.loads.rows(referenced(table), key)
    if not found:
        return None
    (_, seen, *values), row_class = found[0], Row.of(table)
    fields = None if seen else shows or row_class.by_reference
    return row_class.made([each.key for each in needed(table)], values, fields)


def needs(given: Input) -> None:
    """Have read what an input stands for."""
    if isinstance(given, At):
        need([given.column, *given.path])
    elif isinstance(given, Sum):
        need([given.key])
    elif not isinstance(given, (Fact, Argument)):
        need([given])


def value(
    context: Context, row: Row, given: Input, asked: Mapping[str, Any]
) -> Any | Awaitable[Any]:
    """Give the value of an input, or what it can be awaited from; arguments were `asked`."""
    if isinstance(given, Fact):
        return context.facts[given]
    if isinstance(given, Argument):
        return asked[given.name]
    if isinstance(given, At):
        return _along(context, row, given)
    if isinstance(given, Sum):
        return _sum(context, row, given)
    return getattr(row, given.key)


async def _along(context: Context, row: Row, at: At) -> Any:
    found: Row | None = row
    for reference in at.path:
        found = await follow(context, found, reference) if found is not None else None
    return None if found is None else getattr(found, at.column.key)


async def _sum(context: Context, row: Row, given: Sum) -> Any:
    key = getattr(row, given.key.key)
    if key is None:
        return given.missing
    found = await context.loads.rows(_total(given.total), key)
    place = list(given.total.values).index(given.value) + 1
    return given.missing if not found or found[0][place] is None else found[0][place]


@cache
def _total(total: Total) -> Read:
    return total.read
