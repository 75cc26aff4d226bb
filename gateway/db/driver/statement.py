"""A SQL statement as the driver sends it."""

from dataclasses import dataclass, field
from hashlib import blake2b

from sqlalchemy import (
    Dialect,
)
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

DIALECT: Dialect = PGDialect_psycopg(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]


@dataclass(eq=False)
class Statement:
    """SQL, the names of its parameters in order, and its own as a prepared statement."""

    sql: str
    parameter_names: tuple[str, ...] = ()
    name: bytes = field(init=False)
    """Of the SQL itself, so that what has one name is one statement, whoever made it."""
    is_slow: bool = field(default=False, init=False)
    """Whether it took long, by itself or with others, when it was last run."""

    def __post_init__(self) -> None:
        digest = blake2b(self.sql.encode(), digest_size=16).hexdigest()
        self.name = f"s{digest}".encode()

    @classmethod
    def from_named_sql(cls, named_sql: str) -> "Statement":
        """Make a statement of SQL with named parameters."""
        compiled = sql(named_sql).compile(dialect=DIALECT)
        return cls(str(compiled), tuple(compiled.positiontup or ()))
