"""Work ends when nobody waits for it any more: the client is gone, or the time is up.

The loop is passed in: before Python 3.12 asyncio makes a system call to find it.
"""

import asyncio
from types import TracebackType
from typing import Self

from starlette.requests import Request

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


class Attended:
    """A context that is left when what is done in it is of no use.

    That is by StalledError if the body does not come, then by GoneError or LateError.
    """

    def __init__(self, request: Request, seconds: float, loop: asyncio.AbstractEventLoop) -> None:
        """Work for `request`, for at most so many seconds."""
        self._request, self._seconds, self._loop = request, seconds, loop
        self._why: type[Exception] | None = None
        self._watching: asyncio.Task[None] | None = None
        self._read = self._late = False

    def __enter__(self) -> Self:
        task = asyncio.current_task(self._loop)
        assert task is not None
        self._working, self._asked = task, task.cancelling()
        self._timer = self._loop.call_later(SOON, self._begin)
        return self

    def read(self) -> None:
        """Hear that the body was read: what comes now can only say that the client is gone."""
        self._read = True
        if self._late:
            self._timer.cancel()
            self._begin()

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._timer.cancel()
        if self._watching is not None:
            self._watching.cancel()
        if self._why is None or self._working.uncancel() > self._asked:
            return
        if isinstance(error, asyncio.CancelledError):
            raise self._why from error

    def _begin(self) -> None:
        self._late = True
        if self._read:
            self._watching = self._loop.create_task(self._watch())
        else:
            self._timer = self._loop.call_later(PATIENCE - SOON, self._end, StalledError)

    async def _watch(self) -> None:
        try:
            async with asyncio.timeout(self._seconds - SOON):
                while (await self._request.receive())["type"] != "http.disconnect":
                    pass
        except TimeoutError:
            self._end(LateError)
        else:
            self._end(GoneError)

    def _end(self, why: type[Exception]) -> None:
        self._why = why
        self._working.cancel()
