"""Bounded queue of batches that wait for a connection."""

from collections import deque

from gateway.db.driver.batch import Batch
from gateway.db.driver.errors import UnavailableError

MAX_WAITING_BATCHES = 1000
"""Maximum length of the queue; further batches are rejected at once."""


class WaitQueue:
    """First-in, first-out queue of batches; abandoned batches are dropped from it."""

    def __init__(self) -> None:
        self._queue: deque[Batch] = deque()

    def __len__(self) -> int:
        return len(self._queue)

    def add(self, batch: Batch, now: float) -> None:
        """Append a batch; it fails with UnavailableError if the queue is full."""
        if len(self._queue) < MAX_WAITING_BATCHES:
            batch.enqueued_at = now
            self._queue.append(batch)
        else:
            batch.fail(
                UnavailableError(
                    f"At most {MAX_WAITING_BATCHES} batches may wait for a database connection."
                )
            )

    def put_first(self, batch: Batch, now: float) -> None:
        """Put a batch that is retried at the head of the queue."""
        batch.enqueued_at = now
        self._queue.appendleft(batch)

    def pop_next(self) -> Batch | None:
        """Remove and return the first batch that is not abandoned; None if there is none."""
        while self._queue:
            batch = self._queue.popleft()
            if not batch.is_abandoned():
                return batch
        return None

    def fail_all(self, error: Exception) -> None:
        """Fail all batches with `error`."""
        while self._queue:
            self._queue.popleft().fail(error)

    def fail_enqueued_before(self, cutoff: float) -> None:
        """Fail the batches that were enqueued before `cutoff` with UnavailableError."""
        batches, self._queue = self._queue, deque()
        for batch in batches:
            if batch.is_abandoned():
                continue
            if batch.enqueued_at < cutoff:
                batch.fail(UnavailableError("The database can't be reached."))
            else:
                self._queue.append(batch)
