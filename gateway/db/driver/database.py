"""Read access to the database: statements are sent in batches over a connection pool."""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Any, Self, TypeVar

from gateway.db.driver.batch import (
    Batch,
    PendingRequest,
    PendingResult,
    Rows,
    StatementRequest,
    StatementResult,
)
from gateway.db.driver.connection_options import ConnectionOptions
from gateway.db.driver.connection_pool import ConnectionPool
from gateway.db.driver.errors import (
    TimedOutError,
    UnavailableError,
    UnreadableTableError,
    UnwritableError,
)
from gateway.db.driver.prepared_statements import DEFAULT_PREPARED_BYTES

__all__ = [
    "Database",
    "PendingRequest",
    "PendingResult",
    "Rows",
    "StatementRequest",
    "StatementResult",
    "TimedOutError",
    "UnavailableError",
    "UnreadableTableError",
    "UnwritableError",
]

T = TypeVar("T")
CONNECTION_WAIT_SECONDS = 2
"""Seconds to wait for a connection, and for a response beyond a statement's time-out."""
MAX_SILENCE_SECONDS = 3
"""Seconds without any response after which the database counts as unavailable."""
SILENCE_CHECK_SECONDS = 0.5
"""Seconds between two checks; a longer stall of the event loop counts as one of these periods."""


class Database:
    """Read-only access to one database; a batch is one flush on one connection.

    Values of the types that the API prints as text (`TEXT_LOADED_TYPES`: UUIDs,
    decimals, JSON, dates) are returned as text.
    """

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool
        self.loop = pool.loop
        """The event loop that the futures belong to."""
        self.unreadable_table_found = pool.unreadable_table_found
        """Set when a statement fails with UnreadableTableError; to be cleared by who waits."""

    @classmethod
    async def connect(
        cls,
        url: str,
        *,
        size: int = 8,
        statement_seconds: float = 10,
        pooler: bool = False,
        wait_seconds: float = CONNECTION_WAIT_SECONDS,
        prepared_bytes: int = DEFAULT_PREPARED_BYTES,
    ) -> Self:
        """Return a database whose pool opens up to `size` connections in the background.

        With `pooler`, for a pooler in transaction mode, no state is kept on a
        connection between two batches. Otherwise each prepares statements with at
        most `prepared_bytes` bytes of SQL.
        """
        options = ConnectionOptions(
            url, statement_seconds, pooler=pooler, prepared_bytes=prepared_bytes
        )
        return cls(ConnectionPool(options, size, wait_seconds=wait_seconds))

    def send(self, pending_requests: Sequence[PendingRequest]) -> None:
        """Send statements as one batch; their futures get the results or an error.

        The error is UnavailableError if there is no connection, UnreadableTableError if
        a statement reads what is missing or not permitted, TimedOutError if it takes too
        long, InvalidDataError if it can't handle a stored value, psycopg.Error if it is wrong,
        ValueError if a parameter can't be encoded. A statement that fails does not affect the
        others. A batch whose futures are all cancelled is cancelled on the server.
        """
        batch = Batch(pending_requests)
        if batch.requests:
            self._pool.submit_batch(batch)

    async def fetch_rows(self, requests: Sequence[StatementRequest]) -> list[Rows]:
        """Run statements as one batch and return the rows of each; raises errors as `send`."""
        return [result.decode_rows() for result in await self.fetch_results(requests)]

    async def fetch_results(self, requests: Sequence[StatementRequest]) -> list[StatementResult]:
        """Run statements as one batch and return their results; raises errors as `send`."""
        return [_raise_error(outcome) for outcome in await self.run_statements(requests)]

    async def fetch_outcomes(self, requests: Sequence[StatementRequest]) -> list[Rows | Exception]:
        """Run statements as one batch and return the rows of each, or its error."""
        return [_decode_outcome(outcome) for outcome in await self.run_statements(requests)]

    async def run_statements(
        self, requests: Sequence[StatementRequest]
    ) -> list[StatementResult | Exception]:
        """Run statements as one batch and return the result of each, or the error of `send`."""
        loop = asyncio.get_running_loop()
        futures: list[PendingResult] = [loop.create_future() for _ in requests]
        self.send(list(zip(requests, futures, strict=True)))
        try:
            return [await _wait_for_outcome(future) for future in futures]
        finally:
            for future in futures:
                future.cancel()

    async def wait_for_result(self, awaitable: Awaitable[T]) -> T:
        """Return the result of `awaitable`, waiting as long as the database responds at all.

        Raises UnavailableError after `MAX_SILENCE_SECONDS` without a response to any batch.
        """
        future = asyncio.ensure_future(awaitable)
        if not future.done():
            future.add_done_callback(_ignore_late_result)
            await self._wait_while_responsive(future)
        return future.result()

    async def _wait_while_responsive(self, future: "asyncio.Future[Any]") -> None:
        silent_seconds = 0.0
        while not future.done():
            last_response_at = self._pool.last_response_at
            await asyncio.wait({future}, timeout=SILENCE_CHECK_SECONDS)
            has_responded = self._pool.last_response_at != last_response_at
            silent_seconds = 0.0 if has_responded else silent_seconds + SILENCE_CHECK_SECONDS
            if not future.done() and silent_seconds >= MAX_SILENCE_SECONDS:
                raise UnavailableError(
                    f"The database has not responded for {MAX_SILENCE_SECONDS} seconds."
                )

    async def close(self) -> None:
        """Close the connection pool; running batches get a grace period."""
        await self._pool.close()


async def _wait_for_outcome(future: PendingResult) -> StatementResult | Exception:
    try:
        return await future
    except Exception as error:  # noqa: BLE001 - the caller decides what it affects
        return error


def _raise_error(outcome: StatementResult | Exception) -> StatementResult:
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def _decode_outcome(outcome: StatementResult | Exception) -> Rows | Exception:
    try:
        return _raise_error(outcome).decode_rows()
    except Exception as error:  # noqa: BLE001 - also of a value that can't be decoded
        return error


def _ignore_late_result(future: "asyncio.Future[Any]") -> None:
    """Retrieve the error of a future, so that asyncio logs no warning about it."""
    if not future.cancelled():
        future.exception()
