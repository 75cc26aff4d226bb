"""Compiling an operation: its document lowered, its steps built and put in order."""

from typing import Any

from graphql import DocumentNode, GraphQLSchema
from graphql.execution.executor import Executor

from gateway.db.installation import Installation
from gateway.execution.build import Builder
from gateway.execution.lower import lowered
from gateway.execution.plan import NotPlannedError, Plan, Step


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
    for index, step in enumerate(steps):
        step.index = index
    wanted = list(dict.fromkeys(step.wanted[0] for step in steps if step.wanted))
    return Plan(steps, levels, wanted, executor.operation.variable_definitions or ())


def _levels(answer: Step) -> list[list[Step]]:
    """Build the steps; give those that read, level by level. A count reads along with its page."""
    levels: list[list[Step]] = []
    above = [answer]
    while above:
        below = []
        for step in above:
            Builder(step).finish()
            below += step.below
        counts = [each for each in below if each.page is not None]
        if counts:
            levels[-1] += counts
            for each in counts:
                Builder(each).finish()
        above = [each for each in below if each.page is None]
        levels.append(above)
    return levels[:-1]
