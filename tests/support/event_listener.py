"""What the tests of events share: someone who listens, and waits for what is to come."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from psycopg import AsyncConnection

from gateway.db.driver.connection_options import ConnectionOptions
from gateway.db.events import feed
from gateway.db.events.feed import EventPosition, FeedEvent
from gateway.db.events.listener import EventListener, EventReader
from gateway.db.events.triggers import NOTIFY_CHANNEL


class EventRecorder:
    """Keeps what it hears."""

    def __init__(
        self, url: str, source: EventReader, channel: str | None, poll_seconds: float
    ) -> None:
        self.listener = EventListener(
            ConnectionOptions(url, 5), source, channel, poll_seconds=poll_seconds
        )
        self.events: list[FeedEvent] = []
        self.gap_count = 0

    def count_gap(self) -> None:
        """Count a loss."""
        self.gap_count += 1

    @property
    def positions(self) -> list[EventPosition]:
        """Where the events are that were heard."""
        return [each.position for each in self.events]


@asynccontextmanager
async def record_events(
    url: str,
    source: EventReader = feed,
    channel: str | None = NOTIFY_CHANNEL,
    poll_seconds: float = 30,
) -> AsyncIterator[EventRecorder]:
    """Listen to a database; what only the slow timer would find is not heard in time."""
    recorder = EventRecorder(url, source, channel, poll_seconds)
    running = asyncio.create_task(recorder.listener.run(recorder.events.extend, recorder.count_gap))
    async with asyncio.timeout(10):
        await recorder.listener.ready.wait()
    try:
        yield recorder
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert running.cancelled()


async def wait_until(condition: Callable[[], bool], seconds: float = 10) -> None:
    """Wait until something is true."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - of what the database shows there is no event
            await asyncio.sleep(0.01)


@asynccontextmanager
async def open_connection(
    url: str, *, autocommit: bool = True
) -> AsyncIterator[AsyncConnection[Any]]:
    """Give a connection for a while."""
    async with await AsyncConnection.connect(url, autocommit=autocommit) as connection:
        yield connection


def list_event_positions(url: str) -> list[EventPosition]:
    """Give where all events of the table are, in order."""
    with psycopg.connect(url) as connection:
        return connection.execute(
            "select xid::text::bigint, id from gateway.resource_event order by xid, id"
        ).fetchall()


def commit_sql(url: str, sql: str) -> None:
    """Run a statement and commit."""
    with psycopg.connect(url) as connection:
        connection.execute(sql.encode())
