"""Batch dispatcher: it decides when dataloaders run, so that the number of statements is stable.

aiodataloader dispatches each loader at the end of its own turn of the event
loop, so chance decides which keys of an execution level are batched together.
Here one dispatcher serves all loaders of a request. Its cycle:

    a resolver calls load(key) -> the loader queues the key and registers itself
    dispatcher: wait until no key was added for QUIET_TURNS turns of the event loop
                -> take the queued keys of all registered loaders
                -> send their statements as one batch
                -> resolve all futures, and start over if there are new keys

As the results of a level are all released before the next batch, the resolvers of the next
level are batched together too, and the number of statements depends on the document alone.
"""

import asyncio
from collections.abc import Collection, Sequence
from typing import Any, Protocol

from gateway.db.driver.database import Rows, StatementRequest
from gateway.loaders.aiodataloader_internals import QueueingLoader

ROWS_PER_TURN = 20
"""Rows that are released until other requests get a turn: resolvers take 1 ms for a row."""
QUIET_TURNS = 4
"""Turns of the event loop without a new key after which a level is considered complete."""


class KeyBatch(Protocol):
    """The statement for a batch of keys, and the grouping of its rows by key."""

    async def build_request(self, keys: Sequence[Any]) -> StatementRequest | None:
        """Return the statement with its parameters; None if it would have no rows."""

    def group_rows(self, keys: Sequence[Any], rows: Rows) -> list[Rows]:
        """Return the rows of each key, in the order of the keys."""


class StatementRunner(Protocol):
    """An executor of statements: the database, or a transaction of a mutation."""

    async def fetch_outcomes(
        self, requests: Sequence[StatementRequest]
    ) -> Sequence[Rows | Exception]:
        """Run the statements and return the rows of each, or the error that it failed by."""


class KeyLoader(QueueingLoader[Any, Rows]):
    """A dataloader whose keys wait for the dispatcher; it caches the rows that it loaded.

    Without the cache it is for statements that write, and for rows that are written meanwhile.
    """

    def __init__(
        self, dispatcher: "BatchDispatcher", batch: KeyBatch, *, has_cache: bool = True
    ) -> None:
        super().__init__()
        self.cache = has_cache
        self._dispatcher, self._batch = dispatcher, batch
        self._keys: list[Any] = []
        self._futures: list[asyncio.Future[Rows]] = []

    def queue_key(self, key: Any, future: "asyncio.Future[Rows]") -> None:
        """Queue a key with the future of its rows."""
        self._keys.append(key)
        self._futures.append(future)
        self._dispatcher.add_loader(self)

    def take_pending(self) -> "_PendingKeys":
        """Return the queued keys and clear the queue."""
        pending = _PendingKeys(self._batch, self._keys, self._futures)
        self._keys, self._futures = [], []
        return pending


class _PendingKeys:
    """The keys of one loader in one batch, with their futures."""

    def __init__(
        self, batch: KeyBatch, keys: list[Any], futures: "list[asyncio.Future[Rows]]"
    ) -> None:
        self._batch, self._keys, self._futures = batch, keys, futures

    async def build_request(self) -> StatementRequest | None:
        """Return the statement; None if it would have no rows, or can't be built.

        In that case the resolvers get the error.
        """
        try:
            return await self._batch.build_request(self._keys)
        except Exception as error:  # noqa: BLE001 - any error must reach the waiting resolvers
            self.set_error(error)
            return None

    async def release_outcome(self, outcome: Rows | Exception) -> None:
        """Pass the rows, or the error of the statement, to the waiting resolvers."""
        if isinstance(outcome, Exception):
            self.set_error(outcome)
        else:
            await self.release_rows(outcome)

    async def release_rows(self, rows: Rows) -> None:
        """Pass the rows to the waiting resolvers, in several turns of the event loop if many."""
        rows_by_key, row_count = self._batch.group_rows(self._keys, rows), 0
        for future, key_rows in zip(self._futures, rows_by_key, strict=True):
            if not future.done():
                future.set_result(key_rows)
            row_count += len(key_rows)
            if row_count >= ROWS_PER_TURN:
                row_count = 0
                await asyncio.sleep(0)

    def set_error(self, error: Exception) -> None:
        for future in self._futures:
            if not future.done():
                future.set_exception(error)


class BatchDispatcher:
    """The dispatcher of all loaders of one request; see the module for its cycle."""

    def __init__(self, database: StatementRunner) -> None:
        self._database = database
        self._pending_loaders: dict[KeyLoader, None] = {}
        self._has_new_keys = False
        self._task: asyncio.Task[None] | None = None

    def add_loader(self, loader: KeyLoader) -> None:
        """Register a loader with queued keys for the next batch."""
        self._pending_loaders[loader] = None
        self._has_new_keys = True
        if self._task is None:
            self._task = asyncio.ensure_future(self._dispatch_batches())

    def take_loaders(self) -> Collection[KeyLoader]:
        """Return the loaders of the next batch: all that are registered."""
        loaders, self._pending_loaders = self._pending_loaders, {}
        return loaders

    def stop(self) -> None:
        """Cancel the current batch and load nothing more, because the request has ended."""
        if self._task is not None:
            self._task.cancel()

    async def close(self) -> None:
        """Load nothing more, and wait until the current batch is cancelled."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _dispatch_batches(self) -> None:
        while self._pending_loaders:
            await self._wait_until_quiet()
            await self._run_batch([each.take_pending() for each in self.take_loaders()])
        self._task = None

    async def _wait_until_quiet(self) -> None:
        turns = 0
        while turns < QUIET_TURNS:
            self._has_new_keys = False
            await asyncio.sleep(0)
            turns = 0 if self._has_new_keys else turns + 1

    async def _run_batch(self, pending: list[_PendingKeys]) -> None:
        """Load the keys of all loaders. The error of a statement is passed to its loader.

        Any other error is passed to all of them, so that none hangs.
        """
        try:
            requests = [await each.build_request() for each in pending]
            database_requests = [each for each in requests if each is not None]
            outcomes = iter(
                await self._database.fetch_outcomes(database_requests) if database_requests else ()
            )
            for pending_keys, request in zip(pending, requests, strict=True):
                await pending_keys.release_outcome([] if request is None else next(outcomes))
        except Exception as error:  # noqa: BLE001 - any error must reach the waiting resolvers
            for pending_keys in pending:
                pending_keys.set_error(error)
