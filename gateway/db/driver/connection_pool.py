"""Connection pool: chooses a connection for each batch; hedges, retries and cancels batches."""

import asyncio
from functools import partial

from gateway.db.driver.batch import Batch
from gateway.db.driver.connection_options import ConnectionOptions
from gateway.db.driver.connector import Connector
from gateway.db.driver.errors import UnavailableError, UnreadableTableError
from gateway.db.driver.pipeline_connection import PipelineConnection
from gateway.db.driver.timer import SLOW_THRESHOLD_SECONDS, PeriodicTimer
from gateway.db.driver.wait_queue import WaitQueue
from gateway.fairness.current_client import ClientKey

PIPELINE_DEPTH = 8
"""Maximum number of batches in the pipeline of one connection; 1 behind a pooler."""
SHARES_OF_CONNECTIONS = 2
"""One client's batches use at most this part of the connections: a half."""
MAX_SHARED_CONNECTIONS = 2
"""Number of connections that quick batches share: a third would only wake one more backend."""
SHUTDOWN_GRACE = 2
"""Seconds that running batches get when the pool closes."""
CLOSED_MESSAGE = "The connection pool is closed."


class ConnectionPool:
    """Pool of up to `size` pipelined connections to one database.

    Each batch goes to one connection, behind the batches in its pipeline, or to the
    wait queue. All batches only read, so running one twice does no harm: hedging and
    retrying rest on that.

    **States of a connection**

        start_connecting        opened          send()
        ----------------> opening ----> idle ------------> busy
                             |           |  ^-------------- |
                             |           |  last batch done |
        another connection   |           |                  |
        was lost:            v           v                  v
                         cancelled    closed <--------- draining
                                          last batch done

        idle, busy or draining ----> lost: socket error, fatal error, silent server

    **Choosing a connection.** Every connection in use is a server process to wake, so
    quick batches share `MAX_SHARED_CONNECTIONS`. A statement is slow if its last
    batch took longer than `QUICK_BATCH_SECONDS`. In order:

    1. the wait queue, if batches of the same client wait already; if they are on half of the
       connections (`_may_use`), only these are considered: the others are for other clients;
    2. an idle connection, if the batch is slow or fewer than `MAX_SHARED_CONNECTIONS`
       are in use;
    3. the busy connection with the shortest pipeline, quick ones first, whose pipeline
       holds fewer than `PIPELINE_DEPTH` batches and whose running batch takes less
       than `SLOW_THRESHOLD_SECONDS` so far; but an idle one rather than a slow one;
    4. the wait queue.

    Whenever a batch is queued, in the pool or on a connection, and no connection is
    idle, another one is opened, up to `size`.

    **Supervision.** While there is work, a timer calls `_check_progress` every
    `SLOW_THRESHOLD_SECONDS`. For a batch that runs longer than that:

    * the connection is abandoned if the batch runs longer than the time-outs of all its
      statements and `wait_seconds` together: the server is silent;
    * a cancel request is sent to the server if no future of it is pending;
    * the batches behind it are hedged: sent a second time, on an idle connection that their
      client may use. The first result settles the future, the other one is ignored.

    All times are read from the timer's clock, which does not count stalls of the event loop.

    Waiting batches fail with UnavailableError after `wait_seconds`, if the database
    responded to no other batch in that time either.

    **Retry.** If a connection is lost, its unfinished batches are sent once more, before
    those that wait. What broke one connection, such as a restart of the server, has
    probably broken all. So all others are drained: they finish their batches, are
    closed, and new ones replace them. A batch that fails again gets UnavailableError.
    """

    def __init__(self, options: ConnectionOptions, size: int, *, wait_seconds: float) -> None:
        """Open the first connection in the background.

        `wait_seconds` limits the wait for a connection, and for a response beyond a
        statement's time-out.
        """
        self._options, self._size, self._wait_seconds = options, size, wait_seconds
        self._client_share = max(1, size // SHARES_OF_CONNECTIONS)
        self._pipeline_depth = 1 if options.is_pooled else PIPELINE_DEPTH
        self.loop = asyncio.get_running_loop()
        self._connections: set[PipelineConnection] = set()
        self._draining: set[PipelineConnection] = set()
        self._idle: list[PipelineConnection] = []
        self._wait_queue = WaitQueue()
        self._connector = Connector(
            self._open_connection, self._on_connection_opened, self._ensure_connections
        )
        self._timer = PeriodicTimer(self._check_progress)
        self._is_closing = False
        self.last_response_at = 0.0
        """Time of the database's last response, on the timer's clock."""
        self.unreadable_table_found = asyncio.Event()
        """Set when a statement fails because a table or column is missing or not readable."""
        self._ensure_connections()

    def submit_batch(self, batch: Batch) -> None:
        """Send a batch if a connection has capacity, otherwise queue it."""
        if self._is_closing:
            batch.fail(UnavailableError(CLOSED_MESSAGE))
            return
        self._timer.ensure_started()
        connection = self._select_connection(batch)
        if connection is None:
            self._wait_queue.add(batch, self._timer.read_clock())
        else:
            connection.send(batch)
        if connection is None or not self._idle:
            self._ensure_connections(
                has_backlog=connection is not None and len(connection.batches) > 1
            )

    def _select_connection(self, batch: Batch) -> PipelineConnection | None:
        """Return a connection with capacity for a batch; None if it has to wait."""
        if self._wait_queue.has_batches(batch.client):
            return None
        if not self._may_use(batch):
            return self._find_least_loaded(batch.client)
        if self._idle and (
            batch.is_slow or len(self._connections) - len(self._idle) < MAX_SHARED_CONNECTIONS
        ):
            return self._idle.pop()
        connection = self._find_least_loaded()
        return (
            self._idle.pop()
            if self._idle and (connection is None or connection.is_slow)
            else connection
        )

    def _may_use(self, batch: Batch, own_connection: PipelineConnection | None = None) -> bool:
        """Return whether a batch may use a connection, in addition to those of its client.

        Its client may use its share of them, `own_connection` included.
        """
        share = self._client_share
        if batch.client is None or len(self._connections) - len(self._idle) < share:
            return True
        return share > sum(
            _serves_client(connection, batch.client)
            for connection in self._connections
            if connection is not own_connection
        )

    def _find_least_loaded(self, client: ClientKey | None = None) -> PipelineConnection | None:
        """Return the preferable of the busy connections with capacity; None if there is none.

        With `client`, only of those that serve it.
        """
        now, least_loaded = self._timer.read_clock(), None
        for connection in self._connections:
            if (
                connection.batches
                and (client is None or _serves_client(connection, client))
                and self._has_capacity(connection, now)
                and (least_loaded is None or _is_preferable(connection, least_loaded))
            ):
                least_loaded = connection
        return least_loaded

    def _has_capacity(self, connection: PipelineConnection, now: float) -> bool:
        if connection.is_cancelling or connection not in self._connections:
            return False
        load = len(connection.batches)
        return not load or (
            load < self._pipeline_depth and now - connection.running_since < SLOW_THRESHOLD_SECONDS
        )

    def on_batch_done(self, connection: PipelineConnection) -> None:
        """Send waiting batches on a connection that has capacity again."""
        self.last_response_at = now = self._timer.read_clock()
        may_run = partial(self._may_use, own_connection=connection)
        while self._wait_queue and self._has_capacity(connection, now):
            batch = self._wait_queue.pop_next(may_run)
            if batch is None:
                break
            connection.send(batch)
        if not connection.batches and not connection.is_cancelling:
            self._return_to_idle(connection)

    def _return_to_idle(self, connection: PipelineConnection) -> None:
        if connection in self._connections:
            self._idle.append(connection)
        elif connection in self._draining:
            self._draining.discard(connection)
            connection.close()

    def _hedge(self, batch: Batch) -> bool:
        """Send a batch on an idle connection, too; return whether there was one for it."""
        if not self._may_use(batch):
            return False
        if self._idle:
            self._idle.pop().send(batch)
            return True
        self._ensure_connections(has_backlog=True)
        return False

    def retry(self, batch: Batch, error: Exception) -> None:
        """Send a batch once more, before waiting batches; the second time fail it with `error`."""
        if batch.retried or self._is_closing:
            batch.fail(error)
            return
        batch.retried = True
        if not batch.is_abandoned() and not self._hedge(batch):
            self._wait_queue.put_first(batch, self._timer.read_clock())

    def on_statement_failed(self, error: Exception) -> None:
        """Note that a statement failed, perhaps because tables have changed."""
        if isinstance(error, UnreadableTableError):
            self.unreadable_table_found.set()

    def on_connection_lost(
        self, connection: PipelineConnection, unfinished_batches: list[Batch], error: Exception
    ) -> None:
        """Retry the unfinished batches on new connections, and drain all others."""
        if connection in self._connections:
            self._drain_connections()
        self._draining.discard(connection)
        for batch in reversed(unfinished_batches):
            self.retry(batch, error)
        self._ensure_connections()

    def _drain_connections(self) -> None:
        """Close idle connections now and busy ones after their batches; cancel opening ones."""
        self._connector.cancel_pending()
        self._draining |= self._connections
        self._connections.clear()
        self._idle.clear()
        for connection in [
            each for each in self._draining if not each.batches and not each.is_cancelling
        ]:
            self._return_to_idle(connection)

    def _ensure_connections(self, *, has_backlog: bool = False) -> None:
        """Open a connection if there is none, or one more for queued batches, up to `size`."""
        connecting_count = len(self._connector)
        total_count = len(self._connections) + connecting_count
        needs_connection = not total_count or (
            total_count < self._size and connecting_count < len(self._wait_queue) + has_backlog
        )
        if needs_connection and not self._is_closing:
            self._connector.start_connecting()

    async def _open_connection(self) -> PipelineConnection:
        return PipelineConnection(
            await self._options.connect(),
            self,
            self._options.batch_preamble,
            prepared_bytes=self._options.prepared_bytes,
            read_clock=self._timer.read_clock,
        )

    def _on_connection_opened(self, connection: PipelineConnection) -> None:
        self._connections.add(connection)
        self.on_batch_done(connection)
        self._ensure_connections()

    def _list_busy_connections(self) -> list[PipelineConnection]:
        return [each for each in (*self._connections, *self._draining) if each.batches]

    def _check_progress(self, _now: float) -> bool:
        """Check running and waiting batches; return whether there are any."""
        now = self._timer.read_clock()
        busy_connections = self._list_busy_connections()
        for connection in busy_connections:
            if connection.batches and now - connection.running_since > SLOW_THRESHOLD_SECONDS:
                self._handle_slow_connection(connection, now - connection.running_since)
        is_silent = now - self.last_response_at > self._wait_seconds
        self._wait_queue.fail_enqueued_before(now - self._wait_seconds if is_silent else 0)
        return bool(busy_connections or self._wait_queue)

    def _handle_slow_connection(
        self, connection: PipelineConnection, elapsed_seconds: float
    ) -> None:
        """Abandon a silent server, or cancel an abandoned batch and hedge those behind it."""
        running_batch, *queued_batches = connection.batches
        if elapsed_seconds > self._wait_seconds + self._options.statement_seconds * len(
            running_batch.requests
        ):
            connection.abandon_server()
            return
        if running_batch.is_abandoned():
            connection.cancel()
        for batch in queued_batches:
            if not batch.hedged and not batch.is_abandoned():
                batch.hedged = self._hedge(batch)

    async def close(self) -> None:
        """Reject new batches, wait for running ones up to `SHUTDOWN_GRACE`, then close."""
        self._is_closing = True
        self._wait_queue.fail_all(UnavailableError(CLOSED_MESSAGE))
        await self._connector.close()
        unfinished_batches = [
            batch for connection in self._list_busy_connections() for batch in connection.batches
        ]
        futures = [future for batch in unfinished_batches for _, _, future in batch.requests]
        if futures:
            await asyncio.wait(futures, timeout=SHUTDOWN_GRACE)
        for batch in unfinished_batches:
            batch.fail(UnavailableError(CLOSED_MESSAGE))
        await asyncio.gather(*[connection.stop() for connection in self._list_busy_connections()])
        for connection in (*self._connections, *self._draining):
            connection.close()
        self._timer.stop()


def _serves_client(connection: PipelineConnection, client: ClientKey) -> bool:
    return any([each.client == client for each in connection.batches])  # noqa: C419 - a list is faster


def _is_preferable(connection: PipelineConnection, other: PipelineConnection) -> bool:
    """Return whether to prefer `connection`: quick before slow, then the shorter pipeline."""
    if connection.is_slow != other.is_slow:
        return other.is_slow
    return len(connection.batches) < len(other.batches)
