"""The database: runs statements, a batch at a time. Values that the API prints as text stay so."""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Any, Self, TypeVar

import psycopg

from gateway.db.driver.batch import Ask, Awaited, Batch, Coming, Result, Rows, fail
from gateway.db.driver.connection_options import Session
from gateway.db.driver.connection_pool import Lines
from gateway.db.driver.errors import TimedOutError, UnavailableError
from gateway.db.driver.statement import Statement

__all__ = [
    "Ask",
    "Awaited",
    "Coming",
    "Database",
    "Result",
    "Rows",
    "TimedOutError",
    "UnavailableError",
]

T = TypeVar("T")
WAIT = 2
"""Seconds to wait for a connection, and for a sign of life on one."""
PATIENCE = 3
"""Seconds without any answer after which the database counts as gone."""
_READY = Statement("select from core_user limit 1")


class Database:
    """A few connections that only read, shared by all; a batch is one flush on one of them."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self.loop = lines.loop
        """The event loop that all waiting is done on."""

    @classmethod
    async def at(
        cls,
        url: str,
        *,
        size: int = 8,
        statement_seconds: float = 10,
        pooler: bool = False,
        wait: float = WAIT,
    ) -> Self:
        """Open up to `size` connections to `url`, in the background.

        Behind a `pooler` that lends a connection for one transaction only,
        nothing is kept on a connection between two batches.
        """
        return cls(Lines(Session(url, statement_seconds, pooler=pooler), size, wait=wait))

    def send(self, queue: Sequence[Awaited]) -> None:
        """Run what is asked for in one flush; its results settle the futures, or what went wrong.

        That is UnavailableError if there is no connection to be had, TimedOutError
        if a statement takes too long, psycopg.Error if one is wrong. What nobody
        waits for any more is stopped.
        """
        try:
            batch = Batch(queue)
        except ValueError as error:
            fail([future for _, future in queue], error)
        else:
            self._lines.take(batch)

    async def run(self, asks: Sequence[Ask]) -> list[Rows]:
        """Run `asks` together and give the rows of each; what goes wrong is raised."""
        return [result.rows() for result in await self.results(asks)]

    async def results(self, asks: Sequence[Ask]) -> list[Result]:
        """Run `asks` together and give their results; what goes wrong is raised."""
        loop = asyncio.get_running_loop()
        futures: list[Coming] = [loop.create_future() for _ in asks]
        self.send(list(zip(asks, futures, strict=True)))
        try:
            return [await future for future in futures]
        finally:
            for future in futures:
                future.cancel()

    async def soon(self, answer: Awaitable[T]) -> T:
        """Wait for an answer as long as others get theirs; UnavailableError if it does not come."""
        coming = asyncio.ensure_future(answer)
        if not coming.done():
            coming.add_done_callback(_overheard)
            await self._patient(coming)
        return coming.result()

    async def _patient(self, coming: "asyncio.Future[Any]") -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        while not coming.done():
            await asyncio.wait({coming}, timeout=0.5)
            if not coming.done() and loop.time() - max(began, self._lines.answered) > PATIENCE:
                raise UnavailableError("The database does not answer.")

    async def ready(self) -> None:
        """Return if the marketplace can be read; UnavailableError if it can't."""
        try:
            await self.soon(self.run([(_READY, ())]))
        except psycopg.Error as error:
            raise UnavailableError(str(error)) from error

    async def close(self) -> None:
        """Close the connections when what is under way is done, or soon."""
        await self._lines.close()


def _overheard(late: "asyncio.Future[Any]") -> None:
    """Take note of what an answer that nobody waits for any more came to."""
    if not late.cancelled():
        late.exception()
