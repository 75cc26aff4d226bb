"""The events of one database for one process: handed on as they come, and read again."""

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta

import psycopg
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from gateway.db.driver.connection_options import Session
from gateway.db.driver.errors import UnavailableError, meant
from gateway.db.events import feed, source
from gateway.db.events.feed import Event, ForgottenError, Position
from gateway.db.events.listener import Listening, Take
from gateway.db.events.source import Kind
from gateway.db.events.triggers import SourceError

log = logging.getLogger(__name__)
CONNECTIONS, WAIT, IDLE = 2, 5, 60
"""Connections that read what was missed; seconds to wait for one, and that an idle one is kept."""
PAUSE, STATEMENT = 2, 10
"""Seconds until the database is asked once more how it is watched; that reading may take."""


class UnwatchedError(Exception):
    """Changes are not watched."""

    def __init__(self) -> None:
        super().__init__("Changes of resources are not watched here (GATEWAY_EVENTS).")


class Watching:
    """Watches what becomes of resources, by the source that is wanted and can be had."""

    def __init__(self, url: str, wanted: str, seconds: float, *, pooler: bool = False) -> None:
        """Watch the database at `url`, as GATEWAY_EVENTS and GATEWAY_EVENTS_SECONDS say."""
        self._url, self._wanted, self._seconds = url, wanted, seconds
        self._session = Session(url, STATEMENT, pooler=pooler)
        self._writing = Session(url, STATEMENT, pooler=pooler, writes=True)
        self._chosen: asyncio.Future[Kind] = asyncio.get_running_loop().create_future()
        self._listening: Listening | None = None
        self._pool = AsyncConnectionPool(
            url,
            kwargs=self._session.given,
            check=AsyncConnectionPool.check_connection,
            min_size=0,
            max_size=CONNECTIONS,
            timeout=WAIT,
            max_idle=IDLE,
            open=False,
        )

    @property
    def kind(self) -> Kind | None:
        """How changes are seen; None if that is not known yet."""
        return self._chosen.result() if self._chosen.done() else None

    @property
    def position(self) -> Position:
        """Of the event that was handed on last, or where it began; once it was attached."""
        assert self._listening is not None
        assert self._listening.position is not None
        return self._listening.position

    @property
    def attached(self) -> bool:
        """Whether what is committed now will be handed on at once."""
        return self._listening is not None and self._listening.ready.is_set()

    async def attach(self) -> None:
        """Wait until it is; UnwatchedError if it never will be."""
        if await asyncio.shield(self._chosen) == "off":
            raise UnwatchedError
        assert self._listening is not None
        await self._listening.ready.wait()

    async def run(self, take: Take, lost: Callable[[], None]) -> None:
        """Hand on all events in order until cancelled; `lost` is called if some can't be."""
        kind = await self._choice()
        self._listening = source.listening(self._session, kind, self._seconds)
        self._chosen.set_result(kind)
        if self._listening is None:
            return
        await self._pool.open()
        try:
            await self._listening.run(take, lost)
        finally:
            await self._pool.close()

    async def keep_short(self, days: int) -> None:
        """Remove events that are older than so many days, again and again, until cancelled."""
        if await asyncio.shield(self._chosen) == "triggers":
            await source.keep_short(self._writing, timedelta(days=days))

    async def after(self, position: Position, limit: int) -> list[Event] | None:
        """Give the first events after a position, in order; None if not all of them are known.

        UnavailableError if the database can't be reached, TimedOutError if it takes too long.
        """
        assert self._listening is not None
        try:
            async with self._pool.connection() as connection:
                return await self._listening.source.after(connection, position, limit)
        except ForgottenError:
            return None
        except PoolTimeout as error:
            raise UnavailableError(str(error)) from error
        except psycopg.Error as error:
            raise meant(error) from error

    async def held(self) -> float:
        """Give for how many seconds a transaction has been holding events back.

        UnavailableError if the database can't be reached.
        """
        if self.kind != "triggers":
            return 0.0
        try:
            async with self._pool.connection() as connection:
                return await feed.lag(connection)
        except (PoolTimeout, psycopg.Error) as error:
            raise UnavailableError(str(error)) from error

    async def _choice(self) -> Kind:
        while True:
            try:
                return await asyncio.to_thread(self._choose)
            except (psycopg.Error, SourceError) as error:
                log.warning("How changes are seen is not known: %s", error)
            await asyncio.sleep(PAUSE)

    def _choose(self) -> Kind:
        if self._wanted in source.GIVEN:
            return source.GIVEN[self._wanted]
        with psycopg.connect(self._url, connect_timeout=5) as connection:
            return source.chosen(connection, self._wanted)
