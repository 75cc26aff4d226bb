"""What a field is made of, as values that both executions read.

graphql-core calls a declaration's resolver, one row at a time; the plan
compiler reads the declaration itself. Neither knows more than what stands here.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import strawberry
from sqlalchemy import Column

from gateway.db.query_spec import At, Condition, Door, Order, Read, Stretch
from gateway.db.sql.aggregate import Sum
from gateway.db.sql.row_types import Row, need, needed
from gateway.schema.framework.arguments import Argument, Parent, by_name, signature, values
from gateway.schema.framework.computed_inputs import Input, follow, needs, target, value
from gateway.schema.framework.context import Info

RELATION = "relation"
"""Under this name a field's metadata holds its declaration."""

Resolver = Callable[..., Any]


class Relation(Protocol):
    """How a field's value is found."""

    def resolver(self) -> Resolver:
        """Give the function that graphql-core calls."""


def declare(relation: Relation, **options: Any) -> Any:
    """Declare a field whose type is its attribute's annotation."""
    resolve = relation.resolver()
    resolve.__annotations__.pop("return", None)
    return strawberry.field(resolver=resolve, metadata={RELATION: relation}, **options)


def made(info: Info, table: Any, found: list[tuple[Any, ...]]) -> list[Row]:
    """Make rows of `table` from what was read; the first column is the key they were found by."""
    info.context.budget.spend(len(found))
    names = [each.key for each in needed(table)]
    return [Row.of(table).made(names, row[1:]) for row in found]


def whole(table: Any) -> tuple[At, ...]:
    """Give the columns that a row of `table` is read with."""
    return tuple(map(At, needed(table)))


def shown(root: Any, info: Info) -> bool:
    """Say whether the viewer is shown this field of `root`."""
    return not isinstance(root, Row) or root.shows(info.python_name)


@dataclass(frozen=True, eq=False)
class One:
    """The row that `reference` points to; as a whole if the viewer sees it, else what REST shows.

    REST may show less below this reference than below others: `shows`.
    """

    reference: Column[Any]
    shows: frozenset[str] | None = None

    def resolver(self) -> Resolver:
        """Give the function that graphql-core calls."""
        need([self.reference])

        async def resolve(root: Parent, info: Info) -> Row | None:
            if not shown(root, info):
                return None
            found = await follow(info.context, root, self.reference, self.shows)
            if found is not None:
                info.context.budget.spend(1)
            return found

        return resolve


@dataclass(frozen=True, eq=False)
class Many:
    """The parts whose `reference` points here, in an order of their own; they must be few."""

    reference: Column[Any]
    order: tuple[Column[Any], ...] = ()
    where: tuple[Condition, ...] = ()

    @cached_property
    def read(self) -> Read:
        """Describe the rows."""
        table: Any = self.reference.table
        match = At(self.reference)
        return Read(table, whole(table), Door.PARTS, match, self.where, order=self.order)

    def resolver(self) -> Resolver:
        """Give the function that graphql-core calls."""
        here = target(self.reference)
        need([here])

        async def resolve(root: Parent, info: Info) -> list[Row] | None:
            if not shown(root, info):
                return None
            found = await info.context.loads.rows(self.read, getattr(root, here.key))
            return made(info, self.reference.table, found)

        return resolve


@dataclass(frozen=True, eq=False)
class First:
    """The first of the rows whose `reference` points here, of those that meet conditions.

    Without an order there is but one.
    """

    reference: Column[Any]
    order: Order | None
    where: tuple[Condition, ...] = ()

    @cached_property
    def read(self) -> Read:
        """Describe the row."""
        table: Any = self.reference.table
        one = None if self.order is None else Stretch(self.order, limit=1)
        match = At(self.reference)
        return Read(table, whole(table), Door.PARTS, match, self.where, one, placed=False)

    def resolver(self) -> Resolver:
        """Give the function that graphql-core calls."""
        here = target(self.reference)
        need([here])

        async def resolve(root: Parent, info: Info) -> Row | None:
            if not shown(root, info):
                return None
            found = await info.context.loads.rows(self.read, getattr(root, here.key))
            return made(info, self.reference.table, found)[0] if found else None

        return resolve


@dataclass(frozen=True, eq=False)
class Computed:
    """What `function` makes of some columns, totals, facts and arguments."""

    function: Callable[..., Any]
    inputs: tuple[Input, ...]

    def resolver(self) -> Resolver:
        """Give the function that graphql-core calls."""
        for each in self.inputs:
            needs(each)
        arguments = by_name(each for each in self.inputs if isinstance(each, Argument))
        waits = any(isinstance(each, (At, Sum)) for each in self.inputs)

        async def waited(root: Parent, info: Info, **asked: Any) -> Any:
            if not shown(root, info):
                return None
            given = self._values(root, info, values(arguments, asked))
            waiting = [each for each in given if asyncio.iscoroutine(each)]
            come = iter(await asyncio.gather(*waiting))
            return self.function(*[next(come) if asyncio.iscoroutine(e) else e for e in given])

        def at_once(root: Parent, info: Info, **asked: Any) -> Any:
            if not shown(root, info):
                return None
            return self.function(*self._values(root, info, values(arguments, asked)))

        resolve: Resolver = waited if waits else at_once
        resolve.__signature__ = signature(arguments)  # type: ignore[attr-defined]
        return resolve

    def _values(self, root: Row, info: Info, asked: Mapping[str, Any]) -> list[Any]:
        return [value(info.context, root, each, asked) for each in self.inputs]
