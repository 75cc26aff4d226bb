"""Rows that are found by what identifies them, and lists that are short."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import Table

from gateway.context import Info
from gateway.db.read import At, Read
from gateway.db.row import Row
from gateway.schema.relations import Resolver, made, whole


@dataclass(frozen=True, eq=False)
class Found:
    """The visible row of one of `tables` whose uuid an argument gives."""

    tables: dict[str, Table[Any]]
    """By the name of the type."""

    meant: Callable[[str], tuple[str, str] | None] | None = None
    """Give the type and the uuid that a value means; without it the value is the uuid."""

    @cached_property
    def reads(self) -> dict[str, Read]:
        """Describe the rows, by the name of the type."""
        return {
            name: Read(table, whole(table), match=At(table.c.uuid))
            for name, table in self.tables.items()
        }

    async def find(self, info: Info, value: Any) -> Row | None:
        """Load the row that `value` means."""
        name, uuid = self._meant(value)
        if name not in self.tables:
            return None
        found = await info.context.loads.rows(self.reads[name], _hyphened(uuid))
        return made(info, self.tables[name], found)[0] if found else None

    def _meant(self, value: Any) -> tuple[str, str]:
        if self.meant is None:
            return next(iter(self.tables)), value
        return self.meant(value) or ("", "")


def _hyphened(uuid: str) -> str:
    """Write a uuid as the database sends it, so that the row is found under what was asked."""
    return f"{uuid[:8]}-{uuid[8:12]}-{uuid[12:16]}-{uuid[16:20]}-{uuid[20:]}"


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
