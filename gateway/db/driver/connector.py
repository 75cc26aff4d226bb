"""Opens connections in the background, with exponential back-off after failures."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from random import uniform
from typing import Any

from gateway.db.driver.pipeline_connection import PipelineConnection
from gateway.db.driver.session_settings import UnexpectedSpellingError

log = logging.getLogger(__name__)
MIN_BACKOFF_SECONDS, MAX_BACKOFF_SECONDS = 0.05, 1.0
"""First and longest delay after a failed attempt, in seconds."""


class Connector:
    """Opens connections as background tasks.

    Several attempts may run at the same time. After a failed one no attempt is
    started until a delay is over. The delay doubles with each failure in a row;
    a connection that opens resets it.
    """

    def __init__(
        self,
        connect: Callable[[], Coroutine[Any, Any, PipelineConnection]],
        on_opened: Callable[[PipelineConnection], None],
        on_backoff_over: Callable[[], None],
    ) -> None:
        """Open connections by `connect`.

        `on_opened` is called with each of them, `on_backoff_over` when a delay ends.
        """
        self._connect, self._on_opened, self._on_backoff_over = connect, on_opened, on_backoff_over
        self._tasks: set[asyncio.Task[PipelineConnection]] = set()
        self._backoff_timer: asyncio.TimerHandle | None = None
        self._next_backoff_seconds = MIN_BACKOFF_SECONDS

    def __len__(self) -> int:
        return len(self._tasks)

    def start_connecting(self) -> None:
        """Start one more attempt, except during a back-off delay."""
        if self._backoff_timer is None:
            task = asyncio.create_task(self._connect())
            self._tasks.add(task)
            task.add_done_callback(self._on_task_done)

    def _on_task_done(self, task: "asyncio.Task[PipelineConnection]") -> None:
        is_pending = task in self._tasks
        self._tasks.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if error is not None:
            self._start_backoff(error)
        elif is_pending:
            self._next_backoff_seconds = MIN_BACKOFF_SECONDS
            self._on_opened(task.result())
        else:
            task.result().close()  # it opened just before it was cancelled

    def _start_backoff(self, error: BaseException) -> None:
        if self._backoff_timer is not None:
            return
        if self._next_backoff_seconds == MIN_BACKOFF_SECONDS:
            _log_failure(error)
        delay_seconds = self._next_backoff_seconds * uniform(0.5, 1)  # noqa: S311 - jitter, so that workers don't reconnect all at once
        self._backoff_timer = asyncio.get_running_loop().call_later(
            delay_seconds, self._end_backoff
        )
        self._next_backoff_seconds = min(self._next_backoff_seconds * 2, MAX_BACKOFF_SECONDS)

    def _end_backoff(self) -> None:
        self._backoff_timer = None
        self._on_backoff_over()

    def cancel_pending(self) -> None:
        """Cancel all attempts under way."""
        for task in self._tasks:
            task.cancel()
        self._tasks.clear()

    async def close(self) -> None:
        """Cancel all attempts and the back-off delay, and wait until the attempts have ended."""
        tasks = list(self._tasks)
        self.cancel_pending()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._backoff_timer is not None:
            self._backoff_timer.cancel()


def _log_failure(error: BaseException) -> None:
    reason = str(error).partition("\n")[0]
    if isinstance(error, UnexpectedSpellingError):
        log.error("The database can't be used: %s", reason)
    else:
        log.warning("The database can't be reached: %s", reason)
