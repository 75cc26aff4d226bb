"""Work ends when nobody waits for it any more: the client is gone, or the time is up."""

import asyncio
from types import TracebackType
from typing import Self

from starlette.requests import Request

SOON = 0.25
"""Seconds in which most requests are answered; only after them is the client watched."""


class GoneError(Exception):
    """The client hung up."""


class LateError(Exception):
    """The answer took too long."""


class Attended:
    """A context that is left by GoneError or LateError when what is done in it is of no use.

    The request's body must have been read before.
    """

    def __init__(self, request: Request, seconds: float) -> None:
        """Work for `request`, for at most so many seconds."""
        self._request, self._seconds = request, seconds
        self._why: type[Exception] | None = None
        self._watching: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        task = asyncio.current_task()
        assert task is not None
        self._working, self._asked = task, task.cancelling()
        self._timer = asyncio.get_running_loop().call_later(SOON, self._begin)
        return self

    async def __aexit__(
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
        self._watching = asyncio.get_running_loop().create_task(self._watch())

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
