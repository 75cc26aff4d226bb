"""Dates and timestamps as PostgreSQL spells them: ISO, in UTC, in a wider range than Python's.

It has years before Christ (`0044-03-15 BC`), years of more than four digits, and `infinity`
and `-infinity`, which RFC 3339 and ISO 8601 can't spell.
"""

import re
from calendar import monthrange
from datetime import UTC, date, datetime

FIRST_DATE, LAST_DATE = "0001-01-01", "9999-12-31"
"""The range of dates that RFC 3339 and ISO 8601 can spell."""
_INFINITIES = ("-infinity", "infinity")
_FIRST_YEAR_MONTH_DAY = (-4713, 11, 24)
"""PostgreSQL's first day; year 0 is 1 BC, year -1 is 2 BC."""
_LAST_DATE_YEAR, _LAST_TIMESTAMP_YEAR = 5_874_897, 294_276
_LONG_YEAR = "[1-9][0-9]{4,6}"
_MONTH_AND_DAY = "-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
_DATE = rf"([0-9]{{4}}|{_LONG_YEAR}){_MONTH_AND_DAY}"
_TIME = r"(?: (?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,6})?\+00)"
_DATE_PATTERN = re.compile(f"{_DATE}( BC)?")
_TIMESTAMP_PATTERN = re.compile(f"{_DATE}{_TIME}( BC)?")
_EARLY_PATTERN = re.compile(f"-infinity|{_DATE}{_TIME}? BC")
_LATE_PATTERN = re.compile(f"infinity|{_LONG_YEAR}{_MONTH_AND_DAY}{_TIME}?")


def check_date(text: str) -> str:
    """Return a date as it is; raises ValueError if PostgreSQL has none with this spelling."""
    return _check_spelling(text, _DATE_PATTERN, _LAST_DATE_YEAR)


def check_timestamp(text: str) -> str:
    """Return a timestamp as it is; raises ValueError if PostgreSQL has none with this spelling."""
    return _check_spelling(text, _TIMESTAMP_PATTERN, _LAST_TIMESTAMP_YEAR)


def clamp_date(text: str) -> str:
    """Return a date, or the nearest one between `FIRST_DATE` and `LAST_DATE`.

    Raises ValueError if PostgreSQL has none with this spelling.
    """
    return text if len(text) == len(LAST_DATE) and text[4] == "-" else find_nearest_date(text)


def find_nearest_date(text: str) -> str:
    """Return the date between `FIRST_DATE` and `LAST_DATE` that is nearest to one beyond.

    Raises ValueError if `text` is not one.
    """
    if _EARLY_PATTERN.fullmatch(text):
        return FIRST_DATE
    if _LATE_PATTERN.fullmatch(text):
        return LAST_DATE
    raise _reject_spelling(text)


def parse_stored_date(text: str) -> date:
    """Return a date as Python's, clamped; raises ValueError like `clamp_date`."""
    return date.fromisoformat(clamp_date(text))


def parse_stored_timestamp(text: str) -> datetime:
    """Return a timestamp as Python's, clamped; raises ValueError if it is not one."""
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        is_early = find_nearest_date(text) == FIRST_DATE
        return datetime.min.replace(tzinfo=UTC) if is_early else datetime.max.replace(tzinfo=UTC)


def _check_spelling(text: str, pattern: re.Pattern[str], last_year: int) -> str:
    if text in _INFINITIES:
        return text
    match = pattern.fullmatch(text)
    if match is None:
        raise _reject_spelling(text)
    year, month, day, era = match.groups()
    signed_year = 1 - int(year) if era else int(year)
    is_in_range = (
        int(year) and (signed_year, int(month), int(day)) >= _FIRST_YEAR_MONTH_DAY
    ) and signed_year <= last_year
    # The calendar repeats after 400 years.
    if not is_in_range or int(day) > monthrange(2000 + signed_year % 400, int(month))[1]:
        raise _reject_spelling(text)
    return text


def _reject_spelling(text: str) -> ValueError:
    return ValueError(f"{text!r} is not a date or time in PostgreSQL's ISO spelling, in UTC.")
