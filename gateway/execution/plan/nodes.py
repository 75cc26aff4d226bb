"""What a plan is: a tree of steps, each of them one statement.

A row that a reference leads to needs no step, its columns are joined in. A
list, a page, a count, a total is a step that hangs from the rows above it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from graphql import GraphQLOutputType
from graphql.execution.values import VariableValues

from gateway.db.driver.database import StatementRequest
from gateway.db.driver.statement import Statement
from gateway.db.query_spec import (
    ColumnRef,
    IsVisible,
    NestedRows,
    ParentKeys,
    QuerySpec,
    SelectItem,
)
from gateway.loaders.read_loader import QueryParameters
from gateway.schema.framework.context import ContextFact, RequestContext
from gateway.schema.framework.filtered_lists import FilteredListRequest
from gateway.schema.framework.page_request import PageRequest


@dataclass(frozen=True)
class Constant:
    """A value that the document alone decides."""

    value: str | None


@dataclass(frozen=True)
class Column:
    """A column's value, as its type writes it."""

    column_ref: ColumnRef
    type: GraphQLOutputType
    enum_names: Mapping[Any, str] | None = None
    """For a column with a closed set of values: what each is called."""
    is_checked: bool = False
    """Whether to see to it that a value is there, as the type promises."""


@dataclass(frozen=True)
class AggregateRef:
    """One value of a total, by the key in a column; `missing` where nothing counts."""

    step: "PlanStep"
    value_index: int
    key_column: ColumnRef
    default: Any


@dataclass(frozen=True, eq=False)
class ArgumentValue:
    """What a client gives for an argument, worked out of the variables once a run."""

    evaluate: Callable[[VariableValues], Any]


@dataclass(frozen=True)
class ValueAttribute:
    """An attribute of a value that a function made; with `parts`, values of such parts."""

    name: str
    type: GraphQLOutputType
    fields: "ValueFields | None" = None


ValueFields = Mapping[type, Mapping[str, Constant | ValueAttribute]]
"""What is selected of plain values, by their class: that of each type of a union."""


@dataclass(frozen=True)
class FunctionCall:
    """What a function makes of columns, totals, facts and arguments; with `parts`, plain values."""

    function: Callable[..., Any]
    inputs: tuple[SelectItem | AggregateRef | ContextFact | ArgumentValue, ...]
    type: GraphQLOutputType
    fields: ValueFields | None = None


@dataclass(frozen=True)
class ResponseObject:
    """A selection: its parts by response key."""

    fields: "Mapping[str, PlanNode]"
    presence_column: ColumnRef | None = None
    """For a row that is joined in: a column that is null only where there is no row."""
    is_non_null: bool = False
    """Whether its type promises that there is one."""
    is_row: bool = True
    """Whether it is a row: these count for the size of the answer."""


@dataclass(frozen=True)
class IfVisible:
    """A part that is null where the viewer does not see the row that it belongs to."""

    node: "PlanNode"
    visibility: IsVisible


@dataclass(frozen=True)
class ChildRows:
    """What a step makes of the rows that hang from the column `at`."""

    child_step: "PlanStep"
    key_column: ColumnRef
    is_non_null: bool = False
    """For one row: whether its type promises that there is one."""


@dataclass(frozen=True)
class SiblingResult:
    """What a step makes for the same key: of a list without one, or the count of a page."""

    sibling_step: "PlanStep"


@dataclass(frozen=True)
class LookupRows:
    """The rows that a root field names by type and key; a list of them, or the only one."""

    lookup_keys: "LookupKeys"
    steps_by_type: "Mapping[str, PlanStep]"


@dataclass(frozen=True)
class IfAuthenticated:
    """A part that is null for the anonymous."""

    node: "PlanNode"


@dataclass(frozen=True)
class PageRows:
    """A list: the part for each row of a page."""

    node: "PlanNode"


@dataclass(frozen=True)
class PageMeta:
    """Something of a page as a whole, or of a row as a part of it: a name in `OF_PAGE`."""

    name: str


PAGE_META_CODE = {
    "hasNextPage": "page.has_next_page",
    "hasPreviousPage": "page.has_previous_page",
    "startCursor": "page.start_cursor()",
    "endCursor": "page.end_cursor()",
    "cursor": "page.page_request.encode_cursor(row)",
}
"""The code of what is told of a page."""


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


MAX_STATEMENTS_PER_STEP = 100
"""Statements that a step remembers: clients choose the forms of filters."""
QuerySpecFactory = Callable[[tuple[SelectItem, ...], Any], QuerySpec]
"""Describes the statement that reads such columns, for a list of such a form."""
RowTuples = Sequence[tuple[Any, ...]]
TypedKeys = Sequence[tuple[str, Any] | None]
"""Types and keys."""


@dataclass(frozen=True, eq=False)
class LookupKeys:
    """What a root field names by type and key: one thing, or a list of them."""

    resolve_keys: Callable[[VariableValues, RequestContext], TypedKeys]
    is_list: bool = False


class StepKind(Enum):
    """What a step makes of its rows, for each key that they are found by."""

    ONE = "one"
    """An object."""
    MANY = "many"
    """A list of objects."""
    PAGE = "page"
    """A connection."""
    COUNT = "count"
    """A number."""
    AGGREGATE = "total"
    """Values for functions."""
    RESULT = "answer"
    """The data of the answer, for no key; there is nothing to read."""


@dataclass(frozen=True)
class RowOutput:
    """What each row of a step shows: an object, or with `step` what that makes."""

    visible_positions: tuple[int, ...]
    """Where the row holds what must be true."""
    non_null_positions: tuple[int, ...]
    """Where the row holds what must not be null."""
    key_position: int = 0
    """Where it holds the key that the step's rows are found by."""
    child_step: "PlanStep | None" = None


@dataclass(eq=False)
class PlanStep:
    """One statement, and what is made of its rows."""

    kind: StepKind
    node: PlanNode | None = None
    """What is made of a row; of a page, for a page."""
    query_spec_factory: QuerySpecFactory | None = None
    lookup: tuple[LookupKeys, str] | None = None
    """For the rows that a root field names: by what, and of which type."""
    parse_page_request: Callable[[VariableValues], PageRequest | FilteredListRequest] | None = None
    """Give what is asked of a list; BadInputError if that makes no sense."""
    page_of: "PlanStep | None" = None
    """The page that a count is asked along with: for the same keys, under the same conditions."""
    key_source: ParentKeys | None = None
    """How the statement itself finds the keys, so that it need not wait for the rows above."""
    inlined: bool = False
    """Whether its rows come as a value of the only row above."""
    inlined_children: "list[tuple[PlanStep, NestedRows]]" = field(default_factory=list)
    """The steps whose rows come within its row, in the order of the values at its end."""
    columns: list[SelectItem] = field(default_factory=list)
    """What is read of each row; after the key, and before a page's order."""
    parent_step: "PlanStep | None" = None
    child_steps: "list[PlanStep]" = field(default_factory=list)
    index: int = 0
    build_results: Callable[..., Any] = dict
    """Make a dict by key of rows, keys, context, what is named, variables, what is below."""
    collect_keys: Callable[[RowTuples], set[Any]] = set
    """Give the keys that rows above hold."""
    source_code: str = ""
    """The code of these two."""
    outputs: list[RowOutput] = field(default_factory=list)
    statements: dict[Any, Statement | None] = field(default_factory=dict)
    """The statements made so far, by what decides their text."""

    @property
    def has_single_key(self) -> bool:
        """Whether there is never more than one key."""
        return self.lookup is not None and not self.lookup[0].is_list

    def build_request(
        self, statement_shape: Any, parameters: QueryParameters, context: RequestContext
    ) -> StatementRequest | None:
        """Give the statement with its parameters; None if there is nothing to read."""
        access_shape = context.viewer.access_shape
        cache_key = statement_shape, access_shape
        if cache_key not in self.statements:
            if len(self.statements) >= MAX_STATEMENTS_PER_STEP:
                self.statements.clear()
            assert self.query_spec_factory is not None
            inlined_specs = [name for _, name in self.inlined_children]
            query_spec = self.query_spec_factory((*self.columns, *inlined_specs), statement_shape)
            if self.key_source is not None:
                query_spec = replace(query_spec, parent_keys=self.key_source, has_single_key=True)
            self.statements[cache_key] = context.statement_compiler.compile(
                query_spec, access_shape
            )
        statement, viewer_parameters = self.statements[cache_key], context.viewer.parameters
        if statement is None:
            return None
        return statement, tuple(
            [
                parameters[name] if name in parameters else viewer_parameters[name]
                for name in statement.parameter_names
            ]
        )
