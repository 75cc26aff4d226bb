"""Compiling an operation: its document lowered, its steps built and put in order."""

from collections import deque
from math import inf
from typing import Any

from graphql import DocumentNode, GraphQLSchema
from graphql.execution.executor import Executor

from gateway.db.installation.installation import Installation
from gateway.db.query_spec import ColumnRef, IsVisible, NestedRows, ParentKeys
from gateway.db.sql.json_rows import can_nest_rows
from gateway.execution.plan.codegen import CodeGenerator
from gateway.execution.plan.errors import NotPlannedError
from gateway.execution.plan.nodes import PlanStep, StepKind
from gateway.execution.plan.plan import ExecutionPlan
from gateway.execution.plan.variables import VariableCoercer
from gateway.execution.planner.lower import lower_operation
from gateway.execution.runtime.run import find_single_row_step

MAX_PLAN_STEPS = 100
"""Statements of one plan: the reference, which merges equal ones, answers what asks for more."""


def compile_plan(
    schema: GraphQLSchema,
    document: DocumentNode,
    installation: Installation,
    variables: dict[str, Any] | None,
    operation_name: str | None,
) -> ExecutionPlan:
    """Give the plan of an operation, which holds for any variables but those of @skip and @include.

    NotPlannedError if there can't be one, GraphQLError if the client made a mistake.
    """
    executor = Executor.build(
        schema, document, raw_variable_values=variables, operation_name=operation_name
    )
    if isinstance(executor, list):
        raise executor[0]
    try:
        root_step = lower_operation(executor, installation)
        levels = _build_levels(root_step)
    except RecursionError:
        raise NotPlannedError("nested too deeply") from None
    steps = [root_step, *(step for level in levels for step in level)]
    if len(steps) > MAX_PLAN_STEPS:
        raise NotPlannedError(f"more than {MAX_PLAN_STEPS} lists")
    for index, step in enumerate(steps):
        step.index = index
    lookups = list(dict.fromkeys(step.lookup[0] for step in steps if step.lookup))
    variable_coercer = VariableCoercer(schema, executor.operation.variable_definitions or ())
    return ExecutionPlan(
        steps,
        levels,
        lookups,
        variable_coercer,
        find_single_row_step(steps),
        _compute_max_rows(steps),
    )


def _compute_max_rows(steps: list[PlanStep]) -> float:
    """Give how many rows an answer can show at most: as many as rows have places, without lists."""
    has_lists = any(each.kind in (StepKind.MANY, StepKind.PAGE) for each in steps)
    if has_lists or any(each.lookup and each.lookup[0].is_list for each in steps):
        return inf
    return sum(output.child_step is None for step in steps for output in step.outputs)


def _build_levels(root_step: PlanStep) -> list[list[PlanStep]]:
    """Build the steps; give those that read, round by round."""
    levels: list[list[PlanStep]] = []
    current_steps = _compile_step(root_step)
    while current_steps:
        level: list[PlanStep] = []
        next_steps: list[PlanStep] = []
        queue = deque(current_steps)
        while queue:
            level.append(step := queue.popleft())
            child_steps = _compile_step(step)
            _inline_step(step)
            for child_step in child_steps:
                child_step.key_source = _find_key_source(child_step)
                is_same_level = child_step.page_of is not None or child_step.key_source is not None
                (queue if is_same_level else next_steps).append(child_step)
        levels.append(level)
        current_steps = next_steps
    return levels


def _compile_step(step: PlanStep) -> list[PlanStep]:
    """Build a step; give those below it."""
    CodeGenerator(step).compile_step()
    return list(step.child_steps)


def _inline_step(step: PlanStep) -> None:
    """Have the rows of a short list come within the only row above, if they can."""
    parent_step = step.parent_step
    if (
        step.key_source is None
        or step.kind is not StepKind.MANY
        or step.parse_page_request is not None
    ):
        return
    assert step.query_spec_factory is not None
    assert parent_step is not None
    assert parent_step.query_spec_factory is not None
    query_spec = step.query_spec_factory(tuple(step.columns), None)
    if can_nest_rows(query_spec, parent_step.query_spec_factory((), None)):
        step.inlined = True
        parent_step.inlined_children.append(
            (step, NestedRows(query_spec, step.key_source.key_column))
        )


def _find_key_source(step: PlanStep) -> ParentKeys | None:
    """Say how the keys of a step are found that hangs from the one row which a root field names.

    From more rows they would have to be found twice; from a row that may be
    hidden they must not be found at all.
    """
    parent_step = step.parent_step
    if step.page_of is not None:
        return step.page_of.key_source
    if (
        parent_step is None
        or parent_step.query_spec_factory is None
        or not parent_step.has_single_key
    ):
        return None
    outputs = [output for output in parent_step.outputs if output.child_step is step]
    if any(
        isinstance(parent_step.columns[position - 1], IsVisible)
        for output in outputs
        for position in output.visible_positions
    ):
        return None
    key_column = parent_step.columns[
        outputs[0].key_position - 1
    ]  # a step hangs from one column, wherever it is shown
    assert isinstance(key_column, ColumnRef)
    return ParentKeys(parent_step.query_spec_factory((), None), key_column)
