"""Request deadlines: cancel a request at its time limit, or when its client disconnects."""

import asyncio
from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import Self

from gateway.db.driver.timer import PeriodicTimer
from gateway.error_table import ErrorKind
from gateway.http.request_head import RequestHead

DISCONNECT_WATCH_DELAY_SECONDS = 0.25
"""Seconds before a request's client is watched; most requests are answered earlier."""


class ClientDisconnectedError(Exception):
    """The client closed the connection before the response."""


class DeadlineExceededError(Exception):
    """The request was not answered within its time limit."""

    error_kind = ErrorKind.TIMEOUT

    def __init__(self) -> None:
        super().__init__("The request exceeded its deadline.")


class BodyTimeoutError(Exception):
    """The body was not received within its time limit."""

    error_kind = ErrorKind.SLOW_BODY

    def __init__(self, seconds: float) -> None:
        """Name the limit."""
        super().__init__(f"The body was not received within {seconds} seconds.")


class RequestDeadlines:
    """The deadlines of all requests under way, checked by one timer.

    A timer and a watching task for each request would be a noticeable share of a short
    query's time. So each request only adds itself to a set, and one `PeriodicTimer` calls
    `RequestDeadline.check_time` of each member about ten times a second, while the set is
    not empty. Most requests are answered before the first check, and pay for the set only.
    The price is precision: a deadline is enforced up to one period late.
    """

    def __init__(self, seconds: float, body_seconds: float) -> None:
        """Allow `body_seconds` for the body, then `seconds` until the response.

        Needs a running event loop.
        """
        self.seconds, self.body_seconds = seconds, body_seconds
        self.loop = asyncio.get_running_loop()
        self._timer = PeriodicTimer(self._check_deadlines)
        self._deadlines: set[RequestDeadline] = set()

    def add_deadline(self, deadline: "RequestDeadline") -> None:
        """Check a deadline from now on."""
        self._deadlines.add(deadline)
        self._timer.ensure_started()

    def remove_deadline(self, deadline: "RequestDeadline") -> None:
        """Stop checking a deadline."""
        self._deadlines.discard(deadline)

    def _check_deadlines(self, now: float) -> bool:
        """Check all deadlines; return whether the timer must go on."""
        for deadline in [*self._deadlines]:
            deadline.check_time(now)
        return bool(self._deadlines)


class RequestDeadline:
    """Context manager that cancels its block on disconnect or deadline.

        with RequestDeadline(request, deadlines) as deadline:
            graphql_request = await parse_request(...)
            deadline.mark_body_read()
            ...

    States, with the time of each counted from its start:

        __enter__
            |
            v
        RECEIVING BODY ---- deadlines.body_seconds ----------> cancelled: BodyTimeoutError
            |
            | mark_body_read()
            v
        EXECUTING --------- deadlines.seconds ---------------> cancelled: DeadlineExceededError
            |                                                            ^
            | DISCONNECT_WATCH_DELAY_SECONDS                             |
            v                                                            |
        EXECUTING, CLIENT WATCHED -- deadlines.seconds ------------------+
            |           |
            |           +---------- http.disconnect ---------> cancelled: ClientDisconnectedError
            v
        __exit__ (from any state: no more checks, the watching task is cancelled)

    **Why two phases.** While the body is being received, `parse_request` itself calls ASGI's
    `receive`, and sees a disconnect by itself. Afterwards the only message left is
    `http.disconnect`, so a task may wait for it; that task is started late, so that short
    queries need none.

    **How work is cancelled.** `_cancel_task` remembers the reason and cancels the task that
    entered the context. The CancelledError passes through the block, so that running statements
    are cancelled in the database and connections return to their pool. `__exit__` then
    replaces it by the remembered error, which `http/errors.py` maps to a response.

    **Cancellation by others.** The server may cancel the same task, at shutdown for example.
    As in `asyncio.timeout`, the context compares `Task.uncancel()` with the count at the
    start: if another cancellation is pending, the CancelledError is left as it is. A block that
    ended before the cancellation reached it has its result or its own error.
    """

    def __init__(self, request: RequestHead, deadlines: RequestDeadlines) -> None:
        """Limit the work on `request`."""
        self._request, self._deadlines = request, deadlines
        self._make_error: Callable[[], Exception] | None = None
        self._disconnect_watcher: asyncio.Task[None] | None = None
        self._is_body_read = False

    def __enter__(self) -> Self:
        # The loop is passed in: before Python 3.12 asyncio makes a system call to get it.
        loop = self._deadlines.loop
        task = asyncio.current_task(loop)
        assert task is not None
        self._task, self._initial_cancel_count = task, task.cancelling()
        self._phase_started_at = loop.time()
        self._deadlines.add_deadline(self)
        return self

    def mark_body_read(self) -> None:
        """Start the second phase: from now on `receive` can only return a disconnect."""
        self._is_body_read, self._phase_started_at = True, self._deadlines.loop.time()

    def __exit__(
        self,
        _error_type: type[BaseException] | None,
        error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._deadlines.remove_deadline(self)
        if self._disconnect_watcher is not None:
            self._disconnect_watcher.cancel()
        if self._make_error is None or self._task.uncancel() > self._initial_cancel_count:
            return
        if isinstance(error, asyncio.CancelledError):
            raise self._make_error() from error

    def check_time(self, now: float) -> None:
        """Cancel the request if its phase has lasted too long; watch its client if it is slow."""
        elapsed = now - self._phase_started_at
        if self._make_error is not None or elapsed < DISCONNECT_WATCH_DELAY_SECONDS:
            return
        body_seconds = self._deadlines.body_seconds
        if elapsed > (self._deadlines.seconds if self._is_body_read else body_seconds):
            self._cancel_task(
                DeadlineExceededError
                if self._is_body_read
                else partial(BodyTimeoutError, body_seconds)
            )
        elif self._is_body_read and self._disconnect_watcher is None:
            self._disconnect_watcher = self._deadlines.loop.create_task(self._watch_disconnect())

    async def _watch_disconnect(self) -> None:
        while (await self._request.receive())["type"] != "http.disconnect":
            pass
        self._cancel_task(ClientDisconnectedError)

    def _cancel_task(self, make_error: Callable[[], Exception]) -> None:
        self._make_error = make_error
        self._task.cancel()
