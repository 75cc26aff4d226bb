"""What a plan is: a tree of steps, each of them one statement.

A row that a reference leads to needs no step, its columns are joined in. A
list, a page, a count, a total is a step that hangs from the rows above it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from graphql.execution.values import VariableValues

from gateway.context import Context
from gateway.db.database import Ask
from gateway.db.read import Nested, Read, Through, Wanted
from gateway.db.statement import Statement
from gateway.execution.parts import Part
from gateway.execution.variables import Variables
from gateway.loaders.loads import Parameters
from gateway.schema.asked import Asked
from gateway.schema.narrowed import Narrowing

MOST_FORMS = 100
"""Statements that a step remembers: clients choose the forms of filters."""
Reading = Callable[[tuple[Wanted, ...], Any], Read]
"""Describes the statement that reads such columns, for a list of such a form."""
Rows = Sequence[tuple[Any, ...]]
Pairs = Sequence[tuple[str, Any] | None]
"""Types and keys."""


class NotPlannedError(Exception):
    """A document asks for something that plans don't do; the text says what."""


class NotReadError(NotPlannedError):
    """An operation does not only read: there never is a plan, and nobody need wonder."""


class SurpriseError(Exception):
    """Something is not as the plan has it; the reference is to say what that means."""


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


@dataclass
class Plan:
    """A compiled operation."""

    steps: list[Step]
    """All steps: the one that makes the answer, then the others from the top down."""
    levels: list[list[Step]]
    """The steps that read, by the round in which they do."""
    named: list[Named]
    variables: Variables
    single: Step | None
    """The only step that reads, if it reads but one row."""
    most: float
    """How many rows an answer can show, whatever is found; without end if there are lists."""
    surprises: int = 0
    """How often in a row it met what it did not know of."""
    rests_until: float = 0.0
    """Until when it is not used, on the clock of `monotonic`."""
