"""Compiling an operation: its document lowered, its steps built and put in order."""

from collections import deque
from math import inf
from typing import Any

from graphql import DocumentNode, GraphQLSchema
from graphql.execution.executor import Executor

from gateway.db.installation.installation import Installation
from gateway.db.query_spec import At, Nested, Seen, Through
from gateway.db.sql.json_rows import nests
from gateway.execution.plan.codegen import Builder
from gateway.execution.plan.errors import NotPlannedError
from gateway.execution.plan.nodes import Kind, Step
from gateway.execution.plan.plan import Plan
from gateway.execution.plan.variables import Variables
from gateway.execution.planner.lower import lowered
from gateway.execution.runtime.run import only

MOST_STEPS = 100
"""Statements of one plan: the reference, which merges equal ones, answers what asks for more."""


def compiled(
    schema: GraphQLSchema,
    document: DocumentNode,
    installation: Installation,
    variables: dict[str, Any] | None,
    operation_name: str | None,
) -> Plan:
    """Give the plan of an operation, which holds for any variables but those of @skip and @include.

    NotPlannedError if there can't be one, GraphQLError if the client made a mistake.
    """
    executor = Executor.build(
        schema, document, raw_variable_values=variables, operation_name=operation_name
    )
    if isinstance(executor, list):
        raise executor[0]
    try:
        answer = lowered(executor, installation)
        levels = _levels(answer)
    except RecursionError:
        raise NotPlannedError("nested too deeply") from None
    steps = [answer, *(step for level in levels for step in level)]
    if len(steps) > MOST_STEPS:
        raise NotPlannedError(f"more than {MOST_STEPS} lists")
    for index, step in enumerate(steps):
        step.index = index
    named = list(dict.fromkeys(step.named[0] for step in steps if step.named))
    defined = Variables(schema, executor.operation.variable_definitions or ())
    return Plan(steps, levels, named, defined, only(steps), _most(steps))


def _most(steps: list[Step]) -> float:
    """Give how many rows an answer can show at most: as many as rows have places, without lists."""
    listed = any(each.kind in (Kind.MANY, Kind.PAGE) for each in steps)
    if listed or any(each.named and each.named[0].listed for each in steps):
        return inf
    return sum(shown.step is None for step in steps for shown in step.shown)


def _levels(answer: Step) -> list[list[Step]]:
    """Build the steps; give those that read, round by round."""
    levels: list[list[Step]] = []
    above = _built(answer)
    while above:
        level: list[Step] = []
        later: list[Step] = []
        coming = deque(above)
        while coming:
            level.append(step := coming.popleft())
            belows = _built(step)
            _nest(step)
            for below in belows:
                below.through = _through(below)
                along = below.page is not None or below.through is not None
                (coming if along else later).append(below)
        levels.append(level)
        above = later
    return levels


def _built(step: Step) -> list[Step]:
    """Build a step; give those below it."""
    Builder(step).finish()
    return list(step.below)


def _nest(step: Step) -> None:
    """Have the rows of a short list come within the only row above, if they can."""
    above = step.above
    if step.through is None or step.kind is not Kind.MANY or step.asked is not None:
        return
    assert step.read is not None
    assert above is not None
    assert above.read is not None
    read = step.read(tuple(step.columns), None)
    if nests(read, above.read((), None)):
        step.within = True
        above.nested.append((step, Nested(read, step.through.key)))


def _through(step: Step) -> Through | None:
    """Say how the keys of a step are found that hangs from the one row which a root field names.

    From more rows they would have to be found twice; from a row that may be
    hidden they must not be found at all.
    """
    above = step.above
    if step.page is not None:
        return step.page.through
    if above is None or above.read is None or not above.single:
        return None
    hung = [each for each in above.shown if each.step is step]
    if any(isinstance(above.columns[place - 1], Seen) for each in hung for place in each.when):
        return None
    key = above.columns[hung[0].key - 1]  # a step hangs from one column, wherever it is shown
    assert isinstance(key, At)
    return Through(above.read((), None), key)
