"""Batches of changes: many changes on one viewer's behalf, in few transactions.

Each change is an operation on a unit of work, as if it were the only one; it is made completely or
not at all, and ends as if the changes were made one after the other:

    changes ──> chunks of CHUNK_SIZE, one after the other
                  │
                  ├─ before a chunk: is there time for it? ── no ──> Unavailable: not begun
                  │
                  ├─ together: one transaction. The changes run concurrently, and their statements
                  │    as those of a `StatementBatch`. A change that is refused is left out: it has
                  │    written nothing, because operations check before they write. One that needs
                  │    a row which another one has locked runs after it, in the next wave.
                  │    `SharedWork` is done at the end.
                  │
                  └─ alone: if one that has written is refused, or a statement fails, the
                       transaction is rolled back, and each change runs in its own.

So the number of statements depends on the operation and on the number of chunks; it is that of
single changes only for chunks that had to be rolled back.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeAlias, TypeVar

from gateway.db.access.viewer import Viewer
from gateway.db.driver.errors import UnavailableError
from gateway.db.driver.transactions import Transaction
from gateway.db.sql.compiler import StatementCompiler
from gateway.loaders.read_loader import ReadLoader
from gateway.loaders.statement_batch import BatchedTransaction, RowLockedError, StatementBatch
from gateway.marketplace.problems import ChangeRefusedError, Problem, Unavailable
from gateway.marketplace.shared_work import SharedWork
from gateway.marketplace.unit_of_work import ChangeResult, TransactionRunner, UnitOfWork

log = logging.getLogger(__name__)
T = TypeVar("T")
Change: TypeAlias = Callable[[UnitOfWork], Awaitable[ChangeResult]]
ChangeOutcome: TypeAlias = ChangeResult | Problem | Exception
"""What one change of a batch ended with; an exception is a failure, as of a single change."""
CHUNK_SIZE = 25
"""Number of changes in one transaction: it bounds how long it holds its locks."""
NOT_BEGUN = Unavailable(
    message="The time of the request was over before this change was begun: send it again.",
    retryable=True,
)
INTERRUPTED = Unavailable(
    message="The time of the request was over before this change was made: send it again.",
    retryable=True,
)
OUTAGE = Unavailable(
    message="The database became unavailable before this change was begun: send it again.",
    retryable=True,
)


class _DeadlineReachedError(Exception):
    """The time of the batch is over; the transaction is rolled back."""


class _NotSeparableError(Exception):
    """A change that has written was refused, or changes lock the same rows in different orders."""


@dataclass(kw_only=True)
class _BatchedUnitOfWork(UnitOfWork):
    """Unit of work of one change of a batch."""

    batch: StatementBatch

    @property
    def loader(self) -> ReadLoader:
        return self.batch.create_loader(self.statement_compiler, self.viewer)

    @property
    def unrestricted_loader(self) -> ReadLoader:
        return self.batch.create_loader(self.statement_compiler, Viewer(is_staff=True))


async def run_changes(
    transaction_runner: TransactionRunner,
    viewer: Viewer,
    changes: Sequence[Change],
    give_up_at: float | None = None,
) -> list[ChangeOutcome]:
    """Run changes and return what each ended with, in order.

    `give_up_at` is a time of `time.monotonic`: no change is begun after it, and what is not
    complete then is rolled back.
    """
    runner, outcomes = _BatchRunner(transaction_runner, viewer, give_up_at), list[ChangeOutcome]()
    for start in range(0, len(changes), CHUNK_SIZE):
        outcomes += await runner.run_chunk(changes[start : start + CHUNK_SIZE])
    return outcomes


class _BatchRunner:
    """Runs the chunks of one batch."""

    def __init__(
        self, transaction_runner: TransactionRunner, viewer: Viewer, give_up_at: float | None
    ) -> None:
        self._transaction_runner, self._viewer = transaction_runner, viewer
        self._give_up_at, self._longest_seconds = give_up_at, 0.0
        self._is_database_lost = False

    async def run_chunk(self, changes: Sequence[Change]) -> Sequence[ChangeOutcome]:
        """Run changes in one transaction or, if that is impossible, in one for each."""
        obstacle = self._find_obstacle(self._longest_seconds)
        if obstacle is not None:
            return [obstacle] * len(changes)
        started_at = time.monotonic()
        try:
            outcomes = await self._transaction_runner.run_transaction(
                self._viewer, partial(self._run_together, changes)
            )
        except (UnavailableError, _DeadlineReachedError) as error:
            return [self._explain_failure(error)] * len(changes)
        except Exception:
            log.info("A batch of %s changes is run one by one.", len(changes), exc_info=True)
            return [await self._run_alone(each) for each in changes]
        self._longest_seconds = max(self._longest_seconds, time.monotonic() - started_at)
        return [outcomes] * len(changes) if isinstance(outcomes, Problem) else outcomes

    async def _run_alone(self, change: Change) -> ChangeOutcome:
        obstacle = self._find_obstacle()
        if obstacle is not None:
            return obstacle
        try:
            return await self._transaction_runner.run_change(
                self._viewer, lambda unit_of_work: self._limit_time(change(unit_of_work))
            )
        except Exception as error:  # noqa: BLE001 - it is the outcome of this change only
            return self._explain_failure(error)

    def _find_obstacle(self, needed_seconds: float = 0) -> Problem | None:
        """Return why no further change can be begun; None if one can."""
        if self._is_database_lost:
            return OUTAGE
        end = time.monotonic() + needed_seconds
        return None if self._give_up_at is None or end < self._give_up_at else NOT_BEGUN

    def _explain_failure(self, error: Exception) -> ChangeOutcome:
        self._is_database_lost = isinstance(error, UnavailableError)
        return INTERRUPTED if isinstance(error, _DeadlineReachedError) else error

    async def _limit_time(self, work: Awaitable[T]) -> T:
        """Return the result of work inside a transaction. Raises _DeadlineReachedError."""
        remaining = None if self._give_up_at is None else self._give_up_at - time.monotonic()
        try:
            async with asyncio.timeout(remaining):
                return await work
        except TimeoutError as error:
            raise _DeadlineReachedError from error

    async def _run_together(
        self, changes: Sequence[Change], transaction: Transaction, compiler: StatementCompiler
    ) -> list[ChangeOutcome]:
        concurrent_changes = _ConcurrentChanges(self._viewer, transaction, compiler)
        try:
            return await self._limit_time(concurrent_changes.run_waves(changes))
        finally:
            await concurrent_changes.batch.close()


@dataclass
class _ConcurrentChanges:
    """Changes that run concurrently in one transaction."""

    viewer: Viewer
    transaction: Transaction
    compiler: StatementCompiler
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    shared_work: SharedWork = field(default_factory=SharedWork)

    def __post_init__(self) -> None:
        self.batch = StatementBatch(self.transaction)

    async def run_waves(self, changes: Sequence[Change]) -> list[ChangeOutcome]:
        """Run changes, each as soon as no other one has locked its rows."""
        outcomes: dict[int, ChangeOutcome] = {}
        while waiting := [index for index in range(len(changes)) if index not in outcomes]:
            wave = await _run_concurrently([self._run_change(changes[each]) for each in waiting])
            new_outcomes = {
                index: each for index, each in zip(waiting, wave, strict=True) if each is not None
            }
            if not new_outcomes:
                raise _NotSeparableError
            outcomes |= new_outcomes
            self.batch.release_rows()
        await _run_concurrently([_await_work(each) for each in self.shared_work.take_final_works()])
        return [outcomes[index] for index in range(len(changes))]

    async def _run_change(self, change: Change) -> ChangeOutcome | None:
        """Run a change and return its outcome; None if another one has locked its rows.

        Raises an exception if the transaction can't be committed.
        """
        writer = BatchedTransaction(self.batch)
        unit_of_work = _BatchedUnitOfWork(
            self.viewer, writer, self.compiler, self.now, self.shared_work, batch=self.batch
        )
        try:
            return await self.batch.run_change(change(unit_of_work))
        except Exception as error:
            if isinstance(error, ChangeRefusedError | RowLockedError) and writer.has_written:
                raise _NotSeparableError from error
            if writer.has_written or self.transaction.failure is not None:
                raise
            if isinstance(error, RowLockedError):
                return None
            return error.problem if isinstance(error, ChangeRefusedError) else error


async def _run_concurrently(works: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
    """Return the results of all; if one raises an exception, cancel the others and raise it.

    A task group would do this, but in Python 3.11 it leaves the caller's count of cancellations
    increased, by which a transaction recognises its own.
    """
    tasks = [asyncio.ensure_future(each) for each in works]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _await_work(work: Callable[[], Awaitable[None]]) -> None:
    await work()
