"""Diagnosis of a marketplace's database, for `gateway check`."""

from collections.abc import Iterator

from gateway.config.settings import Settings
from gateway.db.admin.index_advice import build_index_advice
from gateway.db.driver.startup_connection import connect_database
from gateway.db.events.source import explain_source
from gateway.db.events.triggers import EventSourceError, load_trigger_status
from gateway.server.factory import detect_installation


def diagnose_marketplace(effective_settings: Settings) -> Iterator[str]:
    """Yield lines on the database: its version, missing columns, event source, missing indexes.

    Raises NoMarketplaceError if the gateway cannot serve it, EventSourceError if the
    configured event source is not available.
    """
    installation = detect_installation(effective_settings)
    assert effective_settings.database_url is not None
    creator = "`gateway init`" if installation.is_own else "Waldur"
    yield f"PostgreSQL {installation.postgres_version}, a marketplace created by {creator}"
    yield f"Visibility rules of {installation.version_rules.year}"
    for name in installation.list_missing():
        yield f"Missing in this version, read as null or empty: {name}"
    with connect_database(
        effective_settings.database_url, pooler=effective_settings.pooler
    ) as connection:
        index_statements = build_index_advice(connection)
        yield explain_source(load_trigger_status(connection), effective_settings.events)
    if index_statements:
        yield "Recommended indexes; each statement can be run while the marketplace is in use:"
        yield from index_statements
    yield "The gateway can serve this marketplace."


def describe_event_source(effective_settings: Settings) -> str:
    """Return one line for `gateway serve`: the source of events and why, or why there is none."""
    assert effective_settings.database_url is not None
    with connect_database(effective_settings.database_url) as connection:
        try:
            return explain_source(load_trigger_status(connection), effective_settings.events)
        except EventSourceError as error:
            return str(error)
