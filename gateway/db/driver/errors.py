"""Mapping of psycopg's errors to those that callers of the driver handle."""

from collections.abc import Hashable

import psycopg
from psycopg import errors

from gateway.error_table import ErrorKind

STALE_PREPARED_STATEMENT = (
    errors.FeatureNotSupported,  # "cached plan must not change result type", after DDL
    errors.InvalidSqlStatementName,
    errors.DuplicatePreparedStatement,
)
"""Errors that mean that the server's prepared statements differ from those we recorded."""
_UNREADABLE_TABLE = (
    errors.UndefinedTable,
    errors.UndefinedColumn,
    errors.InvalidSchemaName,
    errors.InsufficientPrivilege,
    errors.UndefinedFunction,  # "operator does not exist: text = integer": a column's type changed
    errors.DatatypeMismatch,
    errors.CannotCoerce,
    errors.WrongObjectType,
    *STALE_PREPARED_STATEMENT,
    errors.InternalError_,  # such as "cache lookup failed", while a table is exchanged
)
"""Errors that mean that tables, columns or privileges differ from those that were there before."""

_LIMIT_CLASS = "54"
"""SQLSTATE class of limits of the server that a statement or a stored value exceeds."""
_ENDED_SESSION = (
    psycopg.OperationalError,
    errors.TransactionTimeout,
    errors.IdleInTransactionSessionTimeout,
)
"""Errors of the server or connection; the time-outs end it, though psycopg has them elsewhere."""


class UnavailableError(Exception):
    """The database can't be reached at present; the request may be repeated later."""

    error_kind = ErrorKind.DATABASE_UNAVAILABLE


class UnreadableTableError(UnavailableError):
    """A table or column that was readable is missing, or the role may no longer read it.

    A restore or an upgrade of the marketplace may be under way.
    """

    error_kind = ErrorKind.TABLE_UNAVAILABLE


class UnwritableError(UnavailableError):
    """The database refuses writes: it is read-only at present, or the role may not write."""

    def __init__(self, message: str, *, is_temporary: bool) -> None:
        """Store whether the same write may succeed later."""
        super().__init__(message)
        self.is_temporary = is_temporary


class TimedOutError(Exception):
    """A statement took longer than its time-out."""

    error_kind = ErrorKind.TIMEOUT
    sources: frozenset[Hashable] = frozenset()
    """The sources of the statements that failed; empty if they are unknown."""


class InvalidDataError(Exception):
    """A stored value is outside the range or the form that a statement or an operation needs."""

    error_kind = ErrorKind.INVALID_DATA


def map_error(error: Exception) -> Exception:
    """Return the error to raise for psycopg's `error`.

    A cancelled statement becomes TimedOutError, a missing or changed table, column or privilege
    UnreadableTableError, another operational error or the end of the session
    UnavailableError, and one about a value InvalidDataError, with `error` as the cause.
    All others, such as errors in the SQL, are returned unchanged.
    """
    mapped_error: Exception = error
    if isinstance(error, errors.QueryCanceled):
        mapped_error = TimedOutError(str(error))
    elif isinstance(error, _UNREADABLE_TABLE):
        mapped_error = UnreadableTableError(error.diag.message_primary or str(error))
    elif isinstance(error, _ENDED_SESSION):
        mapped_error = UnavailableError(str(error))
    elif isinstance(error, psycopg.DataError):
        mapped_error = InvalidDataError(str(error))
    if mapped_error is not error:
        mapped_error.__cause__ = error
    return mapped_error


def map_write_error(error: Exception) -> Exception:
    """Return the error to raise for psycopg's `error` in a transaction that writes.

    A refusal of all writes becomes UnwritableError; a standby may be the primary server later.
    """
    is_temporary = isinstance(error, errors.ReadOnlySqlTransaction)
    if not is_temporary and not isinstance(error, errors.InsufficientPrivilege):
        return map_error(error)
    unwritable_error = UnwritableError(str(error), is_temporary=is_temporary)
    unwritable_error.__cause__ = error
    return unwritable_error


def is_transient(error: psycopg.Error) -> bool:
    """Return whether the same statement may succeed a moment later."""
    is_permanent = isinstance(error, errors.QueryCanceled) or (
        error.sqlstate is not None and error.sqlstate.startswith(_LIMIT_CLASS)
    )
    return isinstance(error, psycopg.OperationalError) and not is_permanent
