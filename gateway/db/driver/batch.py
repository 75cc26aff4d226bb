"""What is asked of the database in one go, and who waits for the rows."""

import asyncio
from collections.abc import Sequence
from typing import Any

from psycopg.abc import Transformer
from psycopg.pq.abc import PGresult

from gateway.db.driver.statement import Statement

QUICK_BATCH_SECONDS = 0.02
"""Seconds that quick statements take at most, together, in a busy process."""
Rows = list[tuple[Any, ...]]
StatementRequest = tuple[Statement, tuple[str | None, ...]]
"""A statement and its parameters."""


class StatementResult:
    """What a statement gave.

    Its rows are made each time that they are asked for: who does so where they
    are used finds them in the processor's cache, and they need no place before.
    """

    __slots__ = ("_result", "_transformer")

    def __init__(self, transformer: Transformer, result: PGresult) -> None:
        """Have `transformer` make the rows of `result`."""
        self._transformer, self._result = transformer, result

    def __len__(self) -> int:
        return self._result.ntuples

    def decode_rows(self) -> Rows:
        """Make the rows; whatever is raised, a value can't be read."""
        self._transformer.set_pgresult(self._result)
        try:
            return self._transformer.load_rows(0, self._result.ntuples, tuple)
        finally:
            self._transformer.set_pgresult(None)


PendingResult = asyncio.Future[StatementResult]
PendingRequest = tuple[StatementRequest, PendingResult]


class Batch:
    """Statements that are sent together; each has a future for its result."""

    __slots__ = ("enqueued_at", "hedged", "is_slow", "requests", "retried")

    def __init__(self, pending_requests: Sequence[PendingRequest]) -> None:
        """Take what is asked for; ValueError if a parameter can't be told to PostgreSQL."""
        self.requests = [
            (
                statement,
                [
                    None if parameter is None else _encode_parameter(parameter)
                    for parameter in parameters
                ],
                future,
            )
            for (statement, parameters), future in pending_requests
        ]
        self.is_slow = any([statement.is_slow for statement, _, _ in self.requests])  # noqa: C419 - a list is faster
        """Whether it is likely to take long."""
        self.enqueued_at = 0.0
        """When it began to wait for a connection."""
        self.retried = False
        """Whether it is run for the second time."""
        self.hedged = False
        """Whether it was sent on another connection too, as the first is held up."""

    def record_duration(self, seconds: float) -> None:
        """Remember whether its statements are slow."""
        is_slow = seconds > QUICK_BATCH_SECONDS
        for statement, _, _ in self.requests:
            statement.is_slow = is_slow

    def abandoned(self) -> bool:
        """Tell whether nobody waits for anything any more."""
        return all([future.done() for _, _, future in self.requests])  # noqa: C419 - a list is faster

    def fail(self, error: Exception) -> None:
        """Tell those who wait that there will be no rows."""
        fail_futures([future for _, _, future in self.requests], error)


def fail_futures(futures: Sequence[PendingResult], error: Exception) -> None:
    """Give `error` to the futures that wait; that nobody may listen is not worth a warning."""
    for future in futures:
        if not future.done():
            future.set_exception(error)
            future.exception()


def _encode_parameter(parameter: str) -> bytes:
    encoded = parameter.encode()
    if b"\0" in encoded:
        raise ValueError("PostgreSQL has no text with a zero byte in it.")
    return encoded
