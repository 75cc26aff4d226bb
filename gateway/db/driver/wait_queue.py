"""Bounded queue of batches that wait for a connection; the clients take turns."""

from collections import OrderedDict, deque
from collections.abc import Callable

from gateway.db.driver.batch import Batch
from gateway.db.driver.errors import UnavailableError
from gateway.fairness.current_client import ClientKey

MAX_WAITING_BATCHES = 1000
"""Maximum length of the queue; further batches are rejected at once."""
MAX_CLIENT_BATCHES = 500
"""Maximum number of batches in the queue that belong to one client."""


class WaitQueue:
    """The waiting batches of each client, first in, first out; abandoned ones are dropped."""

    def __init__(self) -> None:
        self._queues: OrderedDict[ClientKey | None, deque[Batch]] = OrderedDict()
        self._batch_count = 0

    def __len__(self) -> int:
        return self._batch_count

    def has_batches(self, client: ClientKey | None) -> bool:
        """Return whether batches of a client are waiting."""
        return client in self._queues

    def add(self, batch: Batch, now: float) -> None:
        """Append a batch; it fails with UnavailableError if there are too many."""
        client_queue = self._queues.get(batch.client, ())
        if self._batch_count < MAX_WAITING_BATCHES and len(client_queue) < MAX_CLIENT_BATCHES:
            batch.enqueued_at = now
            self._queues.setdefault(batch.client, deque()).append(batch)
            self._batch_count += 1
        else:
            batch.fail(
                UnavailableError(
                    f"At most {MAX_WAITING_BATCHES} batches, {MAX_CLIENT_BATCHES} of one client,"
                    " may wait for a database connection."
                )
            )

    def put_first(self, batch: Batch, now: float) -> None:
        """Put a batch that is retried at the head of the queue."""
        batch.enqueued_at = now
        self._queues.setdefault(batch.client, deque()).appendleft(batch)
        self._queues.move_to_end(batch.client, last=False)
        self._batch_count += 1

    def pop_next(self, may_run: Callable[[Batch], bool]) -> Batch | None:
        """Remove and return the next batch that may run and is not abandoned; None without one.

        It is the first one of the client whose turn it is.
        """
        for client, queue in [*self._queues.items()]:
            while queue and queue[0].is_abandoned():
                queue.popleft()
                self._batch_count -= 1
            if not queue:
                del self._queues[client]
            elif may_run(queue[0]):
                return self._take_first(client)
        return None

    def _take_first(self, client: ClientKey | None) -> Batch:
        """Remove and return the first batch of a client, whose next turn comes last."""
        queue = self._queues.pop(client)
        batch = queue.popleft()
        self._batch_count -= 1
        if queue:
            self._queues[client] = queue
        return batch

    def fail_all(self, error: Exception) -> None:
        """Fail all batches with `error`."""
        for batch in self._remove_all():
            batch.fail(error)

    def fail_enqueued_before(self, cutoff: float) -> None:
        """Fail the batches that were enqueued before `cutoff` with UnavailableError."""
        for batch in self._remove_all():
            if batch.is_abandoned():
                continue
            if batch.enqueued_at < cutoff:
                batch.fail(UnavailableError("The database can't be reached."))
            else:
                self._queues.setdefault(batch.client, deque()).append(batch)
                self._batch_count += 1

    def _remove_all(self) -> list[Batch]:
        batches = [batch for queue in self._queues.values() for batch in queue]
        self._queues.clear()
        self._batch_count = 0
        return batches
