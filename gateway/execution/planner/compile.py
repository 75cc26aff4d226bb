"""The compiler: from a document to an execution plan.

    document ──lowering──► tree of steps and nodes      lower.py and its neighbours
             ──code generation──► functions, columns    plan/codegen.py, step by step
             ──placement──► levels, key sources, inlined steps           here

Lowering creates steps without columns: which columns a step reads is known when its code
is generated, and which steps hang below it, too. So code is generated top down, and
each step is placed as soon as its parent is complete.
"""

from collections import deque
from math import inf
from typing import Any

from graphql import DocumentNode, GraphQLSchema

from gateway.db.installation.installation import Installation
from gateway.db.query_spec import ColumnRef, IsVisible, NestedRows, ParentKeys
from gateway.db.sql.json_rows import can_nest_rows
from gateway.execution.graphql_core_internals import Executor
from gateway.execution.plan.codegen import CodeGenerator
from gateway.execution.plan.errors import NotPlannedError
from gateway.execution.plan.nodes import PlanStep, StepKind
from gateway.execution.plan.plan import ExecutionPlan
from gateway.execution.plan.variables import VariableCoercer
from gateway.execution.planner.lower import lower_operation
from gateway.execution.runtime.run import find_single_row_step

MAX_PLAN_STEPS = 100
"""Statements of one plan; the reference, which merges equal statements, executes larger ones."""


def compile_plan(
    schema: GraphQLSchema,
    document: DocumentNode,
    installation: Installation,
    variables: dict[str, Any] | None,
    operation_name: str | None,
) -> ExecutionPlan:
    """Compile an operation for all values of its variables but those of @skip and @include.

    Raises NotPlannedError if plans don't support the operation, GraphQLError if
    the operation's name or variables are invalid.
    """
    executor = Executor.build(
        schema,
        document,
        raw_variable_values=variables,
        operation_name=operation_name,
        hide_suggestions=True,
    )
    if isinstance(executor, list):
        raise executor[0]
    try:
        root_step = lower_operation(executor, installation)
        levels = _build_levels(root_step)
    except RecursionError:
        raise NotPlannedError("nested too deeply") from None
    steps = [root_step, *(step for level in levels for step in level)]
    for index, step in enumerate(steps):
        step.index = index
    lookups = list(dict.fromkeys(step.lookup[0] for step in steps if step.lookup))
    variable_coercer = VariableCoercer(schema, executor.operation.variable_definitions or ())
    single_step, max_rows = find_single_row_step(steps), _compute_max_rows(steps)
    return ExecutionPlan(steps, levels, lookups, variable_coercer, single_step, max_rows)


def _compute_max_rows(steps: list[PlanStep]) -> float:
    """Return the maximal number of rows that an answer shows: the row outputs, inf with lists."""
    has_lists = any(step.kind in (StepKind.MANY, StepKind.PAGE) for step in steps)
    if has_lists or any(step.lookup and step.lookup[0].is_list for step in steps):
        return inf
    return sum(output.child_step is None for step in steps for output in step.outputs)


def _build_levels(root_step: PlanStep) -> list[list[PlanStep]]:
    """Generate the code of all steps; return the reading steps by level.

    A level is what one batch can read: the steps below the root, then the steps whose keys are
    in the rows of the level before. A child step joins its parent's level if its statement
    needs no rows of the parent: a count, which has the page's keys and conditions, and a
    step with a key source.
    """
    levels: list[list[PlanStep]] = []
    step_count = 1
    current_steps = _compile_step(root_step)
    while current_steps:
        level: list[PlanStep] = []
        next_steps: list[PlanStep] = []
        queue = deque(current_steps)
        while queue:
            level.append(step := queue.popleft())
            step_count += 1
            if step_count > MAX_PLAN_STEPS:
                raise NotPlannedError(f"more than {MAX_PLAN_STEPS} statements")
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
    """Generate the code of a step; return its child steps."""
    CodeGenerator(step).compile_step()
    return list(step.child_steps)


def _inline_step(step: PlanStep) -> None:
    """Inline a plain list below a single row: its rows become a JSON value of that row.

    Steps without a key source, pages and lists with arguments keep their statement.
    """
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
    """Return the subquery for the key of a step below a single row; None if it must wait.

    Below several rows, the subquery would evaluate the parent's conditions a second time.
    Below a referenced row that may be hidden, the key must not be read before the row's
    predicate is known to be true.
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
    # All outputs of a step have the same key column.
    key_column = parent_step.columns[outputs[0].key_position - 1]
    assert isinstance(key_column, ColumnRef)
    return ParentKeys(parent_step.query_spec_factory((), None), key_column)
