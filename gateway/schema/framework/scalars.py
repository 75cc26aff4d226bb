"""Scalars: parsing of clients' values, and printing of the text that PostgreSQL sends."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any, NewType

import msgspec
import strawberry
from sqlalchemy import types

from gateway.db.driver.date_spelling import FIRST_DATE, clamp_date, find_nearest_date
from gateway.db.driver.encoding import UUID_PATTERN
from gateway.schema.framework.json_values import parse_json_literal, parse_json_value
from gateway.schema.framework.strawberry_internals import ScalarDefinition

UUID = NewType("UUID", str)
DateTime = NewType("DateTime", str)
Date = NewType("Date", str)
Decimal = NewType("Decimal", str)
JSON = NewType("JSON", str)
BigInt = NewType("BigInt", int)
Upload = NewType("Upload", bytes)

_FRACTION_PATTERN = re.compile(r".{11}[\d:]*[.,](\d{1,6})")
"""An ISO 8601 time up to its fractional seconds; an offset, too, may have a fraction."""
_DECIMAL_PATTERN = re.compile(r"[+-]?\d{1,30}(\.\d{1,30})?")


def parse_uuid(value: object) -> str:
    """Return a UUID as 32 hexadecimal digits; raises ValueError if it is invalid."""
    if not isinstance(value, str) or not UUID_PATTERN.fullmatch(value):
        raise ValueError("A UUID must be 32 hexadecimal digits, with or without hyphens.")
    return format_uuid(value.lower())


def format_uuid(value: str) -> str:
    """Return a UUID as 32 hexadecimal digits."""
    return value.replace("-", "")


def format_datetime(value: str) -> str:
    """Return a UTC time as REST prints it: `2026-01-31 12:00:00.5+00` as `…T12:00:00.500000Z`.

    One before year 1 or after 9999 becomes the first or the last moment of these years.
    Raises ValueError if PostgreSQL has none with this spelling.
    """
    if value[10:11] != " " or value[-3:] != "+00":
        nearest_date = find_nearest_date(value)
        return f"{nearest_date}T{'00:00:00' if nearest_date == FIRST_DATE else '23:59:59.999999'}Z"
    time = value[11:-3]
    return f"{value[:10]}T{time:0<15}Z" if "." in time else f"{value[:10]}T{time}Z"


def parse_datetime(value: object) -> str:
    """Return a time in UTC in PostgreSQL's spelling; a time without offset is taken as UTC.

    It has as many fractional digits as the client's, at most six: further ones are cut off.
    Raises ValueError if it is invalid.
    """
    try:
        text = _require_text(value).upper()
        moment = datetime.fromisoformat(text)
        in_utc = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise ValueError(
            "A DateTime must be an RFC 3339 time such as 2026-01-31T12:00:00Z."
        ) from None
    fraction = _FRACTION_PATTERN.match(text)
    digits = f".{in_utc:%f}"[: len(fraction[1]) + 1] if fraction else ""
    return f"{in_utc.replace(microsecond=0, tzinfo=None).isoformat()}{digits}+00:00"


def parse_date(value: object) -> str:
    """Return a date in PostgreSQL's spelling; raises ValueError if it is invalid."""
    try:
        return date.fromisoformat(_require_text(value)).isoformat()
    except ValueError:
        raise ValueError("A Date must be an ISO 8601 date such as 2026-01-31.") from None


def _require_text(value: object) -> str:
    """Return a string as it is; raises ValueError for other types, such as the number 20260131."""
    if not isinstance(value, str):
        raise ValueError  # noqa: TRY004 - reported as an invalid spelling
    return value


def parse_decimal(value: object) -> str:
    """Return a decimal number in PostgreSQL's spelling; raises ValueError if it is invalid."""
    if isinstance(value, bool) or not _DECIMAL_PATTERN.fullmatch(str(value)):
        raise ValueError(
            "A Decimal must be a number such as 12.50, with at most 30 digits on each side."
        )
    return str(value)


def parse_bigint(value: object) -> int:
    """Return an integer; raises ValueError beyond 64 bits."""
    if isinstance(value, bool) or not isinstance(value, int) or not -(2**63) <= value < 2**63:
        raise ValueError("A BigInt must be a 64-bit integer.")
    return value


def parse_upload(value: object) -> bytes:
    """Return the content of a file; raises ValueError if the value is not a file."""
    if not isinstance(value, bytes):
        raise ValueError("An Upload must be a file of a GraphQL multipart request.")  # noqa: TRY004
    return value


def serialize_json(value: Any) -> msgspec.Raw:
    """Return JSON text to be embedded in the response unparsed."""
    return msgspec.Raw(value.encode())


SCALARS: dict[object, ScalarDefinition] = {
    UUID: strawberry.scalar(
        name="UUID",
        description="A UUID, printed as 32 hexadecimal digits; also accepted with hyphens.",
        serialize=format_uuid,
        parse_value=parse_uuid,
    ),
    DateTime: strawberry.scalar(
        name="DateTime",
        description="A time as in RFC 3339, printed in UTC, such as `2026-01-31T12:00:00Z`; one"
        " before year 1 or after year 9999, such as infinity, is printed as"
        " `0001-01-01T00:00:00Z` or `9999-12-31T23:59:59.999999Z`. In an input, `t` and `z` may be"
        " in lower case, a space may stand for `T`, fractional digits after the sixth are cut off,"
        " and a time without offset is in UTC.",
        serialize=format_datetime,
        parse_value=parse_datetime,
    ),
    Date: strawberry.scalar(
        name="Date",
        description="A calendar date as `YYYY-MM-DD`. A date before year 1 or after year 9999, such"
        " as infinity, is printed as `0001-01-01` or `9999-12-31`.",
        serialize=clamp_date,
        parse_value=parse_date,
    ),
    Decimal: strawberry.scalar(
        name="Decimal",
        description='An exact decimal number, printed as a string such as `"12.50"`; a stored value'
        ' that is not a number is `"NaN"`. An input is a string or a number, with at most 30 digits'
        " on each side of the point.",
        serialize=str,
        parse_value=parse_decimal,
    ),
    JSON: strawberry.scalar(
        name="JSON",
        description="A JSON value; the description of a field or argument has its structure. A"
        " number in an input has at most 4,300 digits, with an exponent 1,000. Enum values can't"
        " be written in the JSON of a document: write strings.",
        serialize=serialize_json,
        parse_value=parse_json_value,
        parse_literal=parse_json_literal,
    ),
    BigInt: strawberry.scalar(
        name="BigInt",
        description="A 64-bit integer, printed as a number; above 2^53 inexact in JavaScript.",
        serialize=int,
        parse_value=parse_bigint,
    ),
    Upload: strawberry.scalar(
        name="Upload",
        description="A file, sent in a GraphQL multipart request.",
        parse_value=parse_upload,
    ),
}

INLINE_SERIALIZERS: Mapping[tuple[str, type], str] = {
    ("UUID", types.Uuid): '@.replace("-", "")',
    (
        "DateTime",
        types.DateTime,
    ): '(f"{@[:10]}T{@[11:26]}Z" if len(@) == 29 and @[19] == "." and @[26] == "+"'
    " else format_datetime(@))",
    ("JSON", types.JSON): "Raw(@.encode())",
    ("Int", types.Integer): "(@ if -0x80000000 <= @ < 0x80000000 else int_overflow(@))",
    ("Decimal", types.Integer): "str(@)",
    ("Decimal", types.Numeric): "@",
    ("Date", types.Date): '(@ if len(@) == 10 and @[4] == "-" else clamp_date(@))',
    ("BigInt", types.Integer): "@",
    ("String", types.String): "@",
    ("ID", types.String): "@",
    ("Boolean", types.Boolean): "@",
}
"""Serializers as Python code that plans inline, @ for the value; by scalar and column type."""
