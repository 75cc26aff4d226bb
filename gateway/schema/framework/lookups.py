"""Root fields that look up rows by uuid or global id, and root fields of short lists."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import Table

from gateway.db.driver.encoding import hyphenate_uuid
from gateway.db.query_spec import ColumnRef, QuerySpec
from gateway.db.sql.row_types import Row
from gateway.schema.framework.context import Info
from gateway.schema.framework.relations import Resolver, build_rows, list_row_columns

NodeKey = tuple[str, str] | None
"""The name of a type and a uuid of 32 hexadecimal digits; None for an invalid id."""


@dataclass(frozen=True, eq=False)
class RowLookup:
    """The row, or rows, whose uuids the arguments hold; null for each that is not visible."""

    tables_by_type: dict[str, Table[Any]]
    """The tables, by the name of the type."""
    parse_keys: Callable[[dict[str, Any]], Sequence[NodeKey]]
    """Return the keys that the arguments hold; raises BadInputError if they are invalid."""
    is_list: bool = False
    """Whether the field is a list."""

    @cached_property
    def query_specs_by_type(self) -> dict[str, QuerySpec]:
        """The queries of the rows, by the name of the type."""
        return {
            name: QuerySpec(table, list_row_columns(table), key_column=ColumnRef(table.c.uuid))
            for name, table in self.tables_by_type.items()
        }

    def resolve_keys(self, arguments: dict[str, Any]) -> list[NodeKey]:
        """Return the types and uuids that the arguments hold, as the database prints them.

        None stands for an invalid id, or one of another type.
        """
        return [
            (node_key[0], hyphenate_uuid(node_key[1]))
            if node_key and node_key[0] in self.tables_by_type
            else None
            for node_key in self.parse_keys(arguments)
        ]

    async def load_rows(self, info: Info, **arguments: Any) -> Any:
        """Load the row or rows that the arguments identify."""
        rows = await asyncio.gather(
            *[self._load_row(info, each) for each in self.resolve_keys(arguments)]
        )
        return rows if self.is_list else rows[0]

    async def _load_row(self, info: Info, node_key: NodeKey) -> Row | None:
        if node_key is None:
            return None
        name, uuid = node_key
        records = await info.context.loader.load_rows(self.query_specs_by_type[name], uuid)
        return build_rows(info, self.tables_by_type[name], records)[0] if records else None


@dataclass(frozen=True, eq=False)
class RootListField:
    """All visible rows of a small `table`, sorted by `sort_columns`."""

    table: Table[Any]
    sort_columns: tuple[Any, ...] = ()

    @cached_property
    def query_spec(self) -> QuerySpec:
        """The query of the rows."""
        return QuerySpec(self.table, list_row_columns(self.table), sort_columns=self.sort_columns)

    def build_resolver(self) -> Resolver:
        """Return the resolver that graphql-core calls."""

        async def resolve(info: Info) -> list[Row]:
            return build_rows(
                info, self.table, await info.context.loader.load_rows(self.query_spec, None)
            )

        return resolve
