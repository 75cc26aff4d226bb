"""Dry runs: the checks of an operation, without its changes.

Operations check before they write. So one that runs on a `DryRunAccess` meets the same problems as
in a transaction, and its first write tells that it has met none:

    operation ── reads ──> rows of the database; locks are left out
        │
        ├── ChangeRefusedError ──> the problem
        ├── first write ─────────> WriteReachedError: all checks have passed
        └── returns ─────────────> there is nothing to write: all checks have passed, too

It needs no privilege but SELECT, and tolerates tables and columns that the installation lacks.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Column, Table

from gateway.db.driver.database import Database, Rows, StatementRequest
from gateway.db.driver.encoding import encode_text
from gateway.db.driver.row_access import RowAccess, column_default
from gateway.db.driver.statement import Statement
from gateway.db.installation.installation import Installation
from gateway.marketplace.problems import ChangeRefusedError, Problem
from gateway.marketplace.unit_of_work import UnitOfWork

MAX_CACHED_SELECTIONS = 500
"""Maximum number of selections whose missing columns are remembered."""


class WriteReachedError(Exception):
    """An operation is about to write, so all its checks have passed."""


class DryRunAccess(RowAccess):
    """Access to rows for a dry run: it reads, locks nothing, and ends at the first write."""

    takes_locks = False

    def __init__(self, database: Database, installation: Installation) -> None:
        """Read rows of an installation's database."""
        self._database, self._installation = database, installation

    async def fetch_outcomes(
        self, requests: Sequence[StatementRequest]
    ) -> Sequence[Rows | Exception]:
        """Run statements of a loader and return the rows of each, or the error it failed by."""
        return await self._database.fetch_outcomes(requests)

    async def execute_statement(self, statement: Statement, values: Mapping[str, Any]) -> Rows:
        """Run a statement and return its rows; raises WriteReachedError if it writes."""
        if statement.is_write:
            raise WriteReachedError
        parameters = tuple([encode_text(values[name]) for name in statement.parameter_names])
        (rows,) = await self._database.fetch_rows([(statement, parameters)])
        return rows

    async def select_rows(
        self, table: Table[Any], columns: Sequence[Column[Any]], criteria: Mapping[str, Any]
    ) -> Rows:
        """Return rows like those of a transaction; missing columns have the value of an insert.

        There are no rows of a missing table, nor rows that match a criterion on a missing column.
        """
        names = (*criteria, *(each.name for each in columns))
        missing = _find_missing_columns(self._installation, table, names)
        if missing is None or any(name in missing for name in criteria):
            return []
        present_columns = [each for each in columns if each.name not in missing]
        rows = await super().select_rows(table, present_columns, criteria)
        return [_add_defaults(row, columns, missing) for row in rows] if missing else rows

    async def lock_rows(self, _table: Table[Any], *_ids: int) -> bool:
        """Lock nothing."""
        return True

    async def lock_text(self, _text: str) -> None:
        """Lock nothing."""


async def find_dry_run_problem(
    unit_of_work: UnitOfWork, operation: Callable[[UnitOfWork], Awaitable[object]]
) -> Problem | None:
    """Return the problem that an operation meets; None if it would be carried out.

    `unit_of_work` reads by a `DryRunAccess`; it has the facts that the operation has loaded.
    """
    try:
        await operation(unit_of_work)
    except WriteReachedError:
        return None
    except ChangeRefusedError as error:
        return error.problem
    return None


@lru_cache(MAX_CACHED_SELECTIONS)
def _find_missing_columns(
    installation: Installation, table: Table[Any], names: tuple[str, ...]
) -> frozenset[str] | None:
    """Return which of the columns the installation lacks; None if it lacks the table."""
    if installation.lacks_table(table):
        return None
    return frozenset(name for name in names if installation.find_column(table.c[name]) is None)


def _add_defaults(
    row: Sequence[Any], columns: Sequence[Column[Any]], missing: frozenset[str]
) -> tuple[Any, ...]:
    values = iter(row)
    return tuple(column_default(each) if each.name in missing else next(values) for each in columns)
