"""Short lists of parts that arguments narrow."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from sqlalchemy import Column

from gateway.db.driver.encoding import text
from gateway.db.query_spec import At, Condition, Door, Order, Read, Stretch
from gateway.db.sql.row_types import Row, need
from gateway.schema.framework.arguments import Argument, Parent, signature, values
from gateway.schema.framework.computed_inputs import target
from gateway.schema.framework.context import Info
from gateway.schema.framework.filters import Filter
from gateway.schema.framework.relations import Resolver, made, shown, whole

Form = tuple[str, ...]
"""The arguments that are given."""


@dataclass(frozen=True, eq=False)
class Narrower(Argument):
    """An argument, and what must hold of the parts because of it."""

    filter: Filter


@dataclass(frozen=True)
class Narrowing:
    """What a client gives."""

    given: tuple[tuple[str, Any], ...]

    @property
    def form(self) -> Form:
        """What decides the text of the statement."""
        return tuple([name for name, _ in self.given])

    def parameters(self) -> dict[str, str | None]:
        """Give what the statement needs to know besides."""
        return {name: text(value) for name, value in self.given}


@dataclass(frozen=True, eq=False)
class Narrowed:
    """The parts whose `reference` points here, narrowed by arguments under Python's names.

    Where there is a `first`, they are but the first in that order.
    """

    reference: Column[Any]
    arguments: Mapping[str, Narrower]
    order: tuple[Column[Any], ...] = ()
    first: Order | None = None

    def asked(self, given: Mapping[str, Any]) -> Narrowing:
        """Check what a client gives; a null asks for nothing."""
        found = []
        for name, value in values(self.arguments, given).items():
            if value is not None:
                found.append((name, self.arguments[name].filter.value(value)))
        return Narrowing(tuple(found))

    def read(self, columns: tuple[Any, ...], form: Form) -> Read:
        """Describe the rows."""
        table: Any = self.reference.table
        where = tuple([self._condition(name) for name in form])
        one = None if self.first is None else Stretch(self.first, limit=1)
        match, order = At(self.reference), self.order
        return Read(table, columns, Door.PARTS, match, where, one, placed=False, order=order)

    def _condition(self, name: str) -> Condition:
        holds = self.arguments[name].filter.holds
        return lambda rules: holds(rules, name)

    @cached_property
    def described(self) -> Any:
        """Describe what has the same form by the same object: loaders go by it."""
        return lru_cache(100)(lambda form: self.read(whole(self.reference.table), form))

    def resolver(self) -> Resolver:
        """Give the function that graphql-core calls."""
        here = target(self.reference)
        need([here])

        async def resolve(root: Parent, info: Info, **given: Any) -> Row | list[Row] | None:
            if not shown(root, info):
                return None
            asked = self.asked(given)
            key, parameters = getattr(root, here.key), asked.parameters()
            found = await info.context.loads.rows(self.described(asked.form), key, parameters)
            rows = made(info, self.reference.table, found)
            return rows if self.first is None else next(iter(rows), None)

        resolve.__signature__ = signature(self.arguments)  # type: ignore[attr-defined]
        return resolve
