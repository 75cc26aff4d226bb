"""One connection in libpq's pipeline mode: a batch goes out in one flush, rows come as they come.

For each command that was sent there is a slot: the future that it settles,
the name of what it prepares, or None if nobody cares for its result.
"""

import asyncio
import os
from asyncio import Future
from collections import OrderedDict, deque
from typing import Any, Protocol

import psycopg
from psycopg import AsyncConnection, errors
from psycopg.adapt import Transformer
from psycopg.pq import ConnStatus, DiagnosticField, ExecStatus

from gateway.db.driver.batch import Batch, Coming, Result
from gateway.db.driver.errors import FORGOTTEN, TimedOutError, UnavailableError, meant, passing

PREPARED = 500
"""How many statements a connection keeps prepared."""
_TUPLES_OK, _COMMAND_OK = int(ExecStatus.TUPLES_OK), int(ExecStatus.COMMAND_OK)
_SYNC, _ABORTED = int(ExecStatus.PIPELINE_SYNC), int(ExecStatus.PIPELINE_ABORTED)
_FATAL = (b"FATAL", b"PANIC", None)
"""What ends a connection; libpq's own errors have no severity."""


class Owner(Protocol):
    """Who is told what becomes of a line and of its batches."""

    def freed(self, line: "Line") -> None:
        """Hear that a batch is done."""

    def again(self, batch: Batch, error: Exception) -> None:
        """Run a batch that fell to something else than its own statements; or tell it `error`."""

    def lost(self, line: "Line", left: list[Batch], error: Exception) -> None:
        """Hear that the connection is lost, with batches that are left to run."""


class Line:
    """A connection with the batches that are under way on it."""

    def __init__(
        self, connection: AsyncConnection[Any], owner: Owner, first: bytes | None = None
    ) -> None:
        """Tell `owner`; if there is a `first` statement, each batch begins with it."""
        self._connection, self._owner, self._first = connection, owner, first
        self._libpq, self._loop = connection.pgconn, asyncio.get_running_loop()
        self._transformer = Transformer(connection)
        self._prepared: OrderedDict[bytes, None] = OrderedDict()
        self._slots: deque[Coming | bytes | None] = deque()
        self.batches: deque[Batch] = deque()
        """What is under way, in order."""
        self.slow = False
        """Whether something under way is likely to take long."""
        self.began = 0.0
        """Since when the first of them is alone with the server."""
        self._decided = False  # what becomes of the first, before all its results are there
        self._forgetful = False  # whether the server is to forget what is prepared
        self._full = False  # whether libpq has more to write than the socket takes
        self._cancelling: asyncio.Task[None] | None = None
        self.doomed = False
        """Whether a request to cancel may still hit whatever is under way."""
        self.closed = False
        self._socket = os.dup(self._libpq.socket)  # libpq closes its own when it likes
        self._libpq.nonblocking = 1
        self._libpq.enter_pipeline_mode()
        self._loop.add_reader(self._socket, self._receive)

    def send(self, batch: Batch) -> None:
        """Send a batch, behind those that are under way."""
        if not self.batches:
            self.began = self._loop.time()
        self.batches.append(batch)
        self.slow = self.slow or batch.slow
        try:
            if self._first is None:
                self._send_prepared(batch)
            else:
                self._send_plain(batch, self._first)
            self._libpq.pipeline_sync()
            self._flush()
        except psycopg.Error as error:
            self._lose(error)

    def _send_prepared(self, batch: Batch) -> None:
        if self._forgetful:
            self._forgetful = False
            self._prepared.clear()
            self._aside(b"deallocate all")
        for statement, parameters, future in batch.asks:
            if future.done():
                continue
            try:
                self._prepared.move_to_end(statement.name)
            except KeyError:
                self._prepare(statement.name, statement.sql.encode())
            self._libpq.send_query_prepared(statement.name, parameters)
            self._slots.append(future)

    def _prepare(self, name: bytes, sql: bytes) -> None:
        if len(self._prepared) >= PREPARED:
            oldest, _ = self._prepared.popitem(last=False)
            self._aside(b'deallocate "%s"' % oldest)
        self._libpq.send_prepare(name, sql)
        self._slots.append(name)
        self._prepared[name] = None

    def _send_plain(self, batch: Batch, first: bytes) -> None:
        self._aside(first)
        for statement, parameters, future in batch.asks:
            if not future.done():
                self._libpq.send_query_params(statement.sql.encode(), parameters)
                self._slots.append(future)

    def _aside(self, sql: bytes) -> None:
        """Send a command whose result is of no interest."""
        self._libpq.send_query_params(sql, None)
        self._slots.append(None)

    def _flush(self) -> None:
        full = bool(self._libpq.flush())
        if full and not self._full:
            self._loop.add_writer(self._socket, self._written)
        elif self._full and not full:
            self._loop.remove_writer(self._socket)
        self._full = full

    def _written(self) -> None:
        try:
            self._flush()
        except psycopg.Error as error:
            self._lose(error)

    def _receive(self) -> None:
        try:
            self._libpq.consume_input()
            self._read()
        except psycopg.Error as error:
            self._lose(error)

    def _read(self) -> None:
        """Take the results that are there; after those of a command there is one null."""
        ended = False
        while self.batches and not self._libpq.is_busy():
            result = self._libpq.get_result()
            if result is not None:
                self._take(result)
            elif not ended:
                pass
            elif self._libpq.status == ConnStatus.BAD:
                raise psycopg.OperationalError("The connection is lost.")
            else:
                return
            ended = result is None

    def _take(self, result: Any) -> None:
        status = result.status
        if status == _SYNC:
            self._done()
            return
        slot = self._slots.popleft()
        if status in (_TUPLES_OK, _COMMAND_OK):
            if isinstance(slot, Future) and not slot.done():
                slot.set_result(Result(self._transformer, result))
            return
        if isinstance(slot, bytes):
            self._prepared.pop(slot, None)
        if status != _ABORTED:
            self._failed(errors.error_from_result(result), result)

    def _failed(self, error: psycopg.Error, result: Any) -> None:
        """Decide what becomes of the batch whose statement failed; the rest of it is aborted."""
        if result.error_field(DiagnosticField.SEVERITY_NONLOCALIZED) in _FATAL:
            raise error
        batch, self._decided = self.batches[0], True
        if isinstance(error, FORGOTTEN) and self._first is None and not batch.repeated:
            batch.repeated = self._forgetful = True
            self.send(batch)
        elif isinstance(error, errors.QueryCanceled) and self.doomed:
            self._owner.again(batch, UnavailableError(str(error)))
        elif passing(error):
            self._owner.again(batch, meant(error))
        else:
            batch.fail(meant(error))

    def _done(self) -> None:
        now, batch = self._loop.time(), self.batches.popleft()
        batch.took(now - self.began)
        self.slow = self.slow and any(each.slow for each in self.batches)
        self._decided = False
        self.began = now
        if not self.batches:
            self.doomed = self._cancelling is not None
        self._owner.freed(self)

    def cancel(self) -> None:
        """Have the server stop what it does, since nobody waits for it any more."""
        self.doomed = True
        if self._cancelling is None:
            self._cancelling = self._loop.create_task(self._cancel())

    async def _cancel(self) -> None:
        try:
            await self._connection.cancel_safe(timeout=5)
        except (psycopg.Error, OSError):
            pass  # then the statement ends by its own time-out
        finally:
            self._cancelling = None
        if not self.batches and not self.closed:
            self.doomed = False
            self._owner.freed(self)

    async def stop(self) -> None:
        """Have the server stop what it does; return when it was asked to, or soon."""
        self.cancel()
        if self._cancelling is not None:
            await asyncio.wait([self._cancelling], timeout=1)

    def give_up(self) -> None:
        """Let go of a server that says nothing any more; who waits longest is told so."""
        silent = TimedOutError("The database says nothing any more.")
        self.batches[0].fail(silent)
        self._decided = True
        self._lose(silent)

    def _lose(self, error: Exception) -> None:
        left = list(self.batches)[self._decided :]
        self.close()
        lost = UnavailableError(str(error))
        lost.__cause__ = error
        self._owner.lost(self, left, lost)

    def close(self) -> None:
        """End the connection; what is under way is forgotten."""
        if self.closed:
            return
        self.closed = True
        self.batches.clear()
        self._slots.clear()
        if self._cancelling is not None:
            self._cancelling.cancel()
        self._loop.remove_reader(self._socket)
        self._loop.remove_writer(self._socket)
        os.close(self._socket)
        self._libpq.finish()
