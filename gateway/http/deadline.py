"""Work ends when nobody waits for it any more: the client is gone, or the time is up.

One timer looks after all requests: most are answered before it sees them.
"""

import asyncio
from types import TracebackType
from typing import Self

from gateway.db.driver.timer import Watch
from gateway.http.request_head import Headed

SOON = 0.25
"""Seconds in which most requests are answered; only after them is the client watched."""
PATIENCE = 30
"""Seconds for a body to come."""


class GoneError(Exception):
    """The client hung up."""


class LateError(Exception):
    """The answer took too long."""


class StalledError(Exception):
    """The body did not come."""

    def __init__(self) -> None:
        super().__init__("The body did not come in time.")


class Attendance:
    """The requests that are being answered."""

    def __init__(self, seconds: float) -> None:
        """Give each of them so many seconds; in a running event loop."""
        self.seconds, self.loop = seconds, asyncio.get_running_loop()
        self._watch = Watch(self._look)
        self._present: set[Attended] = set()

    def enter(self, attended: "Attended") -> None:
        """Look after a request from now on."""
        self._present.add(attended)
        self._watch.wake()

    def leave(self, attended: "Attended") -> None:
        """Have done with a request."""
        self._present.discard(attended)

    def _look(self, now: float) -> bool:
        for each in [*self._present]:
            each.seen(now)
        return bool(self._present)


class Attended:
    """A context that is left when what is done in it is of no use.

    That is by StalledError if the body does not come, then by GoneError or LateError.
    """

    def __init__(self, request: Headed, attendance: Attendance) -> None:
        """Work for `request`."""
        self._request, self._attendance = request, attendance
        self._why: type[Exception] | None = None
        self._watching: asyncio.Task[None] | None = None
        self._read = False

    def __enter__(self) -> Self:
        # The loop is passed in: before Python 3.12 asyncio makes a system call to find it.
        loop = self._attendance.loop
        task = asyncio.current_task(loop)
        assert task is not None
        self._working, self._asked, self._since = task, task.cancelling(), loop.time()
        self._attendance.enter(self)
        return self

    def read(self) -> None:
        """Hear that the body was read: what comes now can only say that the client is gone."""
        self._read, self._since = True, self._attendance.loop.time()

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._attendance.leave(self)
        if self._watching is not None:
            self._watching.cancel()
        if self._why is None or self._working.uncancel() > self._asked:
            return
        if isinstance(error, asyncio.CancelledError):
            raise self._why from error

    def seen(self, now: float) -> None:
        """Look after a request that has not been answered yet."""
        passed = now - self._since
        if self._why is not None or passed < SOON:
            return
        if passed > (self._attendance.seconds if self._read else PATIENCE):
            self._end(LateError if self._read else StalledError)
        elif self._read and self._watching is None:
            self._watching = self._attendance.loop.create_task(self._watch())

    async def _watch(self) -> None:
        while (await self._request.receive())["type"] != "http.disconnect":
            pass
        self._end(GoneError)

    def _end(self, why: type[Exception]) -> None:
        self._why = why
        self._working.cancel()
