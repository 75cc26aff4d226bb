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

from gateway.db.driver.database import Ask, Rows

CALM = 4
"""After so many turns of the loop without a new key, all that a level asks for has been asked."""


class Batch(Protocol):
    """How keys become a statement, and rows the keys' answers."""

    def ask(self, keys: Sequence[Any]) -> Ask | None:
        """Give the statement; None if there is nothing to find."""

    def sort(self, keys: Sequence[Any], rows: Rows) -> list[Rows]:
        """Give the rows of each key."""


class Runs(Protocol):
    """What runs statements: the database or, where something changes, a transaction."""

    async def run(self, asks: Sequence[Ask]) -> list[Rows]:
        """Run `asks` and give the rows of each."""


class Loader(DataLoader[Any, Rows]):
    """A loader whose keys wait for the next round; it remembers what it loaded."""

    def __init__(self, rounds: "Rounds", batch: Batch) -> None:
        """Load by `batch`, whenever `rounds` says."""
        super().__init__(_never)
        self._rounds, self._batch = rounds, batch
        self._keys: list[Any] = []
        self._futures: list[asyncio.Future[Rows]] = []

    def do_resolve_reject(self, key: Any, future: "asyncio.Future[Rows]") -> None:
        """Have `key` wait."""
        self._keys.append(key)
        self._futures.append(future)
        self._rounds.wake(self)

    def start(self) -> "_Waiting":
        """Give what waits; what is asked for from now on waits for another round."""
        waiting = _Waiting(self._batch, self._keys, self._futures)
        self._keys, self._futures = [], []
        return waiting


class _Waiting:
    """The keys of one loader in one round."""

    def __init__(
        self, batch: Batch, keys: list[Any], futures: "list[asyncio.Future[Rows]]"
    ) -> None:
        self._batch, self._keys, self._futures = batch, keys, futures

    def ask(self) -> Ask | None:
        return self._batch.ask(self._keys)

    def settle(self, rows: Rows) -> None:
        for future, each in zip(self._futures, self._batch.sort(self._keys, rows), strict=True):
            if not future.done():
                future.set_result(each)

    def fail(self, error: Exception) -> None:
        for future in self._futures:
            if not future.done():
                future.set_exception(error)


class Rounds:
    """The rounds of one request."""

    def __init__(self, database: Runs) -> None:
        """Run what is asked for on `database`."""
        self._database = database
        self._waiting: dict[Loader, None] = {}
        self._news = False
        self._running: asyncio.Task[None] | None = None

    def wake(self, loader: Loader) -> None:
        """Take `loader` into the next round."""
        self._waiting[loader] = None
        self._news = True
        if self._running is None:
            self._running = asyncio.ensure_future(self._run())

    def stop(self) -> None:
        """Load nothing any more: nobody waits for it."""
        if self._running is not None:
            self._running.cancel()

    async def _run(self) -> None:
        while self._waiting:
            await self._calm()
            loaders, self._waiting = self._waiting, {}
            await self._round([each.start() for each in loaders])
        self._running = None

    async def _calm(self) -> None:
        turns = 0
        while turns < CALM:
            self._news = False
            await asyncio.sleep(0)
            turns = 0 if self._news else turns + 1

    async def _round(self, waiting: list[_Waiting]) -> None:
        """Run what loaders wait for. Whatever goes wrong reaches all of them: none may hang."""
        try:
            asks = [each.ask() for each in waiting]
            real = [ask for ask in asks if ask is not None]
            found = iter(await self._database.run(real) if real else [])
            answers = [[] if ask is None else next(found) for ask in asks]
            for each, rows in zip(waiting, answers, strict=True):
                each.settle(rows)
        except Exception as error:  # noqa: BLE001
            for each in waiting:
                each.fail(error)


async def _never(_keys: list[Any]) -> list[Rows]:
    raise AssertionError("Rounds run loaders, not their own dispatch.")
