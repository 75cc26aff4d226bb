"""Choice of the event source, its listener, and the pruning of old events."""

import asyncio
import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Literal

import psycopg

from gateway.db.driver.connection_options import ConnectionOptions
from gateway.db.driver.errors import TimedOutError, UnavailableError, UnreadableTableError
from gateway.db.driver.transactions import TransactionPool
from gateway.db.events import feed
from gateway.db.events.listener import EventListener
from gateway.db.events.polling import PollingReader
from gateway.db.events.triggers import (
    FUNCTION_VERSION,
    NOTIFY_CHANNEL,
    EventSourceError,
    TriggerStatus,
)

log = logging.getLogger(__name__)
SourceKind = Literal["triggers", "poll", "off"]
SOURCE_DESCRIPTIONS: Mapping[SourceKind, str] = {
    "triggers": "Resource events come from triggers.",
    "poll": "Resource events come from polling, which misses deletions and intermediate states; "
    "`gateway events install` installs triggers.",
    "off": "Resource events are disabled (GATEWAY_EVENTS=off).",
}
"""Descriptions of the sources in the output of `gateway check`."""
EXPLICIT_SOURCES: Mapping[str, SourceKind] = {"poll": "poll", "off": "off"}
PRUNE_INTERVAL = timedelta(hours=1)
"""Interval between deletions of old events."""
UNREADABLE_MESSAGE = (
    "The database role may not read the events that the triggers write: GRANT USAGE ON SCHEMA "
    "gateway, and SELECT, DELETE, UPDATE ON gateway.resource_event, gateway.event_horizon."
)
NOT_INSTALLED_MESSAGE = (
    "GATEWAY_EVENTS is triggers, but none are installed: run `gateway events install`."
)


def choose_source(status: TriggerStatus, requested_source: str) -> SourceKind:
    """Return the source that GATEWAY_EVENTS requests.

    Raises EventSourceError if triggers are requested and not installed or not readable.
    """
    if requested_source in EXPLICIT_SOURCES:
        return EXPLICIT_SOURCES[requested_source]
    if status.is_complete and status.is_readable:
        return "triggers"
    if requested_source == "triggers":
        raise EventSourceError(UNREADABLE_MESSAGE if status.is_complete else NOT_INSTALLED_MESSAGE)
    return "poll"


def describe_source(status: TriggerStatus, kind: SourceKind) -> list[str]:
    """Return lines for `gateway check`: the source, and what to repair about it."""
    lines = [SOURCE_DESCRIPTIONS[kind]]
    if status.is_complete and not status.is_readable:
        lines.append(UNREADABLE_MESSAGE)
    if status.is_complete and not status.is_current:
        lines.append(
            f"The triggers have version {status.installed_version}, this gateway has "
            f"{FUNCTION_VERSION}: `gateway events install` replaces them."
        )
    return lines


def create_listener(
    options: ConnectionOptions, kind: SourceKind, poll_seconds: float
) -> EventListener | None:
    """Return a listener to a source; None if events are off.

    LISTEN is not possible behind a pooler; the listener then reads every `poll_seconds`.
    """
    if kind == "off":
        return None
    if kind == "poll":
        return EventListener(options, PollingReader(), None, poll_seconds=poll_seconds)
    channel = NOTIFY_CHANNEL if options.batch_preamble is None else None
    return EventListener(options, feed, channel, poll_seconds=poll_seconds)


async def prune_periodically(transaction_pool: TransactionPool, older_than: timedelta) -> None:
    """Delete older events now and every hour until cancelled.

    Several processes may do this at the same time.
    """
    while True:
        try:
            await feed.prune_events(transaction_pool, older_than)
        except UnreadableTableError as error:
            log.warning("Old events can't be deleted. %s (%s)", UNREADABLE_MESSAGE, error)
        except (psycopg.Error, UnavailableError, TimedOutError) as error:
            log.warning("Old events could not be deleted; next attempt in an hour: %s", error)
        await asyncio.sleep(PRUNE_INTERVAL.total_seconds())
