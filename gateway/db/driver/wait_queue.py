"""The batches that wait for a connection: first come, first served, and not for ever."""

from collections import deque

from gateway.db.driver.batch import Batch
from gateway.db.driver.errors import UnavailableError

MAX_WAITING_BATCHES = 1000
"""How many batches may wait."""


class WaitQueue:
    """A queue of batches; those that nobody waits for any more leave it."""

    def __init__(self) -> None:
        self._queue: deque[Batch] = deque()

    def __len__(self) -> int:
        return len(self._queue)

    def add(self, batch: Batch, now: float) -> None:
        """Have a batch wait from `now` on; tell it if there is no place."""
        if len(self._queue) < MAX_WAITING_BATCHES:
            batch.enqueued_at = now
            self._queue.append(batch)
        else:
            batch.fail(UnavailableError("Too many wait for a connection."))

    def put_first(self, batch: Batch, now: float) -> None:
        """Have a batch wait that had its turn already."""
        batch.enqueued_at = now
        self._queue.appendleft(batch)

    def pop_next(self) -> Batch | None:
        """Give the batch whose turn it is."""
        while self._queue:
            batch = self._queue.popleft()
            if not batch.abandoned():
                return batch
        return None

    def fail_enqueued_before(self, cutoff: float) -> None:
        """Tell those who have waited since `before` that it is in vain."""
        batches, self._queue = self._queue, deque()
        for batch in batches:
            if batch.abandoned():
                continue
            if batch.enqueued_at < cutoff:
                batch.fail(UnavailableError("The database can't be reached."))
            else:
                self._queue.append(batch)
