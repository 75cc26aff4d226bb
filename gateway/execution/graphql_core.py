"""The reference execution: graphql-core calls a resolver for each field of each row.

It is slow and always right. Every operation that has no plan, and every plan
that fails, is executed here; tests compare the compiled execution with it.
"""

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import replace
from inspect import CORO_CREATED, getcoroutinestate, isawaitable, iscoroutine
from typing import Any
from weakref import WeakSet

from graphql import DocumentNode, ExecutionResult, GraphQLSchema, execute

from gateway.db.driver.database import Database, StatementRequest, StatementResult, TimedOutError
from gateway.schema.framework.context import RequestContext

MAX_COERCION_ERRORS = 5
"""Errors about variables in a response; a further one says that there are more."""


class FailedDatabase(Database):
    """Database in which statements fail at once that have failed before, with the same error.

    After a time-out these are the statements that read what had timed out. After other errors,
    or if that is not known, all statements fail.
    """

    def __init__(self, database: Database, error: Exception) -> None:
        """Run the other statements on `database`."""
        self._database, self._error = database, error
        self._failed_sources = error.sources if isinstance(error, TimedOutError) else frozenset()
        self._fails_always = not self._failed_sources or None in self._failed_sources

    async def run_statements(
        self, requests: Sequence[StatementRequest]
    ) -> list[StatementResult | Exception]:
        """Run the statements that have not failed as one batch."""
        if self._fails_always:
            raise self._error
        has_failed = [statement.source in self._failed_sources for statement, _ in requests]
        other_requests = [
            request for request, failed in zip(requests, has_failed, strict=True) if not failed
        ]
        outcomes = iter(await self._database.run_statements(other_requests))
        return [self._error if failed else next(outcomes) for failed in has_failed]


class ExecutionCoroutines:
    """The coroutines of one execution, so that none of them outlives it.

    graphql-core returns as soon as a field that can't be null has failed. What its siblings
    began may still run in tasks then, and a row limit (`ResponseTooLargeError`) ends only the
    fields above it. A task that is cancelled before its first turn never awaits the resolver's
    coroutine that it was made for, which Python reports when it is collected.
    """

    def __init__(self) -> None:
        self._coroutines: WeakSet[Coroutine[Any, Any, Any]] = WeakSet()

    def is_awaitable(self, value: object) -> bool:
        """Return whether a value is awaitable, and remember it if it is a coroutine.

        graphql-core asks this about each value that a resolver or a part of it returns.
        """
        if iscoroutine(value):
            self._coroutines.add(value)
            return True
        return hasattr(value, "__await__")

    async def close(self) -> None:
        """Cancel the tasks that still run, and close the coroutines that never ran."""
        if not self._coroutines:
            return
        tasks = [each for each in asyncio.all_tasks() if each.get_coro() in self._coroutines]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for coroutine in list(self._coroutines):
            if getcoroutinestate(coroutine) == CORO_CREATED:
                coroutine.close()


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
    coroutines = ExecutionCoroutines()
    pending_execution = execute(
        schema,
        document,
        root,
        context_value=context,
        variable_values=variables,
        operation_name=operation_name,
        max_coercion_errors=MAX_COERCION_ERRORS,
        hide_suggestions=True,
        is_awaitable=coroutines.is_awaitable,  # type: ignore[arg-type]
    )
    try:
        result = await pending_execution if isawaitable(pending_execution) else pending_execution
    finally:
        context.loader.stop()
        context.reset_loader()
        await coroutines.close()
    assert isinstance(result, ExecutionResult)
    return result


def with_failed_database(context: RequestContext, error: Exception) -> RequestContext:
    """Return a copy of the context in which what failed with `error` fails again at once."""
    return replace(context, database=FailedDatabase(context.database, error))
