"""Work ends when nobody waits for it any more: the client is gone, or the time is up.

One timer looks after all requests: most are answered before it sees them.
"""

import asyncio
from types import TracebackType
from typing import Self

from gateway.db.driver.timer import PeriodicTimer
from gateway.http.request_head import RequestHead

DISCONNECT_WATCH_DELAY_SECONDS = 0.25
"""Seconds in which most requests are answered; only after them is the client watched."""
BODY_TIMEOUT_SECONDS = 30
"""Seconds for a body to come."""


class ClientDisconnectedError(Exception):
    """The client hung up."""


class DeadlineExceededError(Exception):
    """The answer took too long."""


class BodyTimeoutError(Exception):
    """The body did not come."""

    def __init__(self) -> None:
        super().__init__("The body did not come in time.")


class RequestDeadlines:
    """The requests that are being answered."""

    def __init__(self, seconds: float) -> None:
        """Give each of them so many seconds; in a running event loop."""
        self.seconds, self.loop = seconds, asyncio.get_running_loop()
        self._timer = PeriodicTimer(self._check_deadlines)
        self._deadlines: set[RequestDeadline] = set()

    def add_deadline(self, deadline: "RequestDeadline") -> None:
        """Look after a request from now on."""
        self._deadlines.add(deadline)
        self._timer.ensure_started()

    def remove_deadline(self, deadline: "RequestDeadline") -> None:
        """Have done with a request."""
        self._deadlines.discard(deadline)

    def _check_deadlines(self, now: float) -> bool:
        for deadline in [*self._deadlines]:
            deadline.check_time(now)
        return bool(self._deadlines)


class RequestDeadline:
    """A context that is left when what is done in it is of no use.

    That is by StalledError if the body does not come, then by GoneError or LateError.
    """

    def __init__(self, request: RequestHead, deadlines: RequestDeadlines) -> None:
        """Work for `request`."""
        self._request, self._deadlines = request, deadlines
        self._error_type: type[Exception] | None = None
        self._disconnect_watcher: asyncio.Task[None] | None = None
        self._is_body_read = False

    def __enter__(self) -> Self:
        # The loop is passed in: before Python 3.12 asyncio makes a system call to find it.
        loop = self._deadlines.loop
        task = asyncio.current_task(loop)
        assert task is not None
        self._task, self._initial_cancel_count, self._phase_started_at = (
            task,
            task.cancelling(),
            loop.time(),
        )
        self._deadlines.add_deadline(self)
        return self

    def mark_body_read(self) -> None:
        """Hear that the body was read: what comes now can only say that the client is gone."""
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
        if self._error_type is None or self._task.uncancel() > self._initial_cancel_count:
            return
        if isinstance(error, asyncio.CancelledError):
            raise self._error_type from error

    def check_time(self, now: float) -> None:
        """Look after a request that has not been answered yet."""
        elapsed = now - self._phase_started_at
        if self._error_type is not None or elapsed < DISCONNECT_WATCH_DELAY_SECONDS:
            return
        if elapsed > (self._deadlines.seconds if self._is_body_read else BODY_TIMEOUT_SECONDS):
            self._cancel_task(DeadlineExceededError if self._is_body_read else BodyTimeoutError)
        elif self._is_body_read and self._disconnect_watcher is None:
            self._disconnect_watcher = self._deadlines.loop.create_task(self._watch_disconnect())

    async def _watch_disconnect(self) -> None:
        while (await self._request.receive())["type"] != "http.disconnect":
            pass
        self._cancel_task(ClientDisconnectedError)

    def _cancel_task(self, error_type: type[Exception]) -> None:
        self._error_type = error_type
        self._task.cancel()
