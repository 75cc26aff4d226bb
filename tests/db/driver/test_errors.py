"""Errors of PostgreSQL are mapped to those that callers of the driver handle."""

import psycopg
import pytest
from psycopg import errors

from gateway.db.driver.errors import (
    InvalidDataError,
    TimedOutError,
    UnavailableError,
    UnreadableTableError,
    map_error,
)


@pytest.mark.parametrize(
    ("error_class", "mapped_class"),
    [
        (errors.QueryCanceled, TimedOutError),
        (errors.UndefinedTable, UnreadableTableError),
        (errors.InsufficientPrivilege, UnreadableTableError),
        (errors.FeatureNotSupported, UnreadableTableError),  # a cached plan of a changed table
        (errors.InternalError_, UnreadableTableError),  # "cache lookup failed for relation"
        (errors.AdminShutdown, UnavailableError),
        (errors.TransactionTimeout, UnavailableError),
        (errors.NumericValueOutOfRange, InvalidDataError),
    ],
)
def test_errors_have_a_cause(
    error_class: type[psycopg.Error], mapped_class: type[Exception]
) -> None:
    error = error_class("reason")
    mapped_error = map_error(error)
    assert type(mapped_error) is mapped_class
    assert mapped_error.__cause__ is error


def test_other_errors_stay_as_they_are() -> None:
    error = errors.UniqueViolation("reason")
    assert map_error(error) is error
    assert error.__cause__ is None
