"""The loader of a plan run: the statements of a level in one batch, equal ones once."""

from gateway.db.driver.database import Database, PendingResult, StatementRequest, StatementResult
from gateway.loaders.aiodataloader_internals import QueueingLoader


class LevelLoader(QueueingLoader[StatementRequest, StatementResult]):
    """Loader of statement results; a statement with the same parameters runs once.

    Unlike DataLoader, it does not wait for the end of a turn of the event loop to
    dispatch a batch: the caller knows when a level is complete, and calls `send`.
    The database settles the futures of `load` itself.
    """

    def __init__(self, database: Database) -> None:
        super().__init__(database.loop)
        self._database = database
        self._pending_requests: list[tuple[StatementRequest, PendingResult]] = []

    def queue_key(self, key: StatementRequest, future: PendingResult) -> None:
        """Queue a statement for the next batch; it is called once for equal statements."""
        self._pending_requests.append((key, future))

    def send(self) -> None:
        """Send all queued statements as one batch."""
        pending_requests, self._pending_requests = self._pending_requests, []
        if pending_requests:
            self._database.send(pending_requests)
