"""Tasks of requests that were sent: they end by themselves, also if their client has left."""

import asyncio
import logging
import time
from collections.abc import Coroutine
from typing import Any, TypeVar

log = logging.getLogger(__name__)
T = TypeVar("T")
FINISH_SECONDS = 1.5
"""Seconds in which requests may still be answered when the process stops, after its drain."""


class NoAnswerYetError(Exception):
    """The time of the client's request is over, and Waldur has not answered."""


class RequestTasks:
    """The tasks of a process that send requests."""

    def __init__(self) -> None:
        """Start without tasks."""
        self._tasks: set[asyncio.Task[Any]] = set()

    def start_task(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run work in a task."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def await_task(self, task: asyncio.Task[T], give_up_at: float | None) -> T:
        """Return the result of a task, which goes on if its client does not wait any longer.

        Raises NoAnswerYetError at `give_up_at`, a time of `time.monotonic`.
        """
        seconds = None if give_up_at is None else max(give_up_at - time.monotonic(), 0)
        try:
            await asyncio.wait({task}, timeout=seconds)
        finally:
            if not task.done():
                task.add_done_callback(_log_outcome)
        if not task.done():
            raise NoAnswerYetError
        return task.result()

    async def close(self) -> None:
        """Wait for tasks that run, then cancel those that have not ended."""
        if not self._tasks:
            return
        _, unfinished = await asyncio.wait(self._tasks, timeout=FINISH_SECONDS)
        for each in unfinished:
            each.cancel()
        if unfinished:
            log.warning(
                "%d requests to Waldur's REST API had no answer when the process stopped.",
                len(unfinished),
            )
            await asyncio.gather(*unfinished, return_exceptions=True)


def _log_outcome(task: asyncio.Task[Any]) -> None:
    """Log what came of a request whose client did not wait for it."""
    if task.cancelled():
        return
    outcome = task.exception() or task.result()
    log.info("A request to Waldur's REST API ended after its client had left: %s", outcome)
