"""What a plan makes of rows: parts, which follow the document's selections."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from graphql import GraphQLOutputType
from graphql.execution.values import VariableValues

from gateway.context import Fact
from gateway.db.read import At, Seen, Wanted

if TYPE_CHECKING:
    from gateway.execution.plan import Named, Step


@dataclass(frozen=True)
class Constant:
    """A value that the document alone decides."""

    value: str | None


@dataclass(frozen=True)
class Leaf:
    """A column's value, as its type writes it."""

    at: At
    type: GraphQLOutputType
    names: Mapping[Any, str] | None = None
    """For a column with a closed set of values: what each is called."""
    checked: bool = False
    """Whether to see to it that a value is there, as the type promises."""


@dataclass(frozen=True)
class Given:
    """One value of a total, by the key in a column; `missing` where nothing counts."""

    step: "Step"
    place: int
    at: At
    missing: Any


@dataclass(frozen=True, eq=False)
class Told:
    """What a client gives for an argument, worked out of the variables once a run."""

    value: Callable[[VariableValues], Any]


@dataclass(frozen=True)
class Attribute:
    """An attribute of a value that a function made; with `parts`, values of such parts."""

    name: str
    type: GraphQLOutputType
    parts: "Parts | None" = None


Parts = Mapping[type, Mapping[str, Constant | Attribute]]
"""What is selected of plain values, by their class: that of each type of a union."""


@dataclass(frozen=True)
class Call:
    """What a function makes of columns, totals, facts and arguments; with `parts`, plain values."""

    function: Callable[..., Any]
    inputs: tuple[Wanted | Given | Fact | Told, ...]
    type: GraphQLOutputType
    parts: Parts | None = None


@dataclass(frozen=True)
class Object:
    """A selection: its parts by response key."""

    parts: "Mapping[str, Part]"
    there: At | None = None
    """For a row that is joined in: a column that is null only where there is no row."""
    promised: bool = False
    """Whether its type promises that there is one."""
    row: bool = True
    """Whether it is a row: these count for the size of the answer."""


@dataclass(frozen=True)
class Hidden:
    """A part that is null where the viewer does not see the row that it belongs to."""

    part: "Part"
    seen: Seen


@dataclass(frozen=True)
class Below:
    """What a step makes of the rows that hang from the column `at`."""

    step: "Step"
    at: At
    promised: bool = False
    """For one row: whether its type promises that there is one."""


@dataclass(frozen=True)
class Beside:
    """What a step makes for the same key: of a list without one, or the count of a page."""

    step: "Step"


@dataclass(frozen=True)
class Lookup:
    """The rows that a root field names by type and key; a list of them, or the only one."""

    named: "Named"
    steps: "Mapping[str, Step]"


@dataclass(frozen=True)
class Known:
    """A part that is null for the anonymous."""

    part: "Part"


@dataclass(frozen=True)
class Each:
    """A list: the part for each row of a page."""

    part: "Part"


@dataclass(frozen=True)
class OfPage:
    """Something of a page as a whole, or of a row as a part of it: a name in `OF_PAGE`."""

    name: str


OF_PAGE = {
    "hasNextPage": "page.has_next_page",
    "hasPreviousPage": "page.has_previous_page",
    "startCursor": "page.start_cursor()",
    "endCursor": "page.end_cursor()",
    "cursor": "page.asked.cursor(row)",
}
"""The code of what is told of a page."""


Part = Constant | Leaf | Call | Object | Hidden | Below | Beside | Lookup | Known | Each | OfPage
