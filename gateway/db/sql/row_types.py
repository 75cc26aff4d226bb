"""Row classes: published types whose annotated fields are columns of a table.

Each published field registers its columns with `require_columns` when its class
is defined. `required_columns` is what statements then select: columns that no
field needs are never read. A table's set is frozen when it is first used, so that
all statements agree on it.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, ClassVar, Self

from sqlalchemy import Column, Table

from gateway.db.tables.columns import BASE_TABLE, SOURCE_COLUMN

_tables_read: set[Table[Any]] = set()
_required_columns: dict[Table[Any], dict[str, Column[Any]]] = defaultdict(dict)


def require_columns(columns: Iterable[Column[Any]]) -> None:
    """Register columns that a published field depends on, to be read with every row.

    Raises RuntimeError if the columns of the table are already in use.
    """
    for column in columns:
        if column.table in _tables_read and column.key not in _required_columns[column.table]:
            raise RuntimeError(
                f"Column {column} is required after the columns of its table were first used."
            )
        _required_columns[column.table][column.key] = column


@cache
def required_columns(table: Table[Any]) -> tuple[Column[Any], ...]:
    """Return the columns that are read of each row of `table`: the key and what fields require."""
    if any(SOURCE_COLUMN in each.info for each in table.c):
        return tuple([table.c[each.key] for each in required_columns(table.info[BASE_TABLE])])
    _tables_read.add(table)
    return (
        *table.primary_key,
        *(each for each in _required_columns[table].values() if not each.primary_key),
    )


class Row:
    """A row of one of `tables`, which have the same published columns.

    Instances hold column values as the driver returned them.
    """

    tables: ClassVar[tuple[Table[Any], ...]] = ()
    classes_by_table: ClassVar[dict[Table[Any], type["Row"]]] = {}
    by_reference: ClassVar[frozenset[str] | None] = None
    """The fields that a reference shows of a row that is not visible itself; None: all of them."""
    value_maps: ClassVar[dict[str, Mapping[Any, Any]]] = {}
    """For columns with a closed set of values: the published value of each stored one."""

    fields: frozenset[str] | None
    """The fields of this row that the viewer may see; None: all of them."""

    def __init_subclass__(
        cls, *, tables: tuple[Table[Any], ...], by_reference: str | None = None, **options: Any
    ) -> None:
        """Register the subclass as the row class of `tables`."""
        super().__init_subclass__(**options)
        cls.tables, cls.value_maps = tables, {}
        cls.by_reference = None if by_reference is None else frozenset(by_reference.split())
        Row.classes_by_table.update(dict.fromkeys(tables, cls))

    @staticmethod
    def class_for(table: Any) -> type["Row"]:
        """Return the row class of `table`."""
        return Row.classes_by_table[table]

    @classmethod
    def from_values(
        cls, names: list[str], values: Any, fields: frozenset[str] | None = None
    ) -> Self:
        """Return a row with column values; the viewer may see only `fields`, or all if None."""
        row = cls.__new__(cls)
        row.__dict__.update(zip(names, values, strict=False))
        row.__dict__["fields"] = fields
        return row

    def shows_field(self, name: str) -> bool:
        """Return whether the viewer may see the field called `name`."""
        return self.fields is None or name in self.fields

    def get_field(self, name: str) -> Any:
        """Return the value of the column field called `name`; None if the viewer may not see it."""
        if not self.shows_field(name):
            return None
        value = getattr(self, name)
        return self.value_maps[name].get(value) if name in self.value_maps else value
