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

from gateway.db.driver.database import Ask
from gateway.db.driver.statement import Statement
from gateway.db.query_spec import At, Nested, Read, Seen, Through, Wanted
from gateway.loaders.read_loader import Parameters
from gateway.schema.framework.context import Context, Fact
from gateway.schema.framework.filtered_lists import Narrowing
from gateway.schema.framework.page_request import Asked


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


MOST_FORMS = 100
"""Statements that a step remembers: clients choose the forms of filters."""
Reading = Callable[[tuple[Wanted, ...], Any], Read]
"""Describes the statement that reads such columns, for a list of such a form."""
Rows = Sequence[tuple[Any, ...]]
Pairs = Sequence[tuple[str, Any] | None]
"""Types and keys."""


@dataclass(frozen=True, eq=False)
class Named:
    """What a root field names by type and key: one thing, or a list of them."""

    pairs: Callable[[VariableValues, Context], Pairs]
    listed: bool = False


class Kind(Enum):
    """What a step makes of its rows, for each key that they are found by."""

    ONE = "one"
    """An object."""
    MANY = "many"
    """A list of objects."""
    PAGE = "page"
    """A connection."""
    COUNT = "count"
    """A number."""
    TOTAL = "total"
    """Values for functions."""
    ANSWER = "answer"
    """The data of the answer, for no key; there is nothing to read."""


@dataclass(frozen=True)
class Shown:
    """What each row of a step shows: an object, or with `step` what that makes."""

    when: tuple[int, ...]
    """Where the row holds what must be true."""
    there: tuple[int, ...]
    """Where the row holds what must not be null."""
    key: int = 0
    """Where it holds the key that the step's rows are found by."""
    step: "Step | None" = None


@dataclass(eq=False)
class Step:
    """One statement, and what is made of its rows."""

    kind: Kind
    part: Part | None = None
    """What is made of a row; of a page, for a page."""
    read: Reading | None = None
    named: tuple[Named, str] | None = None
    """For the rows that a root field names: by what, and of which type."""
    asked: Callable[[VariableValues], Asked | Narrowing] | None = None
    """Give what is asked of a list; BadInputError if that makes no sense."""
    page: "Step | None" = None
    """The page that a count is asked along with: for the same keys, under the same conditions."""
    through: Through | None = None
    """How the statement itself finds the keys, so that it need not wait for the rows above."""
    within: bool = False
    """Whether its rows come as a value of the only row above."""
    nested: "list[tuple[Step, Nested]]" = field(default_factory=list)
    """The steps whose rows come within its row, in the order of the values at its end."""
    columns: list[Wanted] = field(default_factory=list)
    """What is read of each row; after the key, and before a page's order."""
    above: "Step | None" = None
    below: "list[Step]" = field(default_factory=list)
    index: int = 0
    build: Callable[..., Any] = dict
    """Make a dict by key of rows, keys, context, what is named, variables, what is below."""
    keys: Callable[[Rows], set[Any]] = set
    """Give the keys that rows above hold."""
    source: str = ""
    """The code of these two."""
    shown: list[Shown] = field(default_factory=list)
    statements: dict[Any, Statement | None] = field(default_factory=dict)
    """The statements made so far, by what decides their text."""

    @property
    def single(self) -> bool:
        """Whether there is never more than one key."""
        return self.named is not None and not self.named[0].listed

    def ask(self, form: Any, parameters: Parameters, context: Context) -> Ask | None:
        """Give the statement with its parameters; None if there is nothing to read."""
        sight = context.viewer.sight
        name = form, sight
        if name not in self.statements:
            if len(self.statements) >= MOST_FORMS:
                self.statements.clear()
            assert self.read is not None
            nested = [each for _, each in self.nested]
            read = self.read((*self.columns, *nested), form)
            if self.through is not None:
                read = replace(read, through=self.through, single=True)
            self.statements[name] = context.statements.made(read, sight)
        made, known = self.statements[name], context.viewer.parameters
        if made is None:
            return None
        return made, tuple(
            [parameters[each] if each in parameters else known[each] for each in made.parameters]
        )
