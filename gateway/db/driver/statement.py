"""SQL statement as the driver sends it."""

from collections.abc import Hashable
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from sqlalchemy import ClauseElement, Dialect, text as sql
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

DIALECT: Dialect = PGDialect_psycopg(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]


@dataclass(eq=False)
class Statement:
    """SQL text with the names of its parameters in order, and its prepared statement's name."""

    sql: str
    parameter_names: tuple[str, ...] = ()
    name: bytes = field(init=False)
    """Name of the prepared statement: a hash of the SQL, so equal statements share it."""
    source: Hashable = field(default=None, kw_only=True)
    """What the statement reads, for errors; equal for both executions. None if that is unknown."""
    is_write: bool = field(default=False, kw_only=True)
    """Whether it is an INSERT, UPDATE or DELETE."""
    is_slow: bool = field(default=False, init=False)
    """Whether the batch in which it was last run was slow."""

    def __post_init__(self) -> None:
        digest = blake2b(self.sql.encode(), digest_size=16).hexdigest()
        self.name = f"s{digest}".encode()

    @classmethod
    def from_named_sql(cls, named_sql: str) -> "Statement":
        """Return a statement made from SQL with named parameters, such as `:id`."""
        return cls.from_element(sql(named_sql))

    @classmethod
    def from_element(cls, element: ClauseElement, source: Hashable = None) -> "Statement":
        """Return a statement compiled from a SQLAlchemy element, all values being parameters."""
        compiled: Any = element.compile(dialect=DIALECT)
        is_write = getattr(element, "is_dml", False)
        return cls(
            str(compiled), tuple(compiled.positiontup or ()), source=source, is_write=is_write
        )
