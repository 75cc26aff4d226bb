"""The loader of a plan's run: results of statements, as many as a level has, in one batch."""

from aiodataloader import DataLoader

from gateway.db.driver.database import Database, PendingResult, StatementRequest, StatementResult


class LevelLoader(DataLoader[StatementRequest, StatementResult]):
    """Loads the results of statements; the same with the same parameters is run once.

    Whoever asks says when all of a level is asked for: nobody waits for a turn
    of the event loop to be over.
    """

    def __init__(self, database: Database) -> None:
        """Load from `database`."""
        super().__init__(database.fetch_results, loop=database.loop)
        self._database = database
        self._pending_requests: list[tuple[StatementRequest, PendingResult]] = []

    def do_resolve_reject(self, key: StatementRequest, future: PendingResult) -> None:
        """Have `key` wait."""
        self._pending_requests.append((key, future))

    def send(self) -> None:
        """Send what waits as one batch."""
        pending_requests, self._pending_requests = self._pending_requests, []
        if pending_requests:
            self._database.send(pending_requests)
