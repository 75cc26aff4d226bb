"""Running a plan of one statement for one row: there is nothing to put together, and no level."""

from typing import Any

from graphql.execution.values import VariableValues

from gateway.context import Context
from gateway.db.database import Coming, Rows
from gateway.db.values import text
from gateway.execution.plan import Kind, Plan, Step


def only(steps: list[Step]) -> Step | None:
    """Give the step of a plan that has but one, for one row that a root field names."""
    if len(steps) != 2:  # noqa: PLR2004 - the first makes the answer
        return None
    step = steps[1]
    plain = step.kind is Kind.ONE and step.single and not (step.nested or step.asked)
    return step if plain else None


async def run_single(plan: Plan, step: Step, variables: VariableValues, context: Context) -> Any:
    """Give the data of the answer; whatever is raised is for the reference to tell."""
    assert step.named is not None
    field, name = step.named
    named = {field: field.pairs(variables, context)}
    (pair,) = named[field]
    key = pair[1] if pair is not None and pair[0] == name else None
    rows = [] if key is None else await _found(step, key, context)
    built = step.build(rows, (key,), context, named, variables)
    return plan.steps[0].build([], (), context, named, variables, built)


async def _found(step: Step, key: Any, context: Context) -> Rows:
    ask = step.ask(None, {"keys": text(key)}, context)
    if ask is None:
        return []
    database = context.database
    coming: Coming = database.loop.create_future()
    database.send([(ask, coming)])
    return (await coming).rows()
