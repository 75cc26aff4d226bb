"""The loader of a plan run: the statements of a level in one batch, equal ones once."""

from aiodataloader import DataLoader

from gateway.db.driver.database import Database, PendingResult, StatementRequest, StatementResult


class LevelLoader(DataLoader[StatementRequest, StatementResult]):
    """Loader of statement results; a statement with the same parameters runs once.

    Unlike DataLoader, it does not wait for the end of a turn of the event loop to
    dispatch a batch: the caller knows when a level is complete, and calls `send`.
    The database settles the futures of `load` itself.
    """

    def __init__(self, database: Database) -> None:
        super().__init__(database.fetch_results, loop=database.loop)
        self._database = database
        self._pending_requests: list[tuple[StatementRequest, PendingResult]] = []

    def do_resolve_reject(self, key: StatementRequest, future: PendingResult) -> None:
        """Queue a statement for the next batch (DataLoader calls this once for equal keys)."""
        self._pending_requests.append((key, future))

    def send(self) -> None:
        """Send all queued statements as one batch."""
        pending_requests, self._pending_requests = self._pending_requests, []
        if pending_requests:
            self._database.send(pending_requests)
