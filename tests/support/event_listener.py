"""What the tests of events share: someone who listens, and waits for what is to come."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from psycopg import AsyncConnection

from gateway.db.driver.connection_options import Session
from gateway.db.events import feed
from gateway.db.events.feed import Event, Position
from gateway.db.events.listener import Listening, Source
from gateway.db.events.triggers import CHANNEL


class Ear:
    """Keeps what it hears."""

    def __init__(self, url: str, source: Source, channel: str | None, seconds: float) -> None:
        self.listening = Listening(Session(url, 5), source, channel, seconds=seconds)
        self.heard: list[Event] = []
        self.losses = 0

    def lost(self) -> None:
        """Count a loss."""
        self.losses += 1

    @property
    def positions(self) -> list[Position]:
        """Where the events are that were heard."""
        return [each.position for each in self.heard]


@asynccontextmanager
async def ear(
    url: str, source: Source = feed, channel: str | None = CHANNEL, seconds: float = 30
) -> AsyncIterator[Ear]:
    """Listen to a database; what only the slow timer would find is not heard in time."""
    made = Ear(url, source, channel, seconds)
    running = asyncio.create_task(made.listening.run(made.heard.extend, made.lost))
    async with asyncio.timeout(10):
        await made.listening.ready.wait()
    try:
        yield made
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert running.cancelled()


async def until(true: Callable[[], bool], seconds: float = 10) -> None:
    """Wait until something is true."""
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110 - of what the database shows there is no event
            await asyncio.sleep(0.01)


@asynccontextmanager
async def connected(url: str, *, autocommit: bool = True) -> AsyncIterator[AsyncConnection[Any]]:
    """Give a connection for a while."""
    async with await AsyncConnection.connect(url, autocommit=autocommit) as connection:
        yield connection


def written(url: str) -> list[Position]:
    """Give where all events of the table are, in order."""
    with psycopg.connect(url) as connection:
        return connection.execute(
            "select xid::text::bigint, id from gateway.resource_event order by xid, id"
        ).fetchall()


def change(url: str, sql: str) -> None:
    """Run a statement and commit."""
    with psycopg.connect(url) as connection:
        connection.execute(sql.encode())
