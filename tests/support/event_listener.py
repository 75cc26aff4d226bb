"""Helpers of the event tests: a recording listener, SQL, waiting for conditions."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from psycopg import AsyncConnection

from gateway.db.driver.connection_options import ConnectionOptions
from gateway.db.events import feed
from gateway.db.events.feed import EventPosition, FeedEvent
from gateway.db.events.listener import EventListener, EventReader
from gateway.db.events.triggers import NOTIFY_CHANNEL
from tests.support.time_limits import time_limit


class EventRecorder:
    """Listener that records its events."""

    def __init__(
        self, url: str, source: EventReader, channel: str | None, poll_seconds: float
    ) -> None:
        self.listener = EventListener(
            ConnectionOptions(url, 5), source, channel, poll_seconds=poll_seconds
        )
        self.events: list[FeedEvent] = []
        self.gap_count = 0

    def count_gap(self) -> None:
        """Count a gap."""
        self.gap_count += 1

    @property
    def positions(self) -> list[EventPosition]:
        """The positions of the recorded events."""
        return [each.position for each in self.events]


@asynccontextmanager
async def record_events(
    url: str,
    source: EventReader = feed,
    channel: str | None = NOTIFY_CHANNEL,
    poll_seconds: float = 3600,
) -> AsyncIterator[EventRecorder]:
    """Yield a recorder that is attached.

    With the default `poll_seconds` a test times out on events without a notification.
    """
    recorder = EventRecorder(url, source, channel, poll_seconds)
    running = asyncio.create_task(recorder.listener.run(recorder.events.extend, recorder.count_gap))
    async with time_limit(10, "the listener to be attached"):
        await recorder.listener.ready.wait()
    try:
        yield recorder
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert running.cancelled()


@asynccontextmanager
async def open_connection(
    url: str, *, autocommit: bool = True
) -> AsyncIterator[AsyncConnection[Any]]:
    """Yield a connection."""
    async with await AsyncConnection.connect(url, autocommit=autocommit) as connection:
        yield connection


def get_object_id(event: FeedEvent) -> int:
    """Return the id of the row that an event is about."""
    return int(event.list_values("id")[-1])


def list_event_positions(url: str) -> list[EventPosition]:
    """Return the positions of all events of the table, in order."""
    with psycopg.connect(url) as connection:
        return connection.execute(
            "select xid::text::bigint, id from gateway.marketplace_event order by xid, id"
        ).fetchall()


def commit_sql(url: str, sql: str) -> None:
    """Run a statement in a transaction of its own."""
    with psycopg.connect(url) as connection:
        connection.execute(sql.encode())
