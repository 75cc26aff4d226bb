"""Encoding of values as PostgreSQL's text format and as SQL literals."""

import re
from collections.abc import Collection
from enum import Enum
from typing import Any

from sqlalchemy import ColumnElement, literal_column

UUID_PATTERN = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
"""The two accepted spellings of a UUID: 32 hex digits, or with hyphens."""


def inline_literal(value: str | int) -> ColumnElement[Any]:
    """Return a constant of this program as a SQL literal; never for a client's values."""
    if isinstance(value, int):
        return literal_column(str(value))
    escaped = value.replace("'", "''")
    return literal_column(f"'{escaped}'")


def encode_text(value: Any) -> str | None:
    """Return a parameter's value in PostgreSQL's text format; None stays None."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, (list, tuple, set, frozenset)):
        return "{" + ",".join(map(_encode_element, value)) + "}"
    if isinstance(value, Enum):
        return encode_text(value.value)
    return rf"\x{value.hex()}" if isinstance(value, bytes) else str(value)


def hyphenate_uuid(uuid: str) -> str:
    """Return a UUID of 32 hex digits with hyphens, as PostgreSQL prints it."""
    return f"{uuid[:8]}-{uuid[8:12]}-{uuid[12:16]}-{uuid[16:20]}-{uuid[20:]}"


def encode_key_array(keys: Collection[int | str]) -> str:
    """Return integers or UUIDs as an array literal; faster than `encode_text`."""
    return "{" + str([*keys])[1:-1].replace("'", "") + "}"


def _encode_element(value: Any) -> str:
    if type(value) is int:
        return str(value)
    encoded = encode_text(value)
    if encoded is None:
        return "null"
    escaped = encoded.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
