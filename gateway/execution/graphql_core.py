"""Answering by graphql-core: slow, and always right."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from inspect import isawaitable
from typing import Any

from graphql import DocumentNode, ExecutionResult, GraphQLSchema, execute

from gateway.db.driver.database import Ask, Database, Rows
from gateway.schema.framework.context import Context


class Gone(Database):
    """A database that is known to be away: nobody waits for it once more."""

    def __init__(self, error: Exception) -> None:
        """Raise `error` whenever something is asked."""
        self._error = error

    async def run(self, asks: Sequence[Ask]) -> list[Rows]:  # noqa: ARG002
        """Raise the error."""
        raise self._error


async def executed(
    schema: GraphQLSchema,
    document: DocumentNode,
    context: Context,
    variables: dict[str, Any] | None,
    operation_name: str | None,
    root: object = None,
) -> ExecutionResult:
    """Execute an operation; TooMuchError if that shows more than the context allows.

    A subscription is executed for one event, the `root`.
    """
    result = execute(
        schema,
        document,
        root,
        context_value=context,
        variable_values=variables,
        operation_name=operation_name,
    )
    try:
        done = await result if isawaitable(result) else result
    except asyncio.CancelledError:
        context.loads.stop()
        raise
    assert isinstance(done, ExecutionResult)
    return done


def without_database(context: Context, error: Exception) -> Context:
    """Give the same request where the database is away because of `error`."""
    return replace(context, database=Gone(error))
