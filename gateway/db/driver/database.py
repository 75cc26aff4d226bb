"""The database: runs statements, a batch at a time. Values that the API prints as text stay so."""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Any, Self, TypeVar

import psycopg

from gateway.db.driver.batch import (
    Batch,
    PendingRequest,
    PendingResult,
    Rows,
    StatementRequest,
    StatementResult,
    fail_futures,
)
from gateway.db.driver.connection_options import ConnectionOptions
from gateway.db.driver.connection_pool import ConnectionPool
from gateway.db.driver.errors import TimedOutError, UnavailableError
from gateway.db.driver.statement import Statement

__all__ = [
    "Database",
    "PendingRequest",
    "PendingResult",
    "Rows",
    "StatementRequest",
    "StatementResult",
    "TimedOutError",
    "UnavailableError",
]

T = TypeVar("T")
CONNECTION_WAIT_SECONDS = 2
"""Seconds to wait for a connection, and for a sign of life on one."""
MAX_SILENCE_SECONDS = 3
"""Seconds without any answer after which the database counts as gone."""
_READINESS_STATEMENT = Statement("select from core_user limit 1")


class Database:
    """A few connections that only read, shared by all; a batch is one flush on one of them."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool
        self.loop = pool.loop
        """The event loop that all waiting is done on."""

    @classmethod
    async def connect(
        cls,
        url: str,
        *,
        size: int = 8,
        statement_seconds: float = 10,
        pooler: bool = False,
        wait_seconds: float = CONNECTION_WAIT_SECONDS,
    ) -> Self:
        """Open up to `size` connections to `url`, in the background.

        Behind a `pooler` that lends a connection for one transaction only,
        nothing is kept on a connection between two batches.
        """
        return cls(
            ConnectionPool(
                ConnectionOptions(url, statement_seconds, pooler=pooler),
                size,
                wait_seconds=wait_seconds,
            )
        )

    def send(self, pending_requests: Sequence[PendingRequest]) -> None:
        """Run what is asked for in one flush; its results settle the futures, or what went wrong.

        That is UnavailableError if there is no connection to be had, TimedOutError
        if a statement takes too long, psycopg.Error if one is wrong. What nobody
        waits for any more is stopped.
        """
        try:
            batch = Batch(pending_requests)
        except ValueError as error:
            fail_futures([future for _, future in pending_requests], error)
        else:
            self._pool.submit_batch(batch)

    async def fetch_rows(self, requests: Sequence[StatementRequest]) -> list[Rows]:
        """Run `asks` together and give the rows of each; what goes wrong is raised."""
        return [result.decode_rows() for result in await self.fetch_results(requests)]

    async def fetch_results(self, requests: Sequence[StatementRequest]) -> list[StatementResult]:
        """Run `asks` together and give their results; what goes wrong is raised."""
        loop = asyncio.get_running_loop()
        futures: list[PendingResult] = [loop.create_future() for _ in requests]
        self.send(list(zip(requests, futures, strict=True)))
        try:
            return [await future for future in futures]
        finally:
            for future in futures:
                future.cancel()

    async def wait_for_result(self, awaitable: Awaitable[T]) -> T:
        """Wait for an answer as long as others get theirs; UnavailableError if it does not come."""
        future = asyncio.ensure_future(awaitable)
        if not future.done():
            future.add_done_callback(_ignore_late_result)
            await self._wait_while_responsive(future)
        return future.result()

    async def _wait_while_responsive(self, future: "asyncio.Future[Any]") -> None:
        loop = asyncio.get_running_loop()
        started_at = loop.time()
        while not future.done():
            await asyncio.wait({future}, timeout=0.5)
            if (
                not future.done()
                and loop.time() - max(started_at, self._pool.last_response_at) > MAX_SILENCE_SECONDS
            ):
                raise UnavailableError("The database does not answer.")

    async def check_readiness(self) -> None:
        """Return if the marketplace can be read; UnavailableError if it can't."""
        try:
            await self.wait_for_result(self.fetch_rows([(_READINESS_STATEMENT, ())]))
        except psycopg.Error as error:
            raise UnavailableError(str(error)) from error

    async def close(self) -> None:
        """Close the connections when what is under way is done, or soon."""
        await self._pool.close()


def _ignore_late_result(future: "asyncio.Future[Any]") -> None:
    """Take note of what an answer that nobody waits for any more came to."""
    if not future.cancelled():
        future.exception()
