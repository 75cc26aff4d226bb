"""Row classes: Python classes whose annotated fields are columns of a table."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, ClassVar, Self

from sqlalchemy import Column, Table

from gateway.db.tables.columns import BASE_TABLE, SOURCE_COLUMN

_tables_read: set[Table[Any]] = set()
_required_columns: dict[Table[Any], dict[str, Column[Any]]] = defaultdict(dict)


def require_columns(columns: Iterable[Column[Any]]) -> None:
    """Have `columns` read with every row of their tables: a published field depends on them."""
    for column in columns:
        if column.table in _tables_read and column.key not in _required_columns[column.table]:
            raise RuntimeError(f"{column} is needed too late: rows were read without it.")
        _required_columns[column.table][column.key] = column


@cache
def required_columns(table: Table[Any]) -> tuple[Column[Any], ...]:
    """Give what is read of a row of `table`; a column that no field depends on never is."""
    if any(SOURCE_COLUMN in each.info for each in table.c):
        return tuple([table.c[each.key] for each in required_columns(table.info[BASE_TABLE])])
    _tables_read.add(table)
    return (
        *table.primary_key,
        *(c for c in _required_columns[table].values() if not c.primary_key),
    )


class Row:
    """A row of one of `tables`, which have the same published columns."""

    tables: ClassVar[tuple[Table[Any], ...]] = ()
    classes_by_table: ClassVar[dict[Table[Any], type["Row"]]] = {}
    by_reference: ClassVar[frozenset[str] | None] = None
    """The fields that are shown of a row that is referred to but not seen; none: all are."""
    value_maps: ClassVar[dict[str, Mapping[Any, Any]]] = {}
    """For columns with a closed set of values: what each stands for."""

    fields: frozenset[str] | None
    """The fields that the viewer is shown of this row; none: all are."""

    def __init_subclass__(
        cls, *, tables: tuple[Table[Any], ...], by_reference: str | None = None, **options: Any
    ) -> None:
        """Make the subclass the one that rows of `tables` are instances of."""
        super().__init_subclass__(**options)
        cls.tables, cls.value_maps = tables, {}
        cls.by_reference = None if by_reference is None else frozenset(by_reference.split())
        Row.classes_by_table.update(dict.fromkeys(tables, cls))

    @staticmethod
    def class_for(table: Any) -> type["Row"]:
        """Give the class whose instances are rows of `table`."""
        return Row.classes_by_table[table]

    @classmethod
    def from_values(
        cls, names: list[str], values: Any, fields: frozenset[str] | None = None
    ) -> Self:
        """Make a row of what was read, of which the viewer is shown `fields`, or all."""
        row = cls.__new__(cls)
        row.__dict__.update(zip(names, values, strict=False))
        row.__dict__["fields"] = fields
        return row

    def shows_field(self, name: str) -> bool:
        """Say whether the viewer is shown the field called `name`."""
        return self.fields is None or name in self.fields

    def get_field(self, name: str) -> Any:
        """Give the value of the plain field called `name`; null if it is not shown."""
        if not self.shows_field(name):
            return None
        value = getattr(self, name)
        return self.value_maps[name].get(value) if name in self.value_maps else value
