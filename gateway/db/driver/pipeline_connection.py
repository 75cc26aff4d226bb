"""Database connection in libpq's pipeline mode."""

import asyncio
import os
from asyncio import Future
from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import Any, Protocol

import psycopg
from psycopg import AsyncConnection, errors
from psycopg.pq import ConnStatus, DiagnosticField, ExecStatus

from gateway.db.driver.batch import Batch, PendingResult, StatementResult
from gateway.db.driver.errors import (
    STALE_PREPARED_STATEMENT,
    TimedOutError,
    UnavailableError,
    is_transient,
    map_error,
)
from gateway.db.driver.prepared_statements import DEFAULT_PREPARED_BYTES, PreparedStatements
from gateway.db.driver.psycopg_internals import Transformer, error_from_result
from gateway.db.driver.statement import Statement

_TUPLES_OK, _COMMAND_OK = int(ExecStatus.TUPLES_OK), int(ExecStatus.COMMAND_OK)
_SYNC, _ABORTED = int(ExecStatus.PIPELINE_SYNC), int(ExecStatus.PIPELINE_ABORTED)
_FATAL_SEVERITIES = (b"FATAL", b"PANIC", None)
"""Severities of errors that end a connection; libpq's own errors have none."""


class ConnectionOwner(Protocol):
    """Owner of a connection, usually a pool: gets its events and the batches to retry."""

    def on_batch_done(self, connection: "PipelineConnection") -> None:
        """Handle the end of a batch, or of a cancellation: the connection has capacity."""

    def retry(self, batch: Batch, error: Exception) -> None:
        """Run a batch again that failed through no fault of its own, or fail it with `error`."""

    def on_statement_failed(self, error: Exception) -> None:
        """Note that a statement failed with an error of its own."""

    def on_connection_lost(
        self, connection: "PipelineConnection", unfinished_batches: list[Batch], error: Exception
    ) -> None:
        """Handle the loss of the connection; `unfinished_batches` are to be retried."""


class PipelineConnection:
    """Connection that sends batches without waiting for the results of earlier ones.

    A batch is a sequence of commands that ends with a Sync and is sent in one flush:
    one round trip, however many statements it has. The server runs the batches in the
    order in which they were sent, each in a transaction of its own. Results arrive in
    the order of the commands, so the first of `_pending_results` is always what the
    next result belongs to:

        future    the result of a statement settles it
        bytes     name of a statement that is being prepared
        None      result to be ignored (preamble, deallocate)

    **States of a batch**

        send()    first in `batches`           Sync
        ----> queued -----------> running -------------> done
                                     |                     ^
                                     | error               | Sync
                                     v                     |
                                  aborted -----------------+
                              (the server skips its other commands: PIPELINE_ABORTED)

    If the error was that of one statement, the others are sent again after the Sync
    (`_must_send_rest`). Any other error decides about the whole batch: it is failed, retried or
    sent again. `_is_outcome_decided` is set then; if the connection is lost before the Sync,
    such a batch is not retried a second time; all others are.

    **Errors**

    * FATAL, or of libpq itself: the connection is lost. The owner gets the batches.
    * A stale prepared statement, as after DDL or `deallocate all` by others: the batch
      is sent once more on this connection, after a `deallocate all`.
    * A cancellation meant for another batch (see below), or a transient error such as
      a lack of memory: the owner retries the batch.
    * Any other error, such as a value that a cast rejects or a time-out, fails its statement:
      the caller gets it as mapped by `map_error`. The statements behind it run in a batch of
      their own. After a second time-out they fail, too: the database is too slow for them.

    **Cancellation.** A cancel request takes another connection to the server and stops
    whatever runs when it arrives, perhaps the next batch already. So from `cancel`
    on, `is_cancelling` is set: the owner sends nothing here, and a batch that is
    cancelled is retried. The owner does not retry it if no future of it is pending.
    The state ends when the request has returned and no batch is left.

    **Prepared statements.** A statement is prepared at its second use, under a name that
    is a hash of its SQL; at its first it is sent unnamed. `PreparedStatements` bounds
    what stays. Behind a pooler in transaction mode no statement is prepared, and each
    batch begins with `batch_preamble`.
    """

    def __init__(
        self,
        connection: AsyncConnection[Any],
        owner: ConnectionOwner,
        batch_preamble: bytes | None = None,
        *,
        prepared_bytes: int = DEFAULT_PREPARED_BYTES,
        read_clock: Callable[[], float] = monotonic,
    ) -> None:
        """Put an open connection into pipeline mode; with `batch_preamble` nothing is prepared.

        The SQL of its prepared statements has at most `prepared_bytes` bytes. Durations
        are measured on the owner's clock, `read_clock`.
        """
        self._connection, self._owner, self._batch_preamble = connection, owner, batch_preamble
        self._read_clock = read_clock
        self._libpq, self._loop = connection.pgconn, asyncio.get_running_loop()
        self._transformer = Transformer(connection)
        self._prepared_statements = PreparedStatements(prepared_bytes)
        self._pending_results: deque[PendingResult | bytes | None] = deque()
        self.batches: deque[Batch] = deque()
        """Batches sent and not done, in order; the server runs the first."""
        self.is_slow = False
        """Whether one of the batches is likely to take long."""
        self.running_since = 0.0
        """Time on the owner's clock since which the server runs the first batch."""
        self._is_outcome_decided = False  # of the first batch, by an error
        self._must_send_rest = False  # of the first batch, after the Sync
        self._must_deallocate = False  # before the next batch
        self._is_write_blocked = False  # libpq has more to write than the socket accepts
        self._cancel_task: asyncio.Task[None] | None = None
        self.is_cancelling = False
        """Whether a cancel request may still hit any batch."""
        self.is_closed = False
        self._socket = os.dup(self._libpq.socket)  # libpq may close its own at any time
        self._libpq.nonblocking = 1
        self._libpq.enter_pipeline_mode()
        self._loop.add_reader(self._socket, self._on_readable)

    def send(self, batch: Batch) -> None:
        """Send a batch, behind those already sent."""
        if not self.batches:
            self.running_since = self._read_clock()
        self.batches.append(batch)
        self.is_slow = self.is_slow or batch.is_slow
        try:
            if self._batch_preamble is None:
                self._send_prepared(batch)
            else:
                self._send_unprepared(batch, self._batch_preamble)
            self._libpq.pipeline_sync()
            self._flush_output()
        except psycopg.Error as error:
            self._fail_connection(error)

    def _send_prepared(self, batch: Batch) -> None:
        if self._must_deallocate:
            self._must_deallocate = False
            self._prepared_statements.forget_all()
            self._send_ignoring_result(b"deallocate all")
        for statement, parameters, future in batch.requests:
            if future.done():
                continue
            try:
                self._prepared_statements.move_to_end(statement.name)
            except KeyError:
                if not self._prepare_repeated(statement):
                    self._libpq.send_query_params(statement.sql.encode(), parameters)
                    self._pending_results.append(future)
                    continue
            self._libpq.send_query_prepared(statement.name, parameters)
            self._pending_results.append(future)

    def _prepare_repeated(self, statement: Statement) -> bool:
        """Prepare a statement that was sent before; return whether it was."""
        sql = statement.sql.encode()
        if not self._prepared_statements.note_use(statement.name, len(sql)):
            return False
        for oldest in self._prepared_statements.make_room(len(sql)):
            self._send_ignoring_result(b'deallocate "%s"' % oldest)
        self._libpq.send_prepare(statement.name, sql)
        self._pending_results.append(statement.name)
        self._prepared_statements.add_statement(statement.name, len(sql))
        return True

    def _send_unprepared(self, batch: Batch, batch_preamble: bytes) -> None:
        self._send_ignoring_result(batch_preamble)
        for statement, parameters, future in batch.requests:
            if not future.done():
                self._libpq.send_query_params(statement.sql.encode(), parameters)
                self._pending_results.append(future)

    def _send_ignoring_result(self, sql: bytes) -> None:
        """Send a command and ignore its result; an error still fails the batch."""
        self._libpq.send_query_params(sql, None)
        self._pending_results.append(None)

    def _flush_output(self) -> None:
        is_write_blocked = bool(self._libpq.flush())
        if is_write_blocked and not self._is_write_blocked:
            self._loop.add_writer(self._socket, self._on_writable)
        elif self._is_write_blocked and not is_write_blocked:
            self._loop.remove_writer(self._socket)
        self._is_write_blocked = is_write_blocked

    def _on_writable(self) -> None:
        try:
            self._flush_output()
        except psycopg.Error as error:
            self._fail_connection(error)

    def _on_readable(self) -> None:
        try:
            self._libpq.consume_input()
            self._read_results()
        except psycopg.Error as error:
            self._fail_connection(error)

    def _read_results(self) -> None:
        """Read the available results.

        `get_result` returns None after the results of a command; a second None in a row
        means that there are no more.
        """
        is_command_ended = False
        while self.batches and not self._libpq.is_busy():
            result = self._libpq.get_result()
            if result is not None:
                self._handle_result(result)
            elif not is_command_ended:
                pass
            elif self._libpq.status == ConnStatus.BAD:
                raise psycopg.OperationalError("The connection to the database was lost.")
            else:
                return
            is_command_ended = result is None

    def _handle_result(self, result: Any) -> None:
        status = result.status
        if status == _SYNC:
            self._finish_batch()
            return
        pending_result = self._pending_results.popleft()
        if status in (_TUPLES_OK, _COMMAND_OK):
            if isinstance(pending_result, Future) and not pending_result.done():
                pending_result.set_result(StatementResult(self._transformer, result))
            return
        if isinstance(pending_result, bytes):
            self._prepared_statements.remove_failed(pending_result)
            pending_result = self._pending_results[0]
        if status != _ABORTED:
            self._handle_error(error_from_result(result), result, pending_result)

    def _handle_error(self, error: psycopg.Error, result: Any, failed: Any) -> None:
        """Fail a statement, or fail or retry the first batch; the server skips the rest of it.

        `failed` is the future of the statement that failed; None if it was a command of ours.
        """
        if result.error_field(DiagnosticField.SEVERITY_NONLOCALIZED) in _FATAL_SEVERITIES:
            raise error
        batch, self._is_outcome_decided = self.batches[0], True
        if (
            isinstance(error, STALE_PREPARED_STATEMENT)
            and self._batch_preamble is None
            and not batch.retried
        ):
            batch.retried = self._must_deallocate = True
            self.send(batch)
        elif is_transient(error) or (
            isinstance(error, errors.QueryCanceled) and self.is_cancelling
        ):
            self._owner.retry(batch, map_error(error))
        else:
            self._fail_statement(batch, failed, map_error(error))

    def _fail_statement(self, batch: Batch, failed: PendingResult | None, error: Exception) -> None:
        """Set the error of a statement; the rest of its batch is sent again, or fails as well."""
        self._owner.on_statement_failed(error)
        is_repeated_timeout = batch.has_timed_out and isinstance(error, TimedOutError)
        batch.has_timed_out = batch.has_timed_out or isinstance(error, TimedOutError)
        if failed is None or is_repeated_timeout:
            batch.fail(error)
            return
        batch.fail_statement(failed, error)
        self._is_outcome_decided, self._must_send_rest = False, True

    def _finish_batch(self) -> None:
        now, batch = self._read_clock(), self.batches.popleft()
        batch.record_duration(now - self.running_since)
        self.is_slow = self.is_slow and any(each.is_slow for each in self.batches)
        self._is_outcome_decided = False
        self.running_since = now
        if self._must_send_rest:
            self._must_send_rest = False
            if not batch.is_abandoned():
                self.send(batch)
        if not self.batches:
            self.is_cancelling = self._cancel_task is not None
        self._owner.on_batch_done(self)

    def cancel(self) -> None:
        """Send a request to cancel the running batch, in the background."""
        self.is_cancelling = True
        if self._cancel_task is None:
            self._cancel_task = self._loop.create_task(self._send_cancel_request())

    async def _send_cancel_request(self) -> None:
        try:
            await self._connection.cancel_safe(timeout=5)
        except (psycopg.Error, OSError):
            pass  # the statement ends by its own time-out
        finally:
            self._cancel_task = None
        if not self.batches and not self.is_closed:
            self.is_cancelling = False
            self._owner.on_batch_done(self)

    async def stop(self) -> None:
        """Send a cancel request and wait until it was sent, at most a second."""
        self.cancel()
        if self._cancel_task is not None:
            await asyncio.wait([self._cancel_task], timeout=1)

    def abandon_server(self) -> None:
        """Close the connection to a silent server.

        The running batch fails with TimedOutError; the owner retries the others.
        """
        error = TimedOutError("The database does not respond.")
        self.batches[0].fail(error)
        self._is_outcome_decided = True
        self._fail_connection(error)

    def _fail_connection(self, error: Exception) -> None:
        unfinished_batches = list(self.batches)[self._is_outcome_decided :]
        self.close()
        unavailable_error = UnavailableError(str(error))
        unavailable_error.__cause__ = error
        self._owner.on_connection_lost(self, unfinished_batches, unavailable_error)

    def close(self) -> None:
        """Close the connection and discard its batches."""
        if self.is_closed:
            return
        self.is_closed = True
        self.batches.clear()
        self._pending_results.clear()
        if self._cancel_task is not None:
            self._cancel_task.cancel()
        self._loop.remove_reader(self._socket)
        self._loop.remove_writer(self._socket)
        os.close(self._socket)
        self._libpq.finish()
