"""Which source of events a marketplace has, what listens to it, and what keeps it short."""

import asyncio
import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal

import psycopg
from psycopg import AsyncConnection, errors

from gateway.db.driver.connection_options import ConnectionOptions
from gateway.db.events import feed
from gateway.db.events.listener import EventListener
from gateway.db.events.polling import PollingReader
from gateway.db.events.triggers import (
    NOTIFY_CHANNEL,
    EventSourceError,
    TriggerStatus,
    load_trigger_status,
)

log = logging.getLogger(__name__)
SourceKind = Literal["triggers", "poll", "off"]
SOURCE_DESCRIPTIONS: Mapping[SourceKind, str] = {
    "triggers": "by triggers",
    "poll": "by a look now and then, which sees neither deletions nor each step; "
    "`gateway events install` makes triggers",
    "off": "not at all (GATEWAY_EVENTS)",
}
"""How changes of resources are seen, for people."""
EXPLICIT_SOURCES: Mapping[str, SourceKind] = {"poll": "poll", "off": "off"}
PRUNE_INTERVAL = timedelta(hours=1)
"""How often what is too old is removed."""
UNREADABLE_MESSAGE = (
    "The triggers write what the database's role may not read: GRANT USAGE ON SCHEMA gateway, and "
    "SELECT, DELETE, UPDATE ON gateway.resource_event, gateway.event_horizon."
)
NOT_INSTALLED_MESSAGE = (
    "There are no triggers (GATEWAY_EVENTS): `gateway events install` makes them."
)


def choose_source(connection: psycopg.Connection[Any], requested_source: str) -> SourceKind:
    """Give the source that is `wanted`, by GATEWAY_EVENTS; SourceError if it can't be had."""
    if requested_source in EXPLICIT_SOURCES:
        return EXPLICIT_SOURCES[requested_source]
    status = load_trigger_status(connection)
    if status.is_complete and status.is_readable:
        return "triggers"
    if requested_source == "triggers":
        raise EventSourceError(UNREADABLE_MESSAGE if status.is_complete else NOT_INSTALLED_MESSAGE)
    return "poll"


def describe_source(status: TriggerStatus, kind: SourceKind) -> list[str]:
    """Tell people which source is used, and what would be better."""
    lines = [f"Changes of resources are seen {SOURCE_DESCRIPTIONS[kind]}."]
    if status.is_complete and not status.is_readable:
        lines.append(UNREADABLE_MESSAGE)
    if status.is_complete and not status.is_current:
        lines.append("The triggers are of another version: `gateway events install` renews them.")
    return lines


def create_listener(
    options: ConnectionOptions, kind: SourceKind, poll_seconds: float
) -> EventListener | None:
    """Give what listens to a source; None if it is off.

    Behind a pooler nobody can listen, and looks every so many `seconds`.
    """
    if kind == "off":
        return None
    if kind == "poll":
        return EventListener(options, PollingReader(), None, poll_seconds=poll_seconds)
    channel = NOTIFY_CHANNEL if options.batch_preamble is None else None
    return EventListener(options, feed, channel, poll_seconds=poll_seconds)


async def prune_periodically(options: ConnectionOptions, older_than: timedelta) -> None:
    """Remove from the table what is older, now and every hour, until cancelled.

    The session is one that writes. Many processes may do this at once.
    """
    while True:
        try:
            async with await AsyncConnection.connect(
                options.url, **options.connect_arguments
            ) as connection:
                await feed.prune_events(connection, older_than)
        except errors.InsufficientPrivilege:
            log.warning("Events are not removed when they are old. %s", UNREADABLE_MESSAGE)
        except (psycopg.Error, OSError) as error:
            log.warning("Old events wait for the database: %s", error)
        await asyncio.sleep(PRUNE_INTERVAL.total_seconds())
