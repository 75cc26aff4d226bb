"""The reference execution: graphql-core calls a resolver for each field of each row.

It is slow and always right. Every operation that has no plan, and every plan
that fails, is executed here; tests compare the compiled execution with it.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from inspect import isawaitable
from typing import Any

from graphql import DocumentNode, ExecutionResult, GraphQLSchema, execute

from gateway.db.driver.database import Database, Rows, StatementRequest
from gateway.schema.framework.context import RequestContext

MAX_COERCION_ERRORS = 5
"""Errors about variables in a response; a further one says that there are more."""


class UnavailableDatabase(Database):
    """Database stub that fails at once, without another attempt to connect."""

    def __init__(self, error: Exception) -> None:
        """Raise `error` for all statements."""
        self._error = error

    async def fetch_rows(self, requests: Sequence[StatementRequest]) -> list[Rows]:  # noqa: ARG002
        """Raise the error."""
        raise self._error


async def execute_with_graphql_core(
    schema: GraphQLSchema,
    document: DocumentNode,
    context: RequestContext,
    variables: dict[str, Any] | None,
    operation_name: str | None,
    root: object = None,
) -> ExecutionResult:
    """Execute an operation; a subscription is executed for one event, the `root`.

    Raises ResponseTooLargeError if the answer exceeds the context's row budget.
    """
    pending_execution = execute(
        schema,
        document,
        root,
        context_value=context,
        variable_values=variables,
        operation_name=operation_name,
        max_coercion_errors=MAX_COERCION_ERRORS,
        hide_suggestions=True,
    )
    try:
        result = await pending_execution if isawaitable(pending_execution) else pending_execution
    except asyncio.CancelledError:
        context.loader.stop()
        raise
    assert isinstance(result, ExecutionResult)
    return result


def with_unavailable_database(context: RequestContext, error: Exception) -> RequestContext:
    """Return a copy of the context in which all statements fail with `error`."""
    return replace(context, database=UnavailableDatabase(error))
