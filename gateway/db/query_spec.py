"""Query specifications: what a statement reads, described as data.

Both executions describe their reads with these classes and never write SQL.
`sql.compiler` turns a specification into a statement and adds the viewer's row
filter. Specifications are equal by value (`ValueObject`), so that statements and
loaders can be cached by them.
"""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, fields, replace
from enum import Enum
from functools import cached_property, wraps
from typing import Any, TypeVarTuple

from sqlalchemy import ClauseElement, Column, ColumnElement, Table

Ts = TypeVarTuple("Ts")


class ValueObject:
    """Base class of frozen dataclasses that are equal if all their fields are.

    They are declared with `eq=False`, because `==` of SQLAlchemy's columns builds SQL: here
    columns, tables and other SQL elements are compared by identity. Functions are, too:
    one with arguments should be a `BoundFunction` rather than a closure, and SQLAlchemy's
    `func.count` is another object each time that it is read.

    The hash is computed once, when it is first needed.
    """

    @cached_property
    def _comparison_key(self) -> tuple[Any, ...]:
        return tuple([_identify_value(getattr(self, each.name)) for each in fields(self)])  # type: ignore[arg-type]

    @cached_property
    def _hash(self) -> int:
        return hash((type(self), self._comparison_key))

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, ValueObject) or hash(self) != hash(other):
            return False
        return type(self) is type(other) and self._comparison_key == other._comparison_key


def _identify_value(value: Any) -> Hashable:
    """Return what a field's value is compared by; with its type, since True equals 1."""
    if isinstance(value, (tuple, frozenset)):
        return type(value), type(value)(map(_identify_value, value))
    if isinstance(value, Mapping):
        return dict, tuple([(name, _identify_value(each)) for name, each in value.items()])
    return type(value), id(value) if isinstance(value, ClauseElement) else value


@dataclass(frozen=True, eq=False, init=False)
class BoundFunction(ValueObject):
    """A function with its last positional arguments: a closure that is equal by value."""

    function: Callable[..., ColumnElement[Any]]
    arguments: tuple[Any, ...]

    def __init__(self, function: Callable[..., ColumnElement[Any]], *arguments: Any) -> None:
        object.__setattr__(self, "function", function)
        object.__setattr__(self, "arguments", arguments)

    def __call__(self, *first_arguments: Any) -> ColumnElement[Any]:
        """Call the function with its first arguments."""
        return self.function(*first_arguments, *self.arguments)


class Access(Enum):
    """The access path of rows: which row filter applies to them."""

    ROW_FILTER = "row_filter"
    """Root fields, `node` and every list: the statement contains the table's row filter."""
    INHERITED = "inherited"
    """By the key of an owner that has been read: the table has no row filter of its own."""
    REFERENCE = "reference"
    """By a foreign key of a row that has been read: if the row filter is false, the row is
    returned with its by-reference fields only."""


class Perspective(Enum):
    """The side from which a viewer sees resources."""

    CONSUMER = "consumer"
    PROVIDER = "provider"


@dataclass(frozen=True, eq=False)
class ColumnRef(ValueObject):
    """A column, and the foreign keys that lead to it from the statement's own table."""

    column: Column[Any]
    path: tuple[Column[Any], ...] = ()


@dataclass(frozen=True, eq=False)
class Expression(ValueObject):
    """An SQL expression: `function` applied to some columns."""

    function: Callable[..., ColumnElement[Any]]
    columns: tuple[ColumnRef, ...] = ()


@dataclass(frozen=True, eq=False)
class IsVisible(ValueObject):
    """A boolean: whether the row at the end of `path` is visible to the viewer."""

    path: tuple[Column[Any], ...] = ()


@dataclass(frozen=True, eq=False)
class NestedRows(ValueObject):
    """The rows of another query specification as one JSON value, a list of lists.

    `key_column` is the column of the outer row that holds their key. The lists
    have the values that separately selected rows would have.
    """

    query_spec: "QuerySpec"
    key_column: ColumnRef

    @property
    def columns(self) -> tuple[ColumnRef, ...]:
        """The columns of the outer row that are required."""
        return (self.key_column,)


SelectItem = ColumnRef | Expression | IsVisible | NestedRows


@dataclass(frozen=True, eq=False)
class SortOrder(ValueObject):
    """The sort order of a list; the primary key is always appended to make it total.

    Nulls sort after all values, as in PostgreSQL; in descending order before them.
    """

    columns: tuple[ColumnRef, ...]
    descending: bool = False


@dataclass(frozen=True, eq=False)
class PageWindow(ValueObject):
    """The shape of a keyset page: order, maximum length and kinds of bounds.

    The bounds' values are parameters of the statement. `limit` is part of its
    text, because the planner needs to know it. `after_nulls` and `before_nulls`
    have one flag for each sort key and one for the primary key: whether the
    bound's value is null. They are empty if there is no such bound.
    """

    sort_order: SortOrder
    limit: int
    backward: bool = False
    after_nulls: tuple[bool, ...] = ()
    before_nulls: tuple[bool, ...] = ()


RowFilterFactory = Callable[[Table[Any]], ColumnElement[bool]]
"""Returns the row filter of a table for the current viewer."""
RowCondition = Callable[[RowFilterFactory], ColumnElement[bool]]
"""Returns a condition on rows; it may use the row filters of other tables."""


def declare_condition(
    build_condition: Callable[[RowFilterFactory, *Ts], ColumnElement[bool]],
) -> Callable[[*Ts], RowCondition]:
    """Turn a function of row filters and other arguments into a factory of row conditions.

    The factory takes the other arguments; conditions with equal arguments are equal.
    """

    @wraps(build_condition)
    def bind_arguments(*arguments: *Ts) -> RowCondition:
        return BoundFunction(build_condition, *arguments)

    return bind_arguments


@dataclass(frozen=True, eq=False)
class ParentKeys(ValueObject):
    """A subselect of keys: the values of a column in the rows of another query specification."""

    query_spec: "QuerySpec"
    key_column: ColumnRef


@dataclass(frozen=True, eq=False)
class QuerySpec(ValueObject):
    """The specification of one SELECT: `columns` of the rows whose key is among the keys.

    Without `key_column`, all rows are returned under the key NULL. The keys are
    the statement's parameter `keys`, or the result of the subselect `parent_keys`.

    * `page_window`: return one page per key instead of all rows. The sort keys
      follow the columns if `with_sort_keys` is set.
    * `is_grouped`: aggregate the rows by key instead of returning them.
    * `has_single_key`: there is exactly one key.
    * `perspective`: keep only the resources that the viewer sees from that side.
    * `visible_to_user`: keep only the resources that a second user, named by a
      parameter, sees as a consumer.
    * `sort_columns`: the order of rows without a page; the primary key follows.
    """

    table: Table[Any]
    columns: tuple[SelectItem, ...]
    access: Access = Access.ROW_FILTER
    key_column: ColumnRef | None = None
    conditions: tuple[RowCondition, ...] = ()
    page_window: PageWindow | None = None
    is_grouped: bool = False
    has_single_key: bool = False
    parent_keys: ParentKeys | None = None
    with_sort_keys: bool = True
    perspective: Perspective | None = None
    visible_to_user: bool = False
    sort_columns: tuple[Column[Any], ...] = ()

    @property
    def source(self) -> "QuerySpec":
        """The specification without what the executions do differently: columns and keys."""
        return replace(
            self,
            columns=(),
            parent_keys=None,
            has_single_key=False,
            with_sort_keys=True,
            sort_columns=(),
        )
