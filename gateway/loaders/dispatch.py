"""When loaders run: in rounds, so that the document alone decides the number of statements.

aiodataloader runs each loader when its turn of the event loop is over. Then
chance decides which keys of a level come together. Here a round starts when no
resolver has asked for anything for some turns; it runs what all loaders wait
for as one batch, and lets go of the answers together.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Protocol

from aiodataloader import DataLoader

from gateway.db.driver.database import Rows, StatementRequest

QUIET_TURNS = 4
"""After so many turns of the loop without a new key, all that a level asks for has been asked."""


class KeyBatch(Protocol):
    """How keys become a statement, and rows the keys' answers."""

    def build_request(self, keys: Sequence[Any]) -> StatementRequest | None:
        """Give the statement; None if there is nothing to find."""

    def group_rows(self, keys: Sequence[Any], rows: Rows) -> list[Rows]:
        """Give the rows of each key."""


class StatementRunner(Protocol):
    """What runs statements: the database or, where something changes, a transaction."""

    async def fetch_rows(self, requests: Sequence[StatementRequest]) -> list[Rows]:
        """Run `asks` and give the rows of each."""


class KeyLoader(DataLoader[Any, Rows]):
    """A loader whose keys wait for the next round; it remembers what it loaded."""

    def __init__(self, dispatcher: "BatchDispatcher", batch: KeyBatch) -> None:
        """Load by `batch`, whenever `rounds` says."""
        super().__init__(_refuse_own_dispatch)
        self._dispatcher, self._batch = dispatcher, batch
        self._keys: list[Any] = []
        self._futures: list[asyncio.Future[Rows]] = []

    def do_resolve_reject(self, key: Any, future: "asyncio.Future[Rows]") -> None:
        """Have `key` wait."""
        self._keys.append(key)
        self._futures.append(future)
        self._dispatcher.add_loader(self)

    def take_pending(self) -> "_PendingKeys":
        """Give what waits; what is asked for from now on waits for another round."""
        pending = _PendingKeys(self._batch, self._keys, self._futures)
        self._keys, self._futures = [], []
        return pending


class _PendingKeys:
    """The keys of one loader in one round."""

    def __init__(
        self, batch: KeyBatch, keys: list[Any], futures: "list[asyncio.Future[Rows]]"
    ) -> None:
        self._batch, self._keys, self._futures = batch, keys, futures

    def build_request(self) -> StatementRequest | None:
        return self._batch.build_request(self._keys)

    def set_rows(self, rows: Rows) -> None:
        for future, key_rows in zip(
            self._futures, self._batch.group_rows(self._keys, rows), strict=True
        ):
            if not future.done():
                future.set_result(key_rows)

    def set_error(self, error: Exception) -> None:
        for future in self._futures:
            if not future.done():
                future.set_exception(error)


class BatchDispatcher:
    """The rounds of one request."""

    def __init__(self, database: StatementRunner) -> None:
        """Run what is asked for on `database`."""
        self._database = database
        self._pending_loaders: dict[KeyLoader, None] = {}
        self._has_new_keys = False
        self._task: asyncio.Task[None] | None = None

    def add_loader(self, loader: KeyLoader) -> None:
        """Take `loader` into the next round."""
        self._pending_loaders[loader] = None
        self._has_new_keys = True
        if self._task is None:
            self._task = asyncio.ensure_future(self._run_rounds())

    def stop(self) -> None:
        """Load nothing any more: nobody waits for it."""
        if self._task is not None:
            self._task.cancel()

    async def _run_rounds(self) -> None:
        while self._pending_loaders:
            await self._wait_until_quiet()
            loaders, self._pending_loaders = self._pending_loaders, {}
            await self._run_round([each.take_pending() for each in loaders])
        self._task = None

    async def _wait_until_quiet(self) -> None:
        turns = 0
        while turns < QUIET_TURNS:
            self._has_new_keys = False
            await asyncio.sleep(0)
            turns = 0 if self._has_new_keys else turns + 1

    async def _run_round(self, pending: list[_PendingKeys]) -> None:
        """Run what loaders wait for. Whatever goes wrong reaches all of them: none may hang."""
        try:
            requests = [pending_keys.build_request() for pending_keys in pending]
            database_requests = [request for request in requests if request is not None]
            results = iter(
                await self._database.fetch_rows(database_requests) if database_requests else []
            )
            rows_by_loader = [[] if request is None else next(results) for request in requests]
            for pending_keys, rows in zip(pending, rows_by_loader, strict=True):
                pending_keys.set_rows(rows)
        except Exception as error:  # noqa: BLE001
            for pending_keys in pending:
                pending_keys.set_error(error)


async def _refuse_own_dispatch(_keys: list[Any]) -> list[Rows]:
    raise AssertionError("Rounds run loaders, not their own dispatch.")
