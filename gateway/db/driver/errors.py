"""What goes wrong with the database, in the two words that callers know."""

import psycopg
from psycopg import errors

FORGOTTEN = (
    errors.FeatureNotSupported,  # "cached plan must not change result type", after DDL
    errors.InvalidSqlStatementName,
    errors.DuplicatePreparedStatement,
)
"""What says that the server's prepared statements are not those that we think it has."""


class UnavailableError(Exception):
    """The database can't be reached at present."""


class TimedOutError(Exception):
    """A statement took too long."""


def meant(error: Exception) -> Exception:
    """Give what callers are told of the driver's `error`; a wrong statement is told as it is."""
    told: Exception = error
    if isinstance(error, errors.QueryCanceled):
        told = TimedOutError(str(error))
    elif isinstance(error, psycopg.OperationalError):
        told = UnavailableError(str(error))
    if told is not error:
        told.__cause__ = error
    return told


def passing(error: psycopg.Error) -> bool:
    """Tell whether the same statement may well succeed a moment later."""
    lasting = (errors.QueryCanceled, errors.ProgramLimitExceeded)
    return isinstance(error, psycopg.OperationalError) and not isinstance(error, lasting)
