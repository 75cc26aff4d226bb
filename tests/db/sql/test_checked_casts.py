"""Checked expressions give null or a bound for stored values that PostgreSQL would refuse."""

from decimal import Decimal
from typing import Any

import psycopg
import pytest
from sqlalchemy import ColumnElement, Integer, Numeric, cast, literal_column, select
from sqlalchemy.dialects.postgresql import JSONB

from gateway.db.driver.encoding import inline_literal
from gateway.db.driver.statement import Statement
from gateway.db.sql.checked_casts import cast_json_number, is_older_than_days, null_if_nan
from gateway.demo.postgres import EmbeddedPostgres

LONG_NUMBER = "9" * 5000


def evaluate(server: EmbeddedPostgres, expression: Any) -> Any:
    """Return the value of an SQL expression."""
    statement = Statement.from_element(select(expression))
    with psycopg.connect(server.url) as connection:
        row = connection.execute(statement.sql.encode()).fetchone()
    assert row is not None
    return row[0]


@pytest.mark.parametrize(
    ("json", "number"),
    [
        ("8", 8),
        ("-8.50", Decimal("-8.50")),
        ("999", 999),
        ("1000", None),
        ("-1e400", None),
        (LONG_NUMBER, None),
        ('"8 GB"', None),
        ('"8"', None),
        ("null", None),
        ("[1]", None),
        ("{}", None),
        ("true", None),
    ],
)
def test_json_that_is_no_number_is_null(
    server: EmbeddedPostgres, json: str, number: float | None
) -> None:
    value = cast(inline_literal(json), JSONB)
    assert evaluate(server, cast_json_number(value, 1000)) == number


@pytest.mark.parametrize(("text", "number"), [("NaN", None), ("0", 0), ("-1.5", Decimal("-1.5"))])
def test_nan_is_null(server: EmbeddedPostgres, text: str, number: float | None) -> None:
    assert evaluate(server, null_if_nan(cast(inline_literal(text), Numeric))) == number


@pytest.mark.parametrize(
    ("time", "days", "is_older"),
    [
        ("now() - interval '3 days'", 2, True),
        ("now() - interval '3 days'", 4, False),
        ("now()", 2**31 - 1, False),
        ("'294276-12-31'::timestamptz", 2**31 - 1, False),
        ("'infinity'::timestamptz", 0, False),
        ("'-infinity'::timestamptz", 2**31 - 1, True),
        ("'4713-11-24 BC'::timestamptz", 2**31 - 1, True),
    ],
)
def test_enormous_periods_are_bounded(
    server: EmbeddedPostgres, time: str, days: int, is_older: bool
) -> None:
    moment: ColumnElement[Any] = literal_column(time)
    stored_days = cast(inline_literal(days), Integer)
    assert evaluate(server, is_older_than_days(moment, stored_days)) is is_older
