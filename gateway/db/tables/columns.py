"""Column factories for declarations of the marketplace's tables.

The database may belong to another version of Waldur. `since` is the year in which a column was
added, if after October 2024; `until` the last year of a column that was dropped before April 2026.
Dropped columns are read where they still exist, and are not created by `gateway init`.
"""

from typing import Any, NotRequired, TypedDict, Unpack

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Double,
    ForeignKey,
    Identity,
    Integer,
    MetaData,
    Numeric,
    String,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeEngine

metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "uq": "%(table_name)s_%(column_0_N_name)s_uniq",
        "fk": "%(table_name)s_%(column_0_name)s_fk",
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
        "ck": "%(table_name)s_%(constraint_name)s_check",
    }
)

_INFO_OPTIONS = {"since", "until", "cascade", "secret"}
"""Options of columns that `info` holds."""
SOURCE_COLUMN, BASE_TABLE = "of", "base"
"""Keys of `info`: the source column of a view's column, and the base table of a view."""
LANGUAGES = ("en", "et", "lt", "lv", "ru", "nb", "es", "fr", "it", "sv", "de", "da", "ar", "cs")


class ColumnOptions(TypedDict):
    """The options of a column."""

    null: NotRequired[bool]
    unique: NotRequired[bool]
    index: NotRequired[bool]
    since: NotRequired[int]
    until: NotRequired[int]
    cascade: NotRequired[bool]
    """Whether a nullable foreign key's row is deleted with the row that it refers to."""
    secret: NotRequired[bool]
    """Whether the gateway never reads it, and its database role needs no privilege on it."""


def declare_column(
    name: str, type_: TypeEngine[Any], *constraints: Any, **options: Unpack[ColumnOptions]
) -> Column[Any]:
    """Declare a column, NOT NULL unless `null` is set."""
    return Column(
        name,
        type_,
        *constraints,
        nullable=options.get("null", False),
        unique=options.get("unique"),
        index=options.get("index"),
        system="until" in options,
        info={name: value for name, value in options.items() if name in _INFO_OPTIONS},
    )


def is_secret(column: Column[Any]) -> bool:
    """Return whether the gateway never reads a column."""
    return "secret" in column.info


def primary_key_column() -> Column[Any]:
    """Declare the integer primary key, which foreign keys refer to."""
    return Column("id", Integer, Identity(always=False), primary_key=True)


def uuid_column() -> Column[Any]:
    """Declare the uuid, the public identifier of a row."""
    return declare_column("uuid", Uuid(), unique=True)


def identity_columns() -> tuple[Column[Any], ...]:
    """Declare the primary key and the uuid."""
    return primary_key_column(), uuid_column()


def timestamp_columns() -> tuple[Column[Any], ...]:
    """Declare the times of creation and of the last change."""
    return datetime_column("created"), datetime_column("modified")


def scope_columns() -> tuple[Column[Any], ...]:
    """Declare a generic foreign key: a content type and a primary key."""
    return (
        foreign_key_column("content_type_id", "django_content_type", null=True),
        non_negative_column("object_id", null=True),
    )


def error_columns() -> tuple[Column[Any], ...]:
    """Declare an error message and its traceback."""
    return text_column("error_message"), text_column("error_traceback")


def foreign_key_column(
    name: str, table: str | None, **options: Unpack[ColumnOptions]
) -> Column[Any]:
    """Declare a foreign key to `table`; None if the target table is not declared here."""
    constraints = () if table is None else (_deferred_foreign_key(table),)
    options.setdefault("index", not options.get("unique", False))
    return declare_column(name, Integer(), *constraints, **options)


def _deferred_foreign_key(table: str) -> ForeignKey:
    return ForeignKey(f"{table}.id", deferrable=True, initially="DEFERRED")


def string_column(name: str, length: int = 255, **options: Unpack[ColumnOptions]) -> Column[Any]:
    """Declare a VARCHAR column of `length` characters."""
    return declare_column(name, String(length), **options)


def text_column(name: str, **options: Unpack[ColumnOptions]) -> Column[Any]:
    """Declare a TEXT column."""
    return declare_column(name, Text(), **options)


def name_column(length: int = 150) -> Column[Any]:
    """Declare the display name."""
    return string_column("name", length)


def slug_column(**options: Unpack[ColumnOptions]) -> Column[Any]:
    """Declare the slug, a short name for URLs; it is not unique."""
    options["index"] = True
    return string_column("slug", 50, **options)


def description_column(**options: Unpack[ColumnOptions]) -> Column[Any]:
    """Declare the description."""
    return string_column("description", 4096, **options)


def url_column(name: str, **options: Unpack[ColumnOptions]) -> Column[Any]:
    """Declare a URL."""
    return string_column(name, 200, **options)


def file_column(name: str, **options: Unpack[ColumnOptions]) -> Column[Any]:
    """Declare the path of a file below the media folder; null without a file."""
    options["null"] = True
    return string_column(name, 100, **options)


def json_column(name: str, **options: Unpack[ColumnOptions]) -> Column[Any]:
    """Declare a JSONB column."""
    return declare_column(name, JSONB(), **options)


def boolean_column(name: str, **options: Unpack[ColumnOptions]) -> Column[Any]:
    """Declare a boolean."""
    return declare_column(name, Boolean(), **options)


def datetime_column(name: str, **options: Unpack[ColumnOptions]) -> Column[Any]:
    """Declare a timestamp with time zone."""
    return declare_column(name, DateTime(timezone=True), **options)


def date_column(name: str, **options: Unpack[ColumnOptions]) -> Column[Any]:
    """Declare a date."""
    return declare_column(name, Date(), **options)


def integer_column(name: str, **options: Unpack[ColumnOptions]) -> Column[Any]:
    """Declare an integer."""
    return declare_column(name, Integer(), **options)


def non_negative_column(
    name: str, type_: TypeEngine[Any] | None = None, **options: Unpack[ColumnOptions]
) -> Column[Any]:
    """Declare an integer with a check that it is at least 0."""
    check = CheckConstraint(f"{name} >= 0", name=name)
    return declare_column(name, type_ or Integer(), check, **options)


def money_column(name: str, **options: Unpack[ColumnOptions]) -> Column[Any]:
    """Declare an amount of money with ten decimal places."""
    return declare_column(name, Numeric(22, 10), **options)


def quantity_column(name: str) -> Column[Any]:
    """Declare a usage or a limit with two decimal places."""
    return declare_column(name, Numeric(20, 2))


def coordinate_columns() -> tuple[Column[Any], ...]:
    """Declare latitude and longitude in degrees; null if unknown."""
    latitude = declare_column("latitude", Double(), null=True)
    return latitude, declare_column("longitude", Double(), null=True)


def translation_columns(name: str, type_: TypeEngine[Any]) -> tuple[Column[Any], ...]:
    """Declare the translations of column `name`, one column for each language."""
    return tuple(declare_column(f"{name}_{language}", type_, null=True) for language in LANGUAGES)
