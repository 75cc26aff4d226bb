"""Which source of events a marketplace has, what listens to it, and what keeps it short."""

import asyncio
import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal

import psycopg
from psycopg import AsyncConnection, errors

from gateway.db.driver.connection_options import Session
from gateway.db.events import feed
from gateway.db.events.listener import Listening
from gateway.db.events.polling import Polled
from gateway.db.events.triggers import CHANNEL, Found, SourceError, look

log = logging.getLogger(__name__)
Kind = Literal["triggers", "poll", "off"]
WORDS: Mapping[Kind, str] = {
    "triggers": "by triggers",
    "poll": "by a look now and then, which sees neither deletions nor each step; "
    "`gateway events install` makes triggers",
    "off": "not at all (GATEWAY_EVENTS)",
}
"""How changes of resources are seen, for people."""
GIVEN: Mapping[str, Kind] = {"poll": "poll", "off": "off"}
OFTEN = timedelta(hours=1)
"""How often what is too old is removed."""
UNREADABLE = (
    "The triggers write what the database's role may not read: GRANT USAGE ON SCHEMA gateway, and "
    "SELECT, DELETE, UPDATE ON gateway.resource_event, gateway.event_horizon."
)
ABSENT = "There are no triggers (GATEWAY_EVENTS): `gateway events install` makes them."


def chosen(connection: psycopg.Connection[Any], wanted: str) -> Kind:
    """Give the source that is `wanted`, by GATEWAY_EVENTS; SourceError if it can't be had."""
    if wanted in GIVEN:
        return GIVEN[wanted]
    have = look(connection)
    if have.whole and have.readable:
        return "triggers"
    if wanted == "triggers":
        raise SourceError(UNREADABLE if have.whole else ABSENT)
    return "poll"


def told(have: Found, kind: Kind) -> list[str]:
    """Tell people which source is used, and what would be better."""
    lines = [f"Changes of resources are seen {WORDS[kind]}."]
    if have.whole and not have.readable:
        lines.append(UNREADABLE)
    if have.whole and not have.current:
        lines.append("The triggers are of another version: `gateway events install` renews them.")
    return lines


def listening(session: Session, kind: Kind, seconds: float) -> Listening | None:
    """Give what listens to a source; None if it is off.

    Behind a pooler nobody can listen, and looks every so many `seconds`.
    """
    if kind == "off":
        return None
    if kind == "poll":
        return Listening(session, Polled(), None, seconds=seconds)
    channel = CHANNEL if session.first is None else None
    return Listening(session, feed, channel, seconds=seconds)


async def keep_short(session: Session, older_than: timedelta) -> None:
    """Remove from the table what is older, now and every hour, until cancelled.

    The session is one that writes. Many processes may do this at once.
    """
    while True:
        try:
            async with await AsyncConnection.connect(session.url, **session.given) as connection:
                await feed.forget(connection, older_than)
        except errors.InsufficientPrivilege:
            log.warning("Events are not removed when they are old. %s", UNREADABLE)
        except (psycopg.Error, OSError) as error:
            log.warning("Old events wait for the database: %s", error)
        await asyncio.sleep(OFTEN.total_seconds())
