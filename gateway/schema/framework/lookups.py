"""Rows that are found by what identifies them, and lists that are short."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import Table

from gateway.db.driver.encoding import hyphened
from gateway.db.query_spec import At, Read
from gateway.db.sql.row_types import Row
from gateway.schema.framework.context import Info
from gateway.schema.framework.relations import Resolver, made, whole

Meant = tuple[str, str] | None
"""The name of a type and a uuid, in hex digits; None for what can be nothing."""


@dataclass(frozen=True, eq=False)
class Found:
    """The visible rows of `tables` whose uuids the arguments tell; or just the one."""

    tables: dict[str, Table[Any]]
    """By the name of the type."""
    meant: Callable[[dict[str, Any]], Sequence[Meant]]
    """Give what the arguments mean; BadInputError if they mean nothing."""
    listed: bool = False
    """Whether there can be several."""

    @cached_property
    def reads(self) -> dict[str, Read]:
        """Describe the rows, by the name of the type."""
        return {
            name: Read(table, whole(table), match=At(table.c.uuid))
            for name, table in self.tables.items()
        }

    def wanted(self, given: dict[str, Any]) -> list[Meant]:
        """Give the types and the keys that the arguments mean."""
        return [
            (each[0], hyphened(each[1])) if each and each[0] in self.tables else None
            for each in self.meant(given)
        ]

    async def find(self, info: Info, **given: Any) -> Any:
        """Load what the arguments mean."""
        found = await asyncio.gather(*[self._find(info, each) for each in self.wanted(given)])
        return found if self.listed else found[0]

    async def _find(self, info: Info, wanted: Meant) -> Row | None:
        if wanted is None:
            return None
        name, uuid = wanted
        found = await info.context.loads.rows(self.reads[name], uuid)
        return made(info, self.tables[name], found)[0] if found else None


@dataclass(frozen=True, eq=False)
class Listed:
    """All visible rows of `table`, which are few, in an order of their own."""

    table: Table[Any]
    order: tuple[Any, ...] = ()

    @cached_property
    def read(self) -> Read:
        """Describe the rows."""
        return Read(self.table, whole(self.table), order=self.order)

    def resolver(self) -> Resolver:
        """Give the function that graphql-core calls."""

        async def resolve(info: Info) -> list[Row]:
            return made(info, self.table, await info.context.loads.rows(self.read, None))

        return resolve
