"""Which batch goes on which connection, and what becomes of those on a lost one."""

import asyncio
from math import inf

from gateway.db.driver.batch import Batch
from gateway.db.driver.connection_options import ConnectionOptions
from gateway.db.driver.connector import Connector
from gateway.db.driver.errors import UnavailableError
from gateway.db.driver.pipeline_connection import PipelineConnection
from gateway.db.driver.timer import SLOW_THRESHOLD_SECONDS, PeriodicTimer
from gateway.db.driver.wait_queue import WaitQueue

PIPELINE_DEPTH = 8
"""How many batches may be under way on one connection."""
MAX_SHARED_CONNECTIONS = 2
"""On so many connections quick batches share: a third would only wake up one more backend."""
SHUTDOWN_GRACE = 2
"""Seconds that what is under way gets when all is closed."""


class ConnectionPool:
    """Up to `size` connections to one database."""

    def __init__(self, options: ConnectionOptions, size: int, *, wait_seconds: float) -> None:
        """Wait so many seconds for a connection, and for a sign of life beyond a time-out."""
        self._options, self._size, self._wait_seconds = options, size, wait_seconds
        self._pipeline_depth = PIPELINE_DEPTH if options.batch_preamble is None else 1
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
        """When the database answered last, on the loop's clock."""
        self._ensure_connections()

    def submit_batch(self, batch: Batch) -> None:
        """Run a batch: at once if there is a connection for it, else in its turn."""
        if self._is_closing:
            batch.fail(UnavailableError("The connections are closed."))
            return
        self._timer.ensure_started()
        connection = self._select_connection(batch)
        if connection is None:
            self._wait_queue.add(batch, self.loop.time())
        else:
            connection.send(batch)
        if connection is None or not self._idle:
            self._ensure_connections(
                has_backlog=connection is not None and len(connection.batches) > 1
            )

    def _select_connection(self, batch: Batch) -> PipelineConnection | None:
        """Give a connection that can take a batch, if there is one.

        Quick ones share few connections; a slow one, and what would wait for
        it, get others as long as there are any.
        """
        if self._idle and (
            batch.is_slow or len(self._connections) - len(self._idle) < MAX_SHARED_CONNECTIONS
        ):
            return self._idle.pop()
        if self._wait_queue:
            return None
        connection = self._find_least_loaded()
        return (
            self._idle.pop()
            if self._idle and (connection is None or connection.is_slow)
            else connection
        )

    def _find_least_loaded(self) -> PipelineConnection | None:
        """Give the busy connection with the least to do that can take more; best a quick one."""
        now, least_loaded = self.loop.time(), None
        for connection in self._connections:
            if (
                connection.batches
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
        """Give what waits to a connection that has place again."""
        self.last_response_at = now = self.loop.time()
        while self._wait_queue and self._has_capacity(connection, now):
            batch = self._wait_queue.pop_next()
            if batch is not None:
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
        """Run a batch that is held up on an idle connection besides; tell whether there is one."""
        if self._idle:
            self._idle.pop().send(batch)
            return True
        self._ensure_connections(has_backlog=True)
        return False

    def retry(self, batch: Batch, error: Exception) -> None:
        """Run a batch once more, before those that wait; tell it `error` if that was done."""
        if batch.retried or self._is_closing:
            batch.fail(error)
            return
        batch.retried = True
        if not batch.abandoned() and not self._hedge(batch):
            self._wait_queue.put_first(batch, self.loop.time())

    def on_connection_lost(
        self, connection: PipelineConnection, unfinished_batches: list[Batch], error: Exception
    ) -> None:
        """Run what is left on new connections: what broke one may have broken all."""
        if connection in self._connections:
            self._drain_connections()
        self._draining.discard(connection)
        for batch in reversed(unfinished_batches):
            self.retry(batch, error)
        self._ensure_connections()

    def _drain_connections(self) -> None:
        """Let go of all connections, also of coming ones; of those in use when they are done."""
        self._connector.cancel_pending()
        self._draining |= self._connections
        self._connections.clear()
        self._idle.clear()
        for connection in [
            each for each in self._draining if not each.batches and not each.is_cancelling
        ]:
            self._return_to_idle(connection)

    def _ensure_connections(self, *, has_backlog: bool = False) -> None:
        """Open a connection if there is none, or for what waits or was sent `behind` others."""
        connecting_count = len(self._connector)
        total_count = len(self._connections) + connecting_count
        needs_connection = not total_count or (
            total_count < self._size and connecting_count < len(self._wait_queue) + has_backlog
        )
        if needs_connection and not self._is_closing:
            self._connector.start_connecting()

    async def _open_connection(self) -> PipelineConnection:
        return PipelineConnection(await self._options.connect(), self, self._options.batch_preamble)

    def _on_connection_opened(self, connection: PipelineConnection) -> None:
        self._connections.add(connection)
        self.on_batch_done(connection)
        self._ensure_connections()

    def _list_busy_connections(self) -> list[PipelineConnection]:
        return [each for each in (*self._connections, *self._draining) if each.batches]

    def _check_progress(self, now: float) -> bool:
        """Look after what is under way and what waits; tell whether there is anything."""
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
        """Give up a dead server, stop what nobody waits for, send elsewhere what is held up."""
        running_batch, *queued_batches = connection.batches
        if elapsed_seconds > self._wait_seconds + self._options.statement_seconds * len(
            running_batch.requests
        ):
            connection.abandon()
            return
        if running_batch.abandoned():
            connection.cancel()
        for batch in queued_batches:
            if not batch.hedged and not batch.abandoned():
                batch.hedged = self._hedge(batch)

    async def close(self) -> None:
        """Take nothing any more; end the connections when what is under way is done, or soon."""
        self._is_closing = True
        self._wait_queue.fail_enqueued_before(inf)
        await self._connector.close()
        unfinished_batches = [
            batch for connection in self._list_busy_connections() for batch in connection.batches
        ]
        futures = [future for batch in unfinished_batches for _, _, future in batch.requests]
        if futures:
            await asyncio.wait(futures, timeout=SHUTDOWN_GRACE)
        for batch in unfinished_batches:
            batch.fail(UnavailableError("The connections are closed."))
        await asyncio.gather(*[connection.stop() for connection in self._list_busy_connections()])
        for connection in (*self._connections, *self._draining):
            connection.close()
        self._timer.stop()


def _is_preferable(connection: PipelineConnection, other: PipelineConnection) -> bool:
    """Tell whether a batch would rather wait behind what is on `line` than on `other`."""
    if connection.is_slow != other.is_slow:
        return other.is_slow
    return len(connection.batches) < len(other.batches)
