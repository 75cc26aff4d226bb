"""The loader of a plan's run: statements, as many as a level has, in one batch."""

import asyncio

from aiodataloader import DataLoader

from gateway.db.database import Ask, Database, Rows


class Asks(DataLoader[Ask, Rows]):
    """Loads the rows of statements; the same with the same parameters is run once.

    Whoever asks says when all of a level is asked for: nobody waits for a turn
    of the event loop to be over.
    """

    def __init__(self, database: Database) -> None:
        """Load from `database`."""
        super().__init__(database.run)
        self._database = database
        self._waiting: list[tuple[Ask, asyncio.Future[Rows]]] = []

    def do_resolve_reject(self, key: Ask, future: "asyncio.Future[Rows]") -> None:
        """Have `key` wait."""
        self._waiting.append((key, future))

    def send(self) -> None:
        """Send what waits as one batch."""
        waiting, self._waiting = self._waiting, []
        if waiting:
            self._database.send(waiting)
