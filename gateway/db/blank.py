"""What a column holds of which nothing is known: Waldur's program has such defaults, not tables."""

from typing import Any

from sqlalchemy import Boolean, Column, Integer, Numeric, String
from sqlalchemy.dialects.postgresql import JSONB

_EMPTIES = ((String, ""), (Boolean, False), (JSONB, "{}"), (Integer, 0), (Numeric, 0))


def blank(column: Column[Any]) -> Any:
    """Give what a new row holds where nothing is given: null or, where it can't be, empty."""
    if column.nullable or column.primary_key:
        return None
    return next((empty for kind, empty in _EMPTIES if isinstance(column.type, kind)), None)
