"""What goes wrong with the database, in the two words that callers know."""

import psycopg
from psycopg import errors

STALE_PREPARED_STATEMENT = (
    errors.FeatureNotSupported,  # "cached plan must not change result type", after DDL
    errors.InvalidSqlStatementName,
    errors.DuplicatePreparedStatement,
)
"""What says that the server's prepared statements are not those that we think it has."""


class UnavailableError(Exception):
    """The database can't be reached at present."""


class TimedOutError(Exception):
    """A statement took too long."""


def map_error(error: Exception) -> Exception:
    """Give what callers are told of the driver's `error`; a wrong statement is told as it is."""
    mapped_error: Exception = error
    if isinstance(error, errors.QueryCanceled):
        mapped_error = TimedOutError(str(error))
    elif isinstance(error, psycopg.OperationalError):
        mapped_error = UnavailableError(str(error))
    if mapped_error is not error:
        mapped_error.__cause__ = error
    return mapped_error


def is_transient(error: psycopg.Error) -> bool:
    """Tell whether the same statement may well succeed a moment later."""
    permanent_errors = (errors.QueryCanceled, errors.ProgramLimitExceeded)
    return isinstance(error, psycopg.OperationalError) and not isinstance(error, permanent_errors)
