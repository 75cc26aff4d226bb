"""Installation monitor: whether requests can be served, and with which tables and columns."""

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from gateway.db import tables
from gateway.db.access.viewer import Viewer
from gateway.db.access.viewer_loader import ViewerLoader
from gateway.db.driver.database import (
    Database,
    TimedOutError,
    UnavailableError,
    UnreadableTableError,
)
from gateway.db.installation.installation import (
    Installation,
    NoMarketplaceError,
    inspect_again,
)
from gateway.db.query_spec import ColumnRef, PageWindow, QuerySpec, SortOrder
from gateway.db.sql.compiler import StatementCompiler
from gateway.fairness.build_worker import BuildWorker
from gateway.fairness.running_time import running_timeout
from gateway.loaders.read_loader import NO_KEY, ReadLoader

log = logging.getLogger(__name__)
MAX_AGE_SECONDS = 1.0
"""Age up to which the result of a check is used again; pause between checks after failures."""
MAX_CHECK_SECONDS = 4.0
"""Longest duration of a check; the database counts as not available after it."""
_UNKNOWN_TOKEN = "readiness-check"  # noqa: S105 - no token has hyphens
_FIRST_RESOURCE = QuerySpec(
    tables.resource,
    tuple(ColumnRef(column) for column in tables.resource.c),
    page_window=PageWindow(SortOrder(()), limit=1),
)


@dataclass(frozen=True)
class InstallationParts:
    """What is made for one installation. A request that runs keeps the parts it began with."""

    statement_compiler: StatementCompiler
    viewer_loader: ViewerLoader

    @property
    def installation(self) -> Installation:
        """The installation."""
        return self.statement_compiler.installation


class InstallationMonitor:
    """Monitor of the tables that a process reads: it checks them, and exchanges what they decide.

    A check does what requests do. Its result is the response of /readyz.

        /readyz, unless the last check is recent -----+
        a statement failed: UnreadableTableError -----+--> read the catalogue (`inspect_again`)
        `interval_seconds` are over ------------------+      |
                                                             +- a table is missing, or may not be
          parts exchanged: new requests use them             |  read ------------> NOT READY
                    ^                                        v
                    +-- changed ---------------------- compare with the installation
                    |                                        | as before
                    v                                        v
                   look up a token, expand roles, read a resource -- any error --> NOT READY
                             |
                             v
                           READY

    While a table is missing the parts stay as they are: fields of that table fail with
    UNAVAILABLE, all others are served. An empty list instead would be a lie. Columns, and tables
    that come, change the parts: they are replaced by others in one turn of the event loop.
    """

    def __init__(
        self,
        database: Database,
        installation: Installation,
        build_worker: BuildWorker,
        *,
        rules_year: int | None,
        interval_seconds: float,
    ) -> None:
        """Start with an installation; `rules_year` is that of the settings, if not detected."""
        self._database, self._build_worker = database, build_worker
        self._rules_year, self._interval_seconds = rules_year, interval_seconds
        self.parts = self._build_parts(installation)
        """The parts that requests use from now on."""
        self.exchange_listeners: list[Callable[[InstallationParts], None]] = []
        """Called with new parts, in the same turn of the event loop."""
        self._check_task: asyncio.Task[str | None] | None = None
        self._checked_at = 0.0
        self._last_problem: str | None = None

    def get_compiler(self) -> StatementCompiler:
        """Return the compiler for new requests."""
        return self.parts.statement_compiler

    def _build_parts(self, installation: Installation) -> InstallationParts:
        return InstallationParts(
            StatementCompiler(installation, self._build_worker),
            ViewerLoader(installation, self._database),
        )

    async def run_checks(self) -> None:
        """Check after statements that failed, and periodically, until cancelled."""
        failure_event = self._database.unreadable_table_found
        try:
            while True:
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._interval_seconds):
                        await failure_event.wait()
                failure_event.clear()
                if self._check_task is not None:
                    await asyncio.wait({self._check_task})
                await asyncio.shield(self._start_check())
                await asyncio.sleep(MAX_AGE_SECONDS)
        finally:
            if self._check_task is not None:
                self._check_task.cancel()

    async def find_problem(self) -> str | None:
        """Return why requests can't be served; None if they can.

        Concurrent callers share a check, and its result is used for MAX_AGE_SECONDS.
        """
        task = self._check_task
        is_outdated = task is None or (
            task.done() and time.monotonic() - self._checked_at > MAX_AGE_SECONDS
        )
        return await asyncio.shield(self._start_check() if task is None or is_outdated else task)

    def _start_check(self) -> "asyncio.Task[str | None]":
        self._check_task = asyncio.create_task(self._check_database())
        return self._check_task

    async def _check_database(self) -> str | None:
        """Check once; return the problem, which is logged when it begins and when it ends."""
        problem = await self._describe_failure()
        self._checked_at = time.monotonic()
        if problem != self._last_problem:
            log.warning("%s", problem or "All tables can be read again.")
        self._last_problem = problem
        return problem

    async def _describe_failure(self) -> str | None:
        reading_task = asyncio.ensure_future(self._read_marketplace())
        try:
            async with running_timeout(MAX_CHECK_SECONDS):
                await self._database.wait_for_result(reading_task)
        except NoMarketplaceError as error:
            return str(error)
        except UnreadableTableError as error:
            return f"The database's role can't read the marketplace: {error}."
        except (UnavailableError, TimedOutError, TimeoutError):
            return "The database is not available."
        except Exception:
            log.exception("The check of the database failed")
            return "The marketplace can't be read; the log has the error."
        finally:
            reading_task.cancel()
        return None

    async def _read_marketplace(self) -> None:
        """Read the catalogue, exchange the parts if it has changed, then do what requests do."""
        installation = await inspect_again(
            self._database, self.parts.installation, self._rules_year
        )
        if not installation.is_same_as(self.parts.installation):
            self._exchange_parts(installation)
        viewer_loader, compiler = self.parts.viewer_loader, self.parts.statement_compiler
        await viewer_loader.load_token_holder(_UNKNOWN_TOKEN)
        await viewer_loader.load_viewer(None, None)
        loader = ReadLoader(self._database, compiler, Viewer(is_staff=True))
        await loader.load_rows(_FIRST_RESOURCE, NO_KEY)

    def _exchange_parts(self, installation: Installation) -> None:
        log.warning(
            "The tables of the marketplace have changed; missing now: %s",
            ", ".join(installation.list_missing()) or "none",
        )
        self.parts = self._build_parts(installation)
        for listener in self.exchange_listeners:
            listener(self.parts)
