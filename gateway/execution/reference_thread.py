"""The reference thread: large executions by graphql-core, outside the requests' event loop."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Hashable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, Generic, TypeVar

from gateway.db.access.viewer import AccessShape
from gateway.db.driver.database import Database, StatementRequest, StatementResult
from gateway.db.driver.statement import Statement
from gateway.db.query_spec import QuerySpec
from gateway.db.sql.compiler import StatementCompiler
from gateway.fairness.build_worker import BuildWorker
from gateway.schema.framework.context import RequestContext

MAX_LOOP_COST = 1_000
"""The cost up to which the reference runs in the event loop of the requests.

graphql-core takes 2 to 100 µs for a unit of cost, so that this is at most 100 ms. Most errors of
clients are small, and never wait for a large execution.
"""
T = TypeVar("T")
Execution = Callable[[RequestContext], Coroutine[Any, Any, T]]


class ReferenceThread:
    """Thread that runs large reference executions, one at a time; the viewers take turns.

    graphql-core completes a list in one turn of the event loop, which takes seconds for a
    large page. In this thread each execution has an event loop of its own, so that others wait
    only for the interpreter, which changes threads every 5 ms. What belongs to the loop of the
    requests is called there (`_RequestLoop`): statements and their compilation.

    What has no plan, and so comes here if it is large: introspection, operations of more than
    100 statements or 5,000 fields, requests with a mistake of the client in them, and those
    whose plan failed. A lower maximum cost for them would refuse valid operations, and those
    with a mistake would get another error than without a plan. Mutations stay in the loop of the
    requests: they wait for locks, and a cancelled one has ended before the client is told.
    """

    def __init__(self) -> None:
        self._worker = BuildWorker("reference")

    async def run_execution(self, execution: Execution[T], context: RequestContext) -> T:
        """Return the result of an execution, run in the thread in a turn of the viewer.

        If the caller is cancelled, the execution is as well.
        """
        job = _ThreadJob(execution, _bridge_context(context))
        try:
            return await self._worker.run_job(context.viewer.user_id, job, job.run)
        finally:
            job.cancel()


class _ThreadJob(Generic[T]):
    """An execution with its own event loop."""

    def __init__(self, execution: Execution[T], context: RequestContext) -> None:
        self._execution, self._context = execution, context
        self._task: asyncio.Task[Any] | None = None
        self._is_cancelled = False

    def run(self) -> T:
        return asyncio.run(self._execute())

    async def _execute(self) -> T:
        self._task = asyncio.current_task()
        if self._is_cancelled:
            raise asyncio.CancelledError
        return await self._execution(self._context)

    def cancel(self) -> None:
        """Cancel the execution, unless it has ended; called in another thread."""
        self._is_cancelled = True
        task = self._task
        if task is not None and not task.done():
            with suppress(RuntimeError):  # its loop was closed meanwhile
                task.get_loop().call_soon_threadsafe(task.cancel)


class _RequestLoop:
    """The event loop of the requests, seen from another thread."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()

    async def await_result(self, function: Callable[..., Awaitable[T]], *arguments: Any) -> T:
        """Return the awaited result of a call in the loop; cancelled there if it is here."""

        async def call_function() -> T:
            return await function(*arguments)

        return await asyncio.wrap_future(
            asyncio.run_coroutine_threadsafe(call_function(), self._loop)
        )


class _BridgedDatabase(Database):
    """A database that sends in the loop of the requests; rows are decoded here."""

    def __init__(self, database: Database, request_loop: _RequestLoop) -> None:
        self._database, self._request_loop = database, request_loop

    async def run_statements(
        self, requests: Sequence[StatementRequest]
    ) -> list[StatementResult | Exception]:
        outcomes = await self._request_loop.await_result(self._database.run_statements, requests)
        return [
            each if isinstance(each, Exception) else each.copy_for_thread() for each in outcomes
        ]


class _BridgedCompiler(StatementCompiler):
    """A statement compiler whose cache belongs to the loop of the requests."""

    def __init__(self, compiler: StatementCompiler, request_loop: _RequestLoop) -> None:
        self.installation = compiler.installation
        self._compiler, self._request_loop = compiler, request_loop

    async def load_statement(
        self, query_spec: QuerySpec, access_shape: AccessShape, owner: Hashable
    ) -> Statement | None:
        return await self._request_loop.await_result(
            self._compiler.load_statement, query_spec, access_shape, owner
        )


def _bridge_context(context: RequestContext) -> RequestContext:
    """Return a copy of a context for another thread."""
    request_loop = _RequestLoop()
    return replace(
        context,
        database=_BridgedDatabase(context.database, request_loop),
        statement_compiler=_BridgedCompiler(context.statement_compiler, request_loop),
    )
