"""Plan steps and nodes: the compiled form of a query.

A plan is a tree of steps. Each step is one SQL statement and one generated function.

    { resources(first: 2) { totalCount nodes { name project { created } endpoints { url } } } }

    RESULT   the response's data, reads nothing                          level
    └─ PAGE  resources, with project.created joined in                     1
       ├─ COUNT  totalCount: same conditions as the page, no rows needed   1
       └─ MANY   endpoints of these resources, by resource_id              2

What needs a step of its own is what has its own number of rows: a list, a page, a count, an
aggregate, or one of several rows ("first"). Everything else is a node within a step: a column,
a row joined in along a to-one reference, a function of columns. Nodes form a tree, too; where
a node's value is in another step (ChildRows, SiblingResult, LookupRows, AggregateRef), that
step hangs below in the tree of steps.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from graphql import GraphQLOutputType

from gateway.db.driver.statement import Statement
from gateway.db.query_spec import (
    ColumnRef,
    IsVisible,
    NestedRows,
    ParentKeys,
    QuerySpec,
    SelectItem,
)
from gateway.execution.graphql_core_internals import VariableValues
from gateway.schema.framework.context import ContextFact, RequestContext
from gateway.schema.framework.filtered_lists import FilteredListRequest
from gateway.schema.framework.page_request import PageRequest


@dataclass(frozen=True)
class Constant:
    """A value that depends on the document alone: `__typename`."""

    value: str | None


@dataclass(frozen=True)
class Column:
    """A column's value, serialized by its type."""

    column_ref: ColumnRef
    type: GraphQLOutputType
    enum_names: Mapping[Any, str] | None = None
    """For an enum column: the GraphQL names by stored value; other values become null."""
    is_checked: bool = False
    """Whether to check for null: the type is non-null, the column nullable."""


@dataclass(frozen=True)
class AggregateRef:
    """A reference to one value of an aggregate step, by a key column of the row."""

    step: "PlanStep"
    value_index: int
    key_column: ColumnRef
    default: Any
    """The value for a key without rows."""


@dataclass(frozen=True, eq=False)
class ArgumentValue:
    """An argument of a computed field, evaluated from the variables once per run."""

    evaluate: Callable[[VariableValues], Any]


@dataclass(frozen=True)
class ValueAttribute:
    """An attribute of a plain value that a function returned."""

    name: str
    type: GraphQLOutputType
    fields: "ValueFields | None" = None
    """For an attribute that is a plain value itself: the fields selected of it."""


ValueFields = Mapping[type, Mapping[str, Constant | ValueAttribute]]
"""The fields selected of plain values, by class (one for each type of a union) and response key."""


@dataclass(frozen=True)
class FunctionCall:
    """A computed field: a function of columns, aggregates, context facts and arguments."""

    function: Callable[..., Any]
    inputs: tuple[SelectItem | AggregateRef | ContextFact | ArgumentValue, ...]
    type: GraphQLOutputType
    fields: ValueFields | None = None
    """The fields selected of its result, if that is not a scalar."""


@dataclass(frozen=True)
class ResponseObject:
    """An object of the response: a node for each response key."""

    fields: "Mapping[str, PlanNode]"
    presence_column: ColumnRef | None = None
    """For a row that is joined in: a column that is null only if there is no such row."""
    is_non_null: bool = False
    """Whether its type is non-null."""
    is_row: bool = True
    """Whether it is a row, which counts for the size of the answer."""


@dataclass(frozen=True)
class IfVisible:
    """A node that is null where the row-level predicate of its row is false."""

    node: "PlanNode"
    visibility: IsVisible


@dataclass(frozen=True)
class ChildRows:
    """The result of a child step for the key in a column: a row, a list or a page."""

    child_step: "PlanStep"
    key_column: ColumnRef
    is_non_null: bool = False
    """For a row: whether its type is non-null."""


@dataclass(frozen=True)
class SiblingResult:
    """The result of a step for the same key: a list at the root, or the count of a page."""

    sibling_step: "PlanStep"


@dataclass(frozen=True)
class LookupRows:
    """The rows that a root field names by type and key: one, or a list of them."""

    lookup_keys: "LookupKeys"
    steps_by_type: "Mapping[str, PlanStep]"
    """A step for each type that a key may be of; keys of other types have no row."""


@dataclass(frozen=True)
class IfAuthenticated:
    """A node that is null for anonymous viewers."""

    node: "PlanNode"


@dataclass(frozen=True)
class PageRows:
    """A list with a node for each row of the page: `nodes` and `edges`."""

    node: "PlanNode"


@dataclass(frozen=True)
class PageMeta:
    """A value of the page, or of a row as a part of it: a name in PAGE_META_CODE."""

    name: str


PAGE_META_CODE = {
    "hasNextPage": "page.has_next_page",
    "hasPreviousPage": "page.has_previous_page",
    "startCursor": "page.start_cursor()",
    "endCursor": "page.end_cursor()",
    "cursor": "page.page_request.encode_cursor(row)",
}
"""The generated code for each field of `pageInfo` and the edges' `cursor`."""


PlanNode = (
    Constant
    | Column
    | FunctionCall
    | ResponseObject
    | IfVisible
    | ChildRows
    | SiblingResult
    | LookupRows
    | IfAuthenticated
    | PageRows
    | PageMeta
)


QuerySpecFactory = Callable[[tuple[SelectItem, ...], Any], QuerySpec]
"""From columns and a statement shape (None without one) to the query specification."""
RowTuples = Sequence[tuple[Any, ...]]
TypedKeys = Sequence[tuple[str, Any] | None]
"""Pairs of a type's name and a key; None for an id that is invalid."""


@dataclass(frozen=True, eq=False)
class LookupKeys:
    """The types and keys that a root field names by its arguments."""

    resolve_keys: Callable[[VariableValues, RequestContext], TypedKeys]
    is_list: bool = False
    """Whether the field is a list; otherwise there is one key."""


class StepKind(Enum):
    """What a step builds for each key that its rows are read by."""

    ONE = "one"
    """An object."""
    MANY = "many"
    """A list of objects."""
    PAGE = "page"
    """A connection."""
    COUNT = "count"
    """A number."""
    AGGREGATE = "aggregate"
    """Values for computed fields."""
    RESULT = "result"
    """The data of the response, for no key; it reads nothing."""


@dataclass(frozen=True)
class RowOutput:
    """What each row of a step contributes: an object, or a key of a child step."""

    visible_positions: tuple[int, ...]
    """The positions in the row that must be true: row-level predicates."""
    non_null_positions: tuple[int, ...]
    """The positions in the row that must not be null: rows that are joined in, keys."""
    key_position: int = 0
    """The position of the child step's key; 0 if it has the same key."""
    child_step: "PlanStep | None" = None
    """None for an object."""


@dataclass(eq=False)
class PlanStep:
    """One statement of a plan, and the function that makes results of its rows.

    The life of a step:

    1. Lowering creates it from a field's declaration: `kind`, `node`, `query_spec_factory`
       and how keys and arguments are found (`lookup`, `parse_page_request`, `page_of`).
    2. The code generator completes it: `columns`, `outputs`, `child_steps`,
       `build_results`, and for each child `parent_step` and `collect_keys`.
    3. The planner places it in a level, and decides how it gets its keys (below).
    4. Each run looks for its statement in `statements`, and calls `build_results` with the
       rows. The SQL text depends on the shapes of filter and viewer, not on values; so it
       is compiled once for each of these (`build_query_spec`), and remembered there.

    All statements begin with the key that a row was read by, so results are always grouped
    by `row[0]`. A step gets its keys in one of five ways:

        lookup           the arguments of a root field name them: resource(uuid: …), node(id: …)
        no key           a list at the root; all rows are under the key null
        collect_keys     a column of the parent's rows; the statement runs one level later
        key_source       the parent is one row that a root field names: the statement finds the
                         key itself by a subquery, and runs in the parent's level
        inlined          as key_source, for a short list: the rows are a JSON value at the end
                         of the parent's row, and there is no statement

    The last two save a round trip. They are possible only below a single row: for more
    rows, the parent's condition would be evaluated twice.
    """

    kind: StepKind
    node: PlanNode | None = None
    """The node that is built for each row, or for each page; None if there is no object."""
    query_spec_factory: QuerySpecFactory | None = None
    """None if the step reads nothing: a page of which only the count is selected."""
    lookup: tuple[LookupKeys, str] | None = None
    """For the rows that a root field names: their keys, and the name of the type."""
    parse_page_request: Callable[[VariableValues], PageRequest | FilteredListRequest] | None = None
    """Parse the arguments of a list. Raises BadInputError if they are invalid."""
    page_of: "PlanStep | None" = None
    """For a count: the page with the same keys and conditions."""
    key_source: ParentKeys | None = None
    """The subquery by which the statement finds its key, if it need not wait for the parent."""
    inlined: bool = False
    """Whether the rows are a value of the parent's only row."""
    inlined_children: "list[tuple[PlanStep, NestedRows]]" = field(default_factory=list)
    """The child steps whose rows are values at the end of this step's row, in this order."""
    columns: list[SelectItem] = field(default_factory=list)
    """The selected columns; in a row, they follow the key and precede a page's sort keys."""
    parent_step: "PlanStep | None" = None
    child_steps: "list[PlanStep]" = field(default_factory=list)
    index: int = 0
    """The position among the steps of the plan."""
    build_results: Callable[..., Any] = dict
    """Return the results by key, built of rows, keys, the request and the child steps' results."""
    collect_keys: Callable[[RowTuples], set[Any]] = set
    """Return the keys of this step in the rows of its parent."""
    source_code: str = ""
    """The generated source of `build_results` and the children's `collect_keys`."""
    outputs: list[RowOutput] = field(default_factory=list)
    statements: dict[Any, Statement | None] = field(default_factory=dict)
    """The compiled statements by statement shape and access shape; None for missing tables."""

    @property
    def has_single_key(self) -> bool:
        """Whether there is at most one key."""
        return self.lookup is not None and not self.lookup[0].is_list

    def build_query_spec(self, statement_shape: Any) -> QuerySpec:
        """Return the query specification of the statement with a shape."""
        assert self.query_spec_factory is not None
        nested_rows = [nested for _, nested in self.inlined_children]
        query_spec = self.query_spec_factory((*self.columns, *nested_rows), statement_shape)
        if self.key_source is None:
            return query_spec
        return replace(query_spec, parent_keys=self.key_source, has_single_key=True)
