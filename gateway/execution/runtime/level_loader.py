"""The loader of a plan's run: results of statements, as many as a level has, in one batch."""

from aiodataloader import DataLoader

from gateway.db.driver.database import Ask, Coming, Database, Result


class Asks(DataLoader[Ask, Result]):
    """Loads the results of statements; the same with the same parameters is run once.

    Whoever asks says when all of a level is asked for: nobody waits for a turn
    of the event loop to be over.
    """

    def __init__(self, database: Database) -> None:
        """Load from `database`."""
        super().__init__(database.results, loop=database.loop)
        self._database = database
        self._waiting: list[tuple[Ask, Coming]] = []

    def do_resolve_reject(self, key: Ask, future: Coming) -> None:
        """Have `key` wait."""
        self._waiting.append((key, future))

    def send(self) -> None:
        """Send what waits as one batch."""
        waiting, self._waiting = self._waiting, []
        if waiting:
            self._database.send(waiting)
