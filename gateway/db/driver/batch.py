"""Batches of statements that are sent to the database together, and their results."""

import asyncio
from collections.abc import Sequence
from typing import Any

from gateway.db.driver.errors import TimedOutError
from gateway.db.driver.psycopg_internals import (
    AbstractTransformer,
    PGresult,
    Transformer,
    decode_rows,
)
from gateway.db.driver.statement import Statement
from gateway.fairness.current_client import get_current_client

QUICK_BATCH_SECONDS = 0.02
"""Longest duration of a batch of quick statements in a busy process, in seconds."""
Rows = list[tuple[Any, ...]]
StatementRequest = tuple[Statement, tuple[str | None, ...]]
"""A statement and its parameters, in PostgreSQL's text format."""


class StatementResult:
    """Result of a statement whose rows are decoded on demand.

    The rows are decoded again by each call of `decode_rows`. A caller that decodes
    them just before using them finds them in the processor's cache, and no memory
    is held before.
    """

    __slots__ = ("_result", "_transformer")

    def __init__(self, transformer: AbstractTransformer, result: PGresult) -> None:
        """Wrap a libpq `result`; `transformer` decodes its values."""
        self._transformer, self._result = transformer, result

    def __len__(self) -> int:
        return self._result.ntuples

    def decode_rows(self) -> Rows:
        """Return the rows; any error raised means that a value can't be decoded.

        The results of a connection share their decoder, so all of them are decoded in the thread of
        the connection's event loop: see `copy_for_thread`.
        """
        return decode_rows(self._transformer, self._result)

    def copy_for_thread(self) -> "StatementResult":
        """Return the same result with a decoder of its own, for another thread."""
        return StatementResult(Transformer(self._transformer), self._result)


PendingResult = asyncio.Future[StatementResult]
PendingRequest = tuple[StatementRequest, PendingResult]


class Batch:
    """Statements that are sent in one flush, each with the future of its result."""

    __slots__ = (
        "client",
        "enqueued_at",
        "has_timed_out",
        "hedged",
        "is_slow",
        "requests",
        "retried",
    )

    def __init__(self, pending_requests: Sequence[PendingRequest]) -> None:
        """Encode the parameters; a statement with an invalid one fails, and is not in the batch."""
        self.requests = [
            (statement, encoded_parameters, future)
            for (statement, parameters), future in pending_requests
            if (encoded_parameters := _encode_parameters(parameters, future)) is not None
        ]
        self.is_slow = any([statement.is_slow for statement, _, _ in self.requests])  # noqa: C419 - a list is faster
        """Whether one of its statements was slow when it was last run."""
        self.client = get_current_client()
        """The client that sends it; None for the gateway itself."""
        self.enqueued_at = 0.0
        """Time on the pool's clock at which it was put into the wait queue."""
        self.retried = False
        """Whether this is its second attempt."""
        self.has_timed_out = False
        """Whether one of its statements took longer than its time-out."""
        self.hedged = False
        """Whether a copy was sent on another connection because the first one is blocked."""

    def record_duration(self, seconds: float) -> None:
        """Classify its statements as slow or quick by the duration of the batch."""
        is_slow = seconds > QUICK_BATCH_SECONDS
        for statement, _, _ in self.requests:
            statement.is_slow = is_slow

    def is_abandoned(self) -> bool:
        """Return whether all its futures are settled or cancelled."""
        return all([future.done() for _, _, future in self.requests])  # noqa: C419 - a list is faster

    def fail_statement(self, failed: PendingResult, error: Exception) -> None:
        """Set `error` on the future of one statement."""
        if isinstance(error, TimedOutError):
            error.sources = frozenset(
                statement.source for statement, _, future in self.requests if future is failed
            )
        fail_futures([failed], error)

    def fail(self, error: Exception) -> None:
        """Set `error` on all futures that are still pending."""
        if isinstance(error, TimedOutError):
            error.sources = frozenset(
                statement.source for statement, _, future in self.requests if not future.done()
            )
        fail_futures([future for _, _, future in self.requests], error)


def fail_futures(futures: Sequence[PendingResult], error: Exception) -> None:
    """Set `error` on the pending futures, without a warning if it is never retrieved."""
    for future in futures:
        if not future.done():
            future.set_exception(error)
            future.exception()


def _encode_parameters(
    parameters: Sequence[str | None], future: PendingResult
) -> list[bytes | None] | None:
    """Return the encoded parameters of a statement; None after its future got a ValueError.

    A zero byte and a lone surrogate can't be encoded.
    """
    try:
        return [None if each is None else _encode_parameter(each) for each in parameters]
    except ValueError as error:
        fail_futures([future], error)
        return None


def _encode_parameter(parameter: str) -> bytes:
    encoded = parameter.encode()
    if b"\0" in encoded:
        raise ValueError("A parameter must not hold a zero byte: PostgreSQL's text can't.")
    return encoded
