"""Test that exactly the dates and timestamps that PostgreSQL prints are accepted."""

from collections.abc import Callable

import psycopg
import pytest

from gateway.db.driver.date_spelling import (
    check_date,
    check_timestamp,
    clamp_date,
    find_nearest_date,
)
from gateway.demo.postgres import EmbeddedPostgres

DATES = (
    "infinity",
    "-infinity",
    "4714-11-24 BC",
    "4713-01-01 BC",
    "0005-02-29 BC",
    "0001-12-31 BC",
    "0001-01-01",
    "0099-12-31",
    "2000-02-29",
    "9999-12-31",
    "10000-01-01",
    "294276-12-31",
    "5874897-12-31",
)
OTHER_DATES = (
    "",
    "4714-11-23 BC",
    "0000-01-01",
    "0004-02-29 BC",
    "1900-02-29",
    "2026-02-30",
    "2026-13-01",
    "02026-01-01",
    "5874898-01-01",
    "31.01.2026",
    "2026-01-31 AD",
    "٢٠٢٦-01-31",
    "2026-01-31\n",
    "today",
)
TIMES = ("00:00:00+00", "23:59:59.999999+00", "12:00:00.5+00")
OTHER_TIMESTAMPS = (
    "2026-01-31",
    "2026-01-31T12:00:00+00",
    "2026-01-31 12:00:00",
    "2026-01-31 12:00:00+01",
    "2026-01-31 24:00:00+00",
    "2026-01-31 12:00:60+00",
    "2026-01-31 12:00:00.1234567+00",
    "31.01.2026 12:00:00 UTC",
    "now",
)


def list_timestamps(dates: tuple[str, ...]) -> list[str]:
    """Return timestamps on each of the dates that have a time."""
    return [
        f"{date} {time} {era}".strip()
        for date, _, era in (each.partition(" ") for each in dates if "infinity" not in each)
        for time in TIMES
    ]


TIMESTAMPS = ["infinity", "-infinity", *list_timestamps(DATES[:-1])]


@pytest.mark.parametrize(
    ("check", "type_name", "texts"),
    [(check_date, "date", DATES), (check_timestamp, "timestamptz", TIMESTAMPS)],
)
def test_what_postgresql_prints_is_accepted(
    server: EmbeddedPostgres, check: Callable[[str], str], type_name: str, texts: list[str]
) -> None:
    with psycopg.connect(server.url, options="-c timezone=UTC") as connection:
        for text in texts:
            row = connection.execute(f"select %s::{type_name}::text".encode(), [text]).fetchone()
            assert row == (check(text),)


@pytest.mark.parametrize(
    ("check", "texts"),
    [
        (check_date, [*OTHER_DATES, *OTHER_TIMESTAMPS[1:]]),
        (check_timestamp, [*OTHER_TIMESTAMPS, *list_timestamps(OTHER_DATES), *DATES[2:]]),
    ],
)
def test_everything_else_is_rejected(check: Callable[[str], str], texts: list[str]) -> None:
    for text in texts:
        with pytest.raises(ValueError, match="is not a date or time"):
            check(text)


def test_dates_beyond_the_spellings_of_iso_8601_become_the_nearest_one() -> None:
    assert {clamp_date(each) for each in DATES[1:6]} == {"0001-01-01"}
    assert [clamp_date(each) for each in DATES[6:10]] == [*DATES[6:10]]
    assert {clamp_date(each) for each in ("infinity", *DATES[10:])} == {"9999-12-31"}


@pytest.mark.parametrize(
    "text", ["", "31.01.2026", "2026-01-31", "2026-01-31 12:00:00+00", "x", "infinity BC"]
)
def test_dates_within_have_no_nearest_one(text: str) -> None:
    with pytest.raises(ValueError, match="is not a date or time"):
        find_nearest_date(text)
