"""Answering by graphql-core: slow, and always right."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from inspect import isawaitable
from typing import Any

from graphql import DocumentNode, ExecutionResult, GraphQLSchema, execute

from gateway.db.driver.database import Database, Rows, StatementRequest
from gateway.schema.framework.context import RequestContext


class UnavailableDatabase(Database):
    """A database that is known to be away: nobody waits for it once more."""

    def __init__(self, error: Exception) -> None:
        """Raise `error` whenever something is asked."""
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
    """Execute an operation; TooMuchError if that shows more than the context allows.

    A subscription is executed for one event, the `root`.
    """
    pending_execution = execute(
        schema,
        document,
        root,
        context_value=context,
        variable_values=variables,
        operation_name=operation_name,
    )
    try:
        result = await pending_execution if isawaitable(pending_execution) else pending_execution
    except asyncio.CancelledError:
        context.loader.stop()
        raise
    assert isinstance(result, ExecutionResult)
    return result


def with_unavailable_database(context: RequestContext, error: Exception) -> RequestContext:
    """Give the same request where the database is away because of `error`."""
    return replace(context, database=UnavailableDatabase(error))
