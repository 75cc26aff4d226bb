"""The statements of a plan: compiled once for each shape, and sent with the viewer's parameters."""

from typing import Any

from gateway.db.driver.database import StatementRequest
from gateway.db.driver.statement import Statement
from gateway.execution.plan.nodes import PlanStep
from gateway.execution.plan.plan import ExecutionPlan
from gateway.loaders.read_loader import QueryParameters
from gateway.schema.framework.context import RequestContext


async def load_statement(
    plan: ExecutionPlan, step: PlanStep, statement_shape: Any, context: RequestContext
) -> Statement | None:
    """Compile a statement in the build worker's thread; the step remembers it.

    None if the installation lacks its table.
    """
    compiler, access_shape = context.statement_compiler, context.viewer.access_shape

    def compile_statement() -> Statement | None:
        return compiler.compile(step.build_query_spec(statement_shape), access_shape)

    shape_key = statement_shape, access_shape
    statement = await compiler.build_worker.run_job(
        context.viewer.user_id, (step, *shape_key), compile_statement
    )
    compiler.build_worker.count_builds(1)
    if shape_key not in step.statements:
        plan.remember_statement(step, shape_key, statement)
    return statement


def bind_parameters(
    statement: Statement, parameters: QueryParameters, context: RequestContext
) -> StatementRequest:
    """Return a statement with its parameters, those of the viewer included."""
    viewer_parameters = context.viewer.parameters
    return statement, tuple(
        [
            parameters[name] if name in parameters else viewer_parameters[name]
            for name in statement.parameter_names
        ]
    )
