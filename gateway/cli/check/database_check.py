"""Check of the database: version, privileges, indexes, source of events."""

import time
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

import psycopg

from gateway.cli.check.report import (
    Finding,
    Section,
    report_failure,
    report_note,
    report_success,
    report_warning,
)
from gateway.config.settings import Settings
from gateway.db.admin.grants import list_missing_grants
from gateway.db.admin.index_advice import build_index_advice
from gateway.db.admin.role_status import RoleStatus, load_role_status
from gateway.db.events.source import explain_source, find_trigger_problem
from gateway.db.events.triggers import EventSourceError, load_trigger_status
from gateway.db.installation.installation import (
    Installation,
    NoMarketplaceError,
    inspect_installation,
)

MAX_CLOCK_SECONDS = 5
"""Largest difference of two clocks that is not reported."""


class DatabaseCheck:
    """Check over one connection; `installation` is there after `check_tables` if it can be read."""

    def __init__(self, connection: psycopg.Connection[Any], settings: Settings) -> None:
        """Check what `settings` request."""
        self._connection, self._settings = connection, settings
        self._status = load_role_status(connection)
        self._missing_grants = list_missing_grants(connection)
        self.installation: Installation | None = None

    def iterate_sections(self) -> Iterator[Section]:
        """Yield the sections. Raises NoMarketplaceError if the database has no marketplace."""
        yield Section("Database", [*self._check_tables()])
        yield Section("Privileges", [*self._check_privileges()])
        if self.installation is not None:
            yield Section("Indexes", [self._check_indexes()])
            yield Section("Events", [self._check_events()])

    def check_idempotency_keys(self) -> Iterator[Finding]:
        """Yield a warning if mutations with idempotency keys can't be carried out."""
        if self._status.has_key_table and not self._status.is_replica:
            return
        yield report_warning(
            "Mutations with an idempotencyKey return Unavailable: `gateway events install` creates "
            "the table of the keys, on a primary server"
        )

    def _check_tables(self) -> Iterator[Finding]:
        try:
            self.installation = inspect_installation(self._connection, self._settings.rules_year)
        except NoMarketplaceError as error:
            if not self._missing_grants:
                raise
            yield report_failure(str(error))
        else:
            yield from _describe_installation(self.installation)
        yield from _check_server(self._status)

    def _check_privileges(self) -> Iterator[Finding]:
        if self._missing_grants:
            is_served = self.installation is not None
            report_missing = report_warning if is_served else report_failure
            yield report_missing(
                f"The role {self._status.role} lacks privileges; run as the owner of the tables:",
                self._missing_grants,
            )
        else:
            yield report_success(f"The role {self._status.role} may read all that is needed")
        if self.installation is None or not self.installation.is_own:
            yield from _check_excess(self._status)

    def _check_indexes(self) -> Finding:
        statements = build_index_advice(self._connection)
        if not statements:
            return report_success("No index is missing")
        return report_warning(
            "Recommended indexes; each statement can be run while the marketplace is in use:",
            statements,
        )

    def _check_events(self) -> Finding:
        status, requested_source = load_trigger_status(self._connection), self._settings.events
        try:
            explanation = explain_source(status, requested_source)
        except EventSourceError as error:
            return report_failure(str(error))
        is_compromise = requested_source == "auto" and find_trigger_problem(status) is not None
        return (report_warning if is_compromise else report_success)(explanation)


def _describe_installation(installation: Installation) -> Iterator[Finding]:
    creator = "`gateway init`" if installation.is_own else "Waldur"
    yield report_success(
        f"PostgreSQL {installation.postgres_version}, a marketplace created by {creator}"
    )
    yield report_success(f"Visibility rules of {installation.version_rules.year}")
    missing_names = installation.list_missing()
    if missing_names:
        yield report_note(
            "Missing in this version, read as null or empty lists:", *_group_names(missing_names)
        )


def _group_names(names: Sequence[str]) -> Iterator[str]:
    """Yield missing tables in one line, and the missing columns of each other table in another."""
    table_names = [each for each in names if "." not in each]
    if table_names:
        yield ", ".join(table_names)
    columns = [each.split(".") for each in names if "." in each]
    for table, pairs in groupby(columns, lambda pair: pair[0]):
        yield f"{table}: {', '.join(column for _, column in pairs)}"


def _check_server(status: RoleStatus) -> Iterator[Finding]:
    if status.is_replica:
        delay = "" if status.replay_seconds is None else f", {status.replay_seconds:.0f} s behind"
        yield report_warning(
            f"The server is a replica{delay}: clients read changes with its delay, events are "
            "polled from it, and idempotency keys can't be stored"
        )
    yield from check_clock("The database server's clock", status.server_seconds)


def _check_excess(status: RoleStatus) -> Iterator[Finding]:
    if status.is_superuser:
        yield report_warning(
            f"The role {status.role} is a superuser; the gateway needs one that only reads: "
            "`gateway check --grants` prints its privileges"
        )
    elif status.writable_tables:
        yield report_warning(
            f"The role {status.role} may change tables of Waldur, which the gateway never does:",
            [", ".join(status.writable_tables)],
        )


def check_clock(name: str, other_seconds: float) -> Iterator[Finding]:
    """Yield a warning if another clock differs from this machine's."""
    difference = other_seconds - time.time()
    if abs(difference) > MAX_CLOCK_SECONDS:
        direction = "ahead of" if difference > 0 else "behind"
        yield report_warning(
            f"{name} is {abs(difference):.0f} s {direction} this machine's: tokens may expire "
            "early or late"
        )
