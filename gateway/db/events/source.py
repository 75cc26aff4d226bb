"""Choice of the event source, its listener, and the pruning of old events."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

import psycopg

from gateway.db.driver.connection_options import ConnectionOptions
from gateway.db.driver.errors import TimedOutError, UnavailableError, UnreadableTableError
from gateway.db.driver.transactions import TransactionPool
from gateway.db.events import feed
from gateway.db.events.listener import EventListener, EventReader, ListenerWatch
from gateway.db.events.polling import MAX_POLLED_ROWS, PollingReader
from gateway.db.events.triggers import (
    FUNCTION_VERSION,
    NOTIFY_CHANNEL,
    EventSourceError,
    TriggerStatus,
)

log = logging.getLogger(__name__)
SourceKind = Literal["triggers", "poll", "off"]
SOURCE_DESCRIPTIONS: Mapping[SourceKind, str] = {
    "triggers": "Events come from triggers.",
    "poll": "Events come from polling, which misses deletions and intermediate states.",
    "off": "Events are disabled.",
}
"""Descriptions of the sources in the output of `gateway check` and `gateway serve`."""
EXPLICIT_SOURCES: Mapping[str, SourceKind] = {"poll": "poll", "off": "off"}
PRUNE_INTERVAL = timedelta(hours=1)
"""Interval between deletions of old events."""
UNREADABLE_MESSAGE = (
    "The database role may not read the events that the triggers write: GRANT USAGE ON SCHEMA "
    "gateway, and SELECT, DELETE, UPDATE ON gateway.marketplace_event, gateway.event_horizon."
)
NOT_INSTALLED_MESSAGE = "The event triggers are not installed: run `gateway events install`."
INCOMPLETE_MESSAGE = (
    "The event triggers are not complete: some are disabled or missing, or their function can't "
    "write to the event table. `gateway events install` repairs them."
)


@dataclass(frozen=True)
class SourceOptions:
    """Settings of the event source."""

    requested_source: str
    """GATEWAY_EVENTS: `auto`, `triggers`, `poll` or `off`."""
    poll_seconds: float
    """Longest interval between two reads of events."""
    watch_seconds: float = 5
    """Interval at which the source is verified."""
    polled_rows: int = MAX_POLLED_ROWS
    """Maximum number of rows of each table whose last values polling remembers."""


def find_trigger_problem(status: TriggerStatus) -> str | None:
    """Return why the triggers can't be used, and the remedy; None if they can."""
    if status.installed_version is None:
        return NOT_INSTALLED_MESSAGE
    if not status.is_complete:
        return INCOMPLETE_MESSAGE
    if not status.is_current:
        return (
            f"The event triggers have version {status.installed_version}, this gateway has "
            f"{FUNCTION_VERSION}: `gateway events install` replaces them."
        )
    return None if status.is_readable else UNREADABLE_MESSAGE


def choose_source(status: TriggerStatus, requested_source: str) -> SourceKind:
    """Return the source that GATEWAY_EVENTS requests.

    Raises EventSourceError if triggers are requested and can't be used.
    """
    if requested_source in EXPLICIT_SOURCES:
        return EXPLICIT_SOURCES[requested_source]
    problem = find_trigger_problem(status)
    if problem is None:
        return "triggers"
    if requested_source == "triggers":
        raise EventSourceError(f"There are no events (GATEWAY_EVENTS=triggers). {problem}")
    return "poll"


def explain_source(status: TriggerStatus, requested_source: str) -> str:
    """Return one line: the source that GATEWAY_EVENTS requests, and why.

    Raises EventSourceError if triggers are requested and can't be used.
    """
    description = SOURCE_DESCRIPTIONS[choose_source(status, requested_source)]
    if requested_source in EXPLICIT_SOURCES:
        return f"{description} It is set by GATEWAY_EVENTS={requested_source}."
    problem = find_trigger_problem(status)
    return description if problem is None else f"{description} {problem}"


def create_listener(
    options: ConnectionOptions,
    kind: SourceKind,
    poll_seconds: float,
    *,
    watch: ListenerWatch | None = None,
    ready: asyncio.Event | None = None,
    polled_rows: int = MAX_POLLED_ROWS,
) -> EventListener:
    """Return a listener to a source, which verifies that it is still the same.

    LISTEN is not possible behind a pooler; the listener then reads every `poll_seconds`.
    """
    reader: EventReader = PollingReader(max_rows=polled_rows) if kind == "poll" else feed
    is_notified = kind == "triggers" and options.batch_preamble is None
    return EventListener(
        options,
        reader,
        NOTIFY_CHANNEL if is_notified else None,
        poll_seconds=poll_seconds,
        watch=watch,
        ready=ready,
    )


async def prune_old_events(transaction_pool: TransactionPool, older_than: timedelta) -> None:
    """Delete older events, or log why that is not possible.

    Several processes may do this at the same time.
    """
    try:
        await feed.prune_events(transaction_pool, older_than)
    except UnreadableTableError as error:
        log.warning("Old events can't be deleted. %s (%s)", UNREADABLE_MESSAGE, error)
    except (psycopg.Error, UnavailableError, TimedOutError) as error:
        log.warning("Old events could not be deleted; next attempt in an hour: %s", error)
