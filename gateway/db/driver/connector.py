"""Opening connections in the background; after a failure there are pauses, which grow."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from random import uniform
from typing import Any

from gateway.db.driver.pipeline_connection import Line

log = logging.getLogger(__name__)
LEAST, MOST = 0.05, 1.0
"""The first pause after a failure, and the longest, in seconds."""


class Opening:
    """Opens connections one by one or at the same time, as they are asked for."""

    def __init__(
        self,
        connect: Callable[[], Coroutine[Any, Any, Line]],
        opened: Callable[[Line], None],
        paused: Callable[[], None],
    ) -> None:
        """Open by `connect`, and tell `opened`; `paused` hears when a pause is over."""
        self._connect, self._opened, self._paused = connect, opened, paused
        self._tasks: set[asyncio.Task[Line]] = set()
        self._pause: asyncio.TimerHandle | None = None
        self._next = LEAST

    def __len__(self) -> int:
        return len(self._tasks)

    def start(self) -> None:
        """Open one more, unless the last try failed a moment ago."""
        if self._pause is None:
            task = asyncio.create_task(self._connect())
            self._tasks.add(task)
            task.add_done_callback(self._done)

    def _done(self, task: "asyncio.Task[Line]") -> None:
        known = task in self._tasks
        self._tasks.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if error is not None:
            self._failed(error)
        elif known:
            self._next = LEAST
            self._opened(task.result())
        else:
            task.result().close()

    def _failed(self, error: BaseException) -> None:
        if self._pause is not None:
            return
        if self._next == LEAST:
            why = str(error).partition("\n")[0]
            log.warning("The database can't be reached: %s", why)
        seconds = self._next * uniform(0.5, 1)  # noqa: S311 - so that not all workers come at once
        self._pause = asyncio.get_running_loop().call_later(seconds, self._over)
        self._next = min(self._next * 2, MOST)

    def _over(self) -> None:
        self._pause = None
        self._paused()

    def forget(self) -> None:
        """Open none of those that are being opened."""
        for task in self._tasks:
            task.cancel()
        self._tasks.clear()

    async def close(self) -> None:
        """Open nothing any more."""
        tasks = list(self._tasks)
        self.forget()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._pause is not None:
            self._pause.cancel()
