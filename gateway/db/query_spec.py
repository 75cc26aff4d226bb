"""What is read, as data: both executions say what they want in these words, never in SQL."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from sqlalchemy import Column, ColumnElement, Table


class Access(Enum):
    """By what right rows are read."""

    ROW_FILTER = "visible"
    """Root fields, `node` and every list: the table's rule stands in the statement."""
    INHERITED = "parts"
    """By the key of an owner that was read: no rule of its own."""
    REFERENCE = "referenced"
    """By a reference of a row that was read: where the rule is false, less is shown."""


class Perspective(Enum):
    """From which side a viewer looks at resources."""

    CONSUMER = "consumer"
    PROVIDER = "provider"


@dataclass(frozen=True)
class ColumnRef:
    """A column, and the to-one references that lead to it from the table a statement starts at."""

    column: Column[Any]
    path: tuple[Column[Any], ...] = ()


@dataclass(frozen=True, eq=False)
class Expression:
    """What `function` makes, in SQL, of some columns."""

    function: Callable[..., ColumnElement[Any]]
    columns: tuple[ColumnRef, ...] = ()


@dataclass(frozen=True)
class IsVisible:
    """Whether the viewer sees the row that `path` leads to."""

    path: tuple[Column[Any], ...] = ()


@dataclass(frozen=True, eq=False)
class NestedRows:
    """The rows that `read` finds under the key in a column, as one value: JSON, a list of lists.

    Those hold what the rows would hold if they came by themselves.
    """

    query_spec: "QuerySpec"
    key_column: ColumnRef

    @property
    def columns(self) -> tuple[ColumnRef, ...]:
        """What is needed of the row itself."""
        return (self.key_column,)


SelectItem = ColumnRef | Expression | IsVisible | NestedRows


@dataclass(frozen=True)
class SortOrder:
    """What a list is sorted by, besides the key that makes the order total.

    A null comes after all values; downward it comes before them.
    """

    columns: tuple[ColumnRef, ...]
    descending: bool = False


@dataclass(frozen=True)
class PageWindow:
    """The form of a page: its length, its order and its bounds, not yet their values.

    The length is at most `limit`, which the database is to know when it plans.
    `after` and `before` say for each key of the order, and for the row's own,
    whether the bound's value is null; they are empty where there is no bound.
    """

    sort_order: SortOrder
    limit: int
    backward: bool = False
    after_nulls: tuple[bool, ...] = ()
    before_nulls: tuple[bool, ...] = ()


RowFilterFactory = Callable[[Table[Any]], ColumnElement[bool]]
"""Gives the rule under which rows of a table are seen."""
RowCondition = Callable[[RowFilterFactory], ColumnElement[bool]]
"""What must hold of a row, given the rules under which it and other rows are seen."""


@dataclass(frozen=True, eq=False)
class ParentKeys:
    """The keys that a column holds in the rows that a read finds; nobody needs to know them."""

    query_spec: "QuerySpec"
    key_column: ColumnRef


@dataclass(frozen=True, eq=False)
class QuerySpec:
    """What one statement reads: `columns` of the rows whose `match` is among the keys.

    Without `match` all rows are found, under the key null; with a `stretch`, a
    page for each key; else they come in `order`. `grouped` rows are summed up,
    not shown. With `single` there is but one key. The keys are a parameter, or
    what the statement itself finds `through` another read. `side` narrows resources to
    one side's, `visible_to` to those that the user of a name sees as a consumer, too.
    The rows of a page end in the keys of its order if they are `placed`.
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
