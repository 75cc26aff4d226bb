"""Scalars as the API writes them, made from the text that the database sends."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any, NewType

import msgspec
import strawberry
from sqlalchemy import types
from strawberry.types.scalar import ScalarDefinition

from gateway.db.driver.encoding import UUID_PATTERN

UUID = NewType("UUID", str)
DateTime = NewType("DateTime", str)
Date = NewType("Date", str)
Decimal = NewType("Decimal", str)
JSON = NewType("JSON", str)
BigInt = NewType("BigInt", int)
Upload = NewType("Upload", bytes)

_DECIMAL_PATTERN = re.compile(r"[+-]?\d{1,30}(\.\d{1,30})?")


def parse_uuid(value: object) -> str:
    """Give the uuid as 32 hex digits; ValueError if it is none."""
    if not isinstance(value, str) or not UUID_PATTERN.fullmatch(value):
        raise ValueError("A UUID is 32 hex digits, with or without hyphens.")
    return format_uuid(value.lower())


def format_uuid(value: str) -> str:
    """Write a uuid as 32 hex digits."""
    return value.replace("-", "")


def format_datetime(value: str) -> str:
    """Write a moment in UTC as REST does: `2026-01-31 12:00:00.5+00` as `…T12:00:00.500000Z`."""
    time = value[11:-3]
    return f"{value[:10]}T{time:0<15}Z" if "." in time else f"{value[:10]}T{time}Z"


def parse_datetime(value: object) -> str:
    """Give the moment in UTC, as PostgreSQL reads it; without an offset it is in UTC already."""
    try:
        moment = datetime.fromisoformat(_require_text(value))
        in_utc = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise ValueError("A DateTime is written like 2026-01-31T12:00:00Z.") from None
    return in_utc.isoformat()


def parse_date(value: object) -> str:
    """Give the day as PostgreSQL reads it."""
    try:
        return date.fromisoformat(_require_text(value)).isoformat()
    except ValueError:
        raise ValueError("A Date is written like 2026-01-31.") from None


def _require_text(value: object) -> str:
    """Give a text; ValueError for what is none: a number is no day, even if its digits make one."""
    if not isinstance(value, str):
        raise ValueError  # noqa: TRY004 - told as what is badly written
    return value


def parse_decimal(value: object) -> str:
    """Give the number as PostgreSQL reads it."""
    if isinstance(value, bool) or not _DECIMAL_PATTERN.fullmatch(str(value)):
        raise ValueError("A Decimal is written like 12.50.")
    return str(value)


def parse_bigint(value: object) -> int:
    """Give the number; ValueError beyond 64 bits."""
    if isinstance(value, bool) or not isinstance(value, int) or not -(2**63) <= value < 2**63:
        raise ValueError("A BigInt is an integer of 64 bits.")
    return value


def parse_upload(value: object) -> bytes:
    """Give the content of a file; ValueError if it is none."""
    if not isinstance(value, bytes):
        raise ValueError("Send the file by a GraphQL multipart request.")  # noqa: TRY004
    return value


def parse_json_scalar(value: object) -> object:
    """Give the value as it is; ValueError if a file is anywhere in it."""
    remaining = [value]
    while remaining:
        item = remaining.pop()
        if isinstance(item, bytes):
            raise ValueError("A file is no JSON.")  # noqa: TRY004 - told as what is badly written
        remaining += (
            item.values() if isinstance(item, dict) else item if isinstance(item, list) else ()
        )
    return value


def serialize_json(value: Any) -> msgspec.Raw:
    """Hand on JSON text as it is."""
    return msgspec.Raw(value.encode())


SCALARS: dict[object, ScalarDefinition] = {
    UUID: strawberry.scalar(
        name="UUID",
        description="A UUID, printed as 32 hex digits; with hyphens it is accepted, too.",
        serialize=format_uuid,
        parse_value=parse_uuid,
    ),
    DateTime: strawberry.scalar(
        name="DateTime",
        description="A moment as in RFC 3339, printed in UTC.",
        serialize=format_datetime,
        parse_value=parse_datetime,
    ),
    Date: strawberry.scalar(
        name="Date",
        description="A day as in ISO 8601.",
        serialize=str,
        parse_value=parse_date,
    ),
    Decimal: strawberry.scalar(
        name="Decimal",
        description="An exact decimal number, printed as a string.",
        serialize=str,
        parse_value=parse_decimal,
    ),
    JSON: strawberry.scalar(
        name="JSON",
        description="Any JSON value.",
        serialize=serialize_json,
        parse_value=parse_json_scalar,
    ),
    BigInt: strawberry.scalar(
        name="BigInt",
        description="An integer of 64 bits, printed as a number.",
        serialize=int,
        parse_value=parse_bigint,
    ),
    Upload: strawberry.scalar(
        name="Upload",
        description="A file, sent by a GraphQL multipart request.",
        parse_value=parse_upload,
    ),
}

INLINE_SERIALIZERS: Mapping[tuple[str, type], str] = {
    ("UUID", types.Uuid): '@.replace("-", "")',
    (
        "DateTime",
        types.DateTime,
    ): '(f"{@[:10]}T{@[11:26]}Z" if len(@) == 29 else format_datetime(@))',
    ("JSON", types.JSON): "Raw(@.encode())",
    ("Int", types.Integer): "(@ if -0x80000000 <= @ < 0x80000000 else int_overflow(@))",
    ("Decimal", types.Integer): "str(@)",
    ("Decimal", types.Numeric): "@",
    ("Date", types.Date): "@",
    ("BigInt", types.Integer): "@",
    ("String", types.String): "@",
    ("ID", types.String): "@",
    ("Boolean", types.Boolean): "@",
}
"""The same as code, with @ for the value, for columns of a type: plans write them by it."""
