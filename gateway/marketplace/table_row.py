"""Row classes: the columns that operations read and write, typed and checked once at import.

A row class declares columns of one table with the types of their values:

    class PlanRow(TableRow, table=tables.plan):
        id: int = column()
        unit_price: str = column()

When the class is defined, each annotation is compared with the column's declaration in
`gateway.db.tables`. To a type checker the constructor takes every column as an optional keyword
argument. `UnitOfWork` borrows this signature, by a ParamSpec, for conditions and for values to
be written: there, too, a misspelt column or a value of another type is an error. The
constructor itself is never called; rows are made of what the driver returned.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from enum import Enum
from types import NoneType
from typing import (
    Any,
    ClassVar,
    Generic,
    ParamSpec,
    Self,
    TypeVar,
    cast,
    dataclass_transform,
    get_args,
    get_origin,
    get_type_hints,
)

from sqlalchemy import Boolean, Column, Date, DateTime, Integer, Numeric, String, Table, Uuid
from sqlalchemy.dialects.postgresql import JSONB

from gateway.db.driver.errors import InvalidDataError
from gateway.exact_json import decode_json, encode_sorted_json

T = TypeVar("T")
P = ParamSpec("P")
R = TypeVar("R", bound="TableRow")
JsonObject = dict[str, Any]
"""The value of a JSON column that should hold an object: empty if it holds anything else.

`object` stands for any JSON value.
"""
_VALUE_TYPES: tuple[tuple[type, type], ...] = (
    (Boolean, bool),
    (Integer, int),
    (String, str),
    (Uuid, str),
    (Numeric, str),
    (DateTime, str),
    (Date, str),
)
"""Types of columns with those of their values, which the driver returns as text where the API
prints them so (`TEXT_LOADED_TYPES`)."""


class InvalidRowColumnError(Exception):
    """A column of a row class contradicts its table; raised when the program starts."""


def column() -> Any:
    """Declare a column of a row class; `Any` lets it stand for a value of each type."""


@dataclass_transform(kw_only_default=True, frozen_default=True)
class TableRow:
    """A row of `table`, with an attribute for each declared column.

    UUIDs, decimals, dates and times are text; JSON is decoded; a column that is annotated
    with an enum has its members.
    """

    table: ClassVar[Table[Any]]
    columns: ClassVar[tuple[Column[Any], ...]]
    _names: ClassVar[tuple[str, ...]]
    _decoders: ClassVar[dict[str, Callable[[Any], Any]]]

    def __init_subclass__(cls, *, table: Table[Any]) -> None:
        """Declare the row class of a table; raises InvalidRowColumnError if they differ."""
        hints = get_type_hints(cls)
        names = [name for name in hints if name not in TableRow.__annotations__]
        columns = [_check_column(cls.__name__, table, name, hints[name]) for name in names]
        cls.table, cls.columns = table, tuple(columns)
        cls._names, cls._decoders = tuple(names), dict(_find_decoders(cls.columns, hints))
        for name in names:
            delattr(cls, name)

    @classmethod
    def from_values(cls, values: Sequence[Any]) -> Self:
        """Return a row with the values of `columns`, as the driver returned them.

        Raises InvalidDataError if a value is not one of the column's enum, or can't be decoded.
        """
        row = cls.__new__(cls)
        attributes = row.__dict__
        attributes.update(zip(cls._names, values, strict=True))
        for name, decode in cls._decoders.items():
            if attributes[name] is not None:
                attributes[name] = cls._decode_value(name, decode, attributes[name])
        return row

    @classmethod
    def build_empty(cls) -> Self:
        """Return a row that is not stored, with None in each column; see `ColumnValues`."""
        return cls.from_values([None] * len(cls.columns))

    @classmethod
    def _decode_value(cls, name: str, decode: Callable[[Any], Any], value: Any) -> Any:
        try:
            return decode(value)
        except (ValueError, RecursionError) as error:
            message = f"{cls.table.name}.{name} can't be read: {error}"
            raise InvalidDataError(message) from error


def _check_column(class_name: str, table: Table[Any], name: str, annotation: Any) -> Column[Any]:
    """Return the column of an annotation; raises InvalidRowColumnError if they differ."""
    label = f"{class_name}.{name}"
    table_column: Column[Any] | None = table.c.get(name)
    if table_column is None or table_column.system:
        raise InvalidRowColumnError(f"{label} is not a column of the table {table.name}.")
    is_nullable = NoneType in get_args(annotation)
    if is_nullable != bool(table_column.nullable):
        verb = "may not" if is_nullable else "must"
        raise InvalidRowColumnError(f"{label} {verb} include None: see the column's declaration.")
    value_type = _strip_none(annotation)
    if not _can_hold_values(value_type, table_column):
        type_name = type(table_column.type).__name__
        raise InvalidRowColumnError(f"{label} can't be {value_type}: the column is {type_name}.")
    return table_column


def _strip_none(annotation: Any) -> Any:
    """Return the type of values other than None."""
    members = get_args(annotation)
    return members[0] if NoneType in members else annotation


def _can_hold_values(value_type: Any, table_column: Column[Any]) -> bool:
    if isinstance(table_column.type, JSONB):
        return value_type is object or get_origin(value_type) is dict
    expected_type = next(
        (python for sql, python in _VALUE_TYPES if isinstance(table_column.type, sql)), None
    )
    if _is_enum(value_type):
        return all(type(each.value) is expected_type for each in value_type)
    return value_type is expected_type


def _is_enum(value_type: Any) -> bool:
    return isinstance(value_type, type) and issubclass(value_type, Enum)


def _decode_object(text: str) -> JsonObject:
    value = decode_json(text)
    return value if isinstance(value, dict) else {}


def _find_decoders(
    columns: Iterable[Column[Any]], hints: Mapping[str, Any]
) -> Iterator[tuple[str, Callable[[Any], Any]]]:
    """Yield the columns whose values are decoded, with the decoder of each."""
    for each in columns:
        value_type = _strip_none(hints[each.key])
        if isinstance(each.type, JSONB):
            yield each.key, decode_json if value_type is object else _decode_object
        elif _is_enum(value_type):
            yield each.key, value_type


class ColumnValues(Generic[R]):
    """Values for some columns of a row, for functions that pass them on to an update."""

    def __init__(self, row_type: Callable[P, R], /, *_args: P.args, **values: P.kwargs) -> None:
        """Store values by column."""
        self.row_type = as_row_class(row_type)
        self.by_column: dict[str, Any] = values

    def __or__(self, other: "ColumnValues[R]") -> "ColumnValues[R]":
        """Return the values of both; those of `other` take precedence."""
        return ColumnValues(self.row_type, **self.by_column | other.by_column)

    def select_columns(self, names: Collection[str]) -> "ColumnValues[R]":
        """Return the values of the columns that have one of the names."""
        selected = {name: self.by_column[name] for name in self.by_column if name in names}
        return ColumnValues(self.row_type, **selected)

    def differ_from(self, row: R) -> bool:
        """Return whether a value differs from that of a row; JSON values by their text."""
        return any(
            encode_sorted_json(value) != encode_sorted_json(getattr(row, name))
            for name, value in self.by_column.items()
        )

    def apply_to(self, row: R) -> R:
        """Return a copy of a row with these values."""
        copy = self.row_type.__new__(self.row_type)
        copy.__dict__.update(row.__dict__ | self.by_column)
        return copy


def as_row_class(row_type: Callable[..., R]) -> type[R]:
    """Return the class whose constructor's signature was borrowed."""
    return cast(type[R], row_type)


def any_of(values: list[T]) -> T:
    """Return a condition on a column: it equals one of the values.

    It is typed as a value, as the result of `dataclasses.field` is.
    """
    return cast(T, values)
