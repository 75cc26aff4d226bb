"""Watch of the event source: whether it can still be used, and whether it is still the same.

Positions mean something in one history only: that of the triggers that recorded the events, and
of the server that counted their transactions. So each source has a *signature*, and cursors
carry a hash of it. It changes with

* a trigger that was created, dropped, disabled or enabled: PostgreSQL writes a new version of
  its row in `pg_trigger`, whose `xmin` differs from then on. What was written while a trigger
  was disabled has no events, also if no gateway was running then. The same is true for the schema
  and the event tables, whose names and privileges the function needs to write;
* another database: the system identifier of its server, its oid, and the oids of its tables. The
  server differs after a logical restore elsewhere, the oids after one on the same server;
* an installation of the triggers: its random id is the comment on `gateway.event_horizon`;
* a promotion, by its timeline. The server counts transactions from the promotion on again, and
  those that had not reached it are lost. A restore to an earlier point in time and a fail-over
  to a standby can't be told apart, so both require a resync; after a fail-over that lost
  nothing it is superfluous, but harmless.

It stays the same over restarts, crashes, vacuuming, migrations of the tracked tables, and an
upgrade by `events install`, which replaces only the function. A standby has the signature of its
primary. A `GRANT` on the schema or the event tables changes it, which is superfluous but harmless.

A copy of the data directory that is started without recovery (a snapshot of a disk) keeps
everything, timeline included. The gateway then notices positions beyond the last transaction
(`gateway.db.events.feed`); `events uninstall` and `events install` give all a new signature.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from uuid import uuid4

from psycopg import AsyncConnection, errors

from gateway.db.driver.connection_options import ConnectionOptions
from gateway.db.driver.database import Database, Rows, StatementRequest, UnavailableError
from gateway.db.driver.statement import Statement
from gateway.db.events.listener import SourceChangedError
from gateway.db.events.source import SourceKind, choose_source, explain_source
from gateway.db.events.tracked_tables import TRACKED_TABLES
from gateway.db.events.triggers import (
    STATUS_STATEMENT,
    EventSourceError,
    parse_trigger_status,
)

log = logging.getLogger(__name__)
_SERVER_SQL = """concat_ws('/',
    (select system_identifier from pg_control_system()),
    case when pg_is_in_recovery()
        then (select greatest(timeline_id, min_recovery_end_timeline)
            from pg_control_checkpoint() cross join pg_control_recovery())
        else ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::integer
    end)"""
_TABLE_OIDS_SQL = ", ".join(
    f"to_regclass('{each.table.name}')::oid" for each in TRACKED_TABLES.values()
)
_DATABASE_SQL = f"""concat_ws('/',
    (select oid from pg_database where datname = current_database()), {_TABLE_OIDS_SQL})"""  # noqa: S608 - made from constants
_TRIGGERS_SQL = """concat_ws('/',
    (select string_agg(concat_ws(':', trig.oid, trig.xmin), ',' order by trig.oid)
        from pg_trigger trig join pg_proc proc on proc.oid = trig.tgfoid
        where proc.pronamespace = to_regnamespace('gateway')),
    (select string_agg(
            concat_ws(':', oid, xmin, obj_description(oid, 'pg_class')), ',' order by oid)
        from pg_class where relnamespace = to_regnamespace('gateway') and relkind = 'r'
            and relname like '%event%'),
    (select xmin from pg_namespace where nspname = 'gateway'))"""
SIGNATURE_STATEMENTS = (
    Statement(f"select {_SERVER_SQL}, {_DATABASE_SQL}, {_TRIGGERS_SQL}"),
    Statement(f"select null, {_DATABASE_SQL}, {_TRIGGERS_SQL}"),
)
"""Select the signature of a server, its database and its triggers; the second where
the role may not call the first's functions, or the server lacks them. Both need no privileges."""
_UNSUPPORTED_ERRORS = (
    errors.ProgrammingError,
    errors.NotSupportedError,
    errors.InternalError,
    errors.ObjectNotInPrerequisiteState,
)


@dataclass(frozen=True)
class EventSource:
    """A source of events that was chosen; equal if positions in both mean the same."""

    kind: SourceKind
    signature: tuple[str | None, ...]
    statement: Statement = field(compare=False)
    """Statement that selects the signature."""
    explanation: str = field(compare=False)
    """Why it was chosen."""

    def create_name(self) -> str:
        """Return the name of the source in cursors, a hash that does not reveal the signature.

        Positions of a poll mean nothing in other processes, so each has another name.
        """
        signature_hash = sha256("|".join(map(str, self.signature)).encode()).hexdigest()
        suffix = signature_hash if self.kind == "triggers" else uuid4().hex
        return f"{self.kind}-{suffix[:16]}"

    def parse_signature(self, rows: Rows) -> tuple[str | None, ...]:
        """Return the part of the signature in `rows` that belongs to this kind of source."""
        return _select_signature(self.kind, rows)


def _select_signature(kind: SourceKind, rows: Rows) -> tuple[str | None, ...]:
    """Return the signature of a kind of source: polling does not depend on triggers."""
    ((server, database, event_triggers),) = rows
    return (server, database, event_triggers) if kind == "triggers" else (server, database)


async def select_source(
    options: ConnectionOptions, connection: AsyncConnection[Any], requested_source: str
) -> EventSource:
    """Return the source that GATEWAY_EVENTS requests. Raises EventSourceError if it can't be used.

    Raises psycopg.Error if the database can't be reached.
    """
    status = parse_trigger_status(await _fetch_rows(options, connection, STATUS_STATEMENT))
    kind = choose_source(status, requested_source)
    statement, rows = await _load_signature(options, connection)
    explanation = explain_source(status, requested_source)
    return EventSource(kind, _select_signature(kind, rows), statement, explanation)


async def _fetch_rows(
    options: ConnectionOptions, connection: AsyncConnection[Any], statement: Statement
) -> Rows:
    async with options.begin_batch(connection):
        return await (await connection.execute(statement.sql.encode())).fetchall()


async def _load_signature(
    options: ConnectionOptions, connection: AsyncConnection[Any]
) -> tuple[Statement, Rows]:
    complete_statement, reduced_statement = SIGNATURE_STATEMENTS
    try:
        return complete_statement, await _fetch_rows(options, connection, complete_statement)
    except _UNSUPPORTED_ERRORS as error:
        log.debug("The database server's identity can't be read: %s", error)
    return reduced_statement, await _fetch_rows(options, connection, reduced_statement)


async def connect_and_select(
    options: ConnectionOptions, requested_source: str
) -> tuple[EventSource, AsyncConnection[Any]]:
    """Return the source and the connection that it was selected on, for the listener.

    A connection of a pool might still lead to a server that was replaced. Raises errors as
    `select_source`.
    """
    connection = await options.open_session()
    try:
        return await select_source(options, connection, requested_source), connection
    except BaseException:
        await connection.close()
        raise


async def load_source_name(options: ConnectionOptions, requested_source: str) -> str:
    """Return the name in cursors of the source that would be chosen now."""
    event_source, connection = await connect_and_select(options, requested_source)
    await connection.close()
    return event_source.create_name()


@dataclass(frozen=True)
class SourceWatch:
    """Watch of one source: the listener verifies it on its own connection now and then."""

    source: EventSource
    requested_source: str
    seconds: float
    """Seconds between two verifications."""

    async def verify_source(
        self, options: ConnectionOptions, connection: AsyncConnection[Any]
    ) -> None:
        """Raise SourceChangedError if the source is not the one that would be chosen now."""
        try:
            current_source = await select_source(options, connection, self.requested_source)
        except EventSourceError as error:
            raise SourceChangedError(str(error)) from error
        if current_source.kind != self.source.kind:
            raise SourceChangedError(current_source.explanation)
        if current_source != self.source:
            raise SourceChangedError(
                "The database was restored or exchanged, or its event triggers were disabled for "
                "a time or installed anew."
            )


class VerifiedDatabase:
    """Read pool whose batches verify the source: on the same connection, before other reads."""

    def __init__(self, database: Database, source: EventSource) -> None:
        self._database, self._source = database, source

    async def fetch_rows(self, requests: Sequence[StatementRequest], /) -> list[Rows]:
        """Run statements as `Database.fetch_rows` does.

        Raises UnavailableError if the source has changed, which the listener will notice, too.
        """
        signature_rows, *results = await self._database.fetch_rows(
            [(self._source.statement, ()), *requests]
        )
        if self._source.parse_signature(signature_rows) != self._source.signature:
            raise UnavailableError("The source of events has changed.")
        return results
