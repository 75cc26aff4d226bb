"""The words in which the marketplace's tables are declared, each said once.

The database may belong to a Waldur of another version. A column says `since` when it came after
October 2024, and `until` when it was gone by April 2026; the latter is read where it still is, and
never made by us.
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

SOURCE_COLUMN, BASE_TABLE = "of", "base"
"""Keys of `info`: the column that a view's column shows, and the table that a view extends."""
LANGUAGES = ("en", "et", "lt", "lv", "ru", "nb", "es", "fr", "it", "sv", "de", "da", "ar", "cs")


class ColumnOptions(TypedDict):
    """What may be said of a column besides its name and type."""

    null: NotRequired[bool]
    unique: NotRequired[bool]
    index: NotRequired[bool]
    since: NotRequired[int]
    until: NotRequired[int]


def declare_column(
    name: str, type_: TypeEngine[Any], *constraints: Any, **options: Unpack[ColumnOptions]
) -> Column[Any]:
    """Declare a column that has a value in every row, unless it may be `null`."""
    return Column(
        name,
        type_,
        *constraints,
        nullable=options.get("null", False),
        unique=options.get("unique"),
        index=options.get("index"),
        system="until" in options,
        info={option: options[option] for option in ("since", "until") if option in options},
    )


def primary_key_column() -> Column[Any]:
    """Declare the surrogate key that every table has and that references hold."""
    return Column("id", Integer, Identity(always=False), primary_key=True)


def uuid_column() -> Column[Any]:
    """Declare the name by which the outside world knows a row."""
    return declare_column("uuid", Uuid(), unique=True)


def identity_columns() -> tuple[Column[Any], ...]:
    """Declare a row's key and its public name."""
    return primary_key_column(), uuid_column()


def timestamp_columns() -> tuple[Column[Any], ...]:
    """Declare when a row was made and last saved."""
    return datetime_column("created"), datetime_column("modified")


def scope_columns() -> tuple[Column[Any], ...]:
    """Declare a reference to a row of any table, by content type and key."""
    return (
        foreign_key_column("content_type_id", "django_content_type", null=True),
        non_negative_column("object_id", null=True),
    )


def error_columns() -> tuple[Column[Any], ...]:
    """Declare what went wrong: a sentence, and where in the program."""
    return text_column("error_message"), text_column("error_traceback")


def foreign_key_column(
    name: str, table: str | None, **options: Unpack[ColumnOptions]
) -> Column[Any]:
    """Declare a reference to the key of `table`, or of a table that is not declared here."""
    constraints = () if table is None else (_deferred_foreign_key(table),)
    options.setdefault("index", not options.get("unique", False))
    return declare_column(name, Integer(), *constraints, **options)


def _deferred_foreign_key(table: str) -> ForeignKey:
    return ForeignKey(f"{table}.id", deferrable=True, initially="DEFERRED")


def string_column(name: str, length: int = 255, **options: Unpack[ColumnOptions]) -> Column[Any]:
    """Declare a text of at most `length` characters."""
    return declare_column(name, String(length), **options)


def text_column(name: str, **options: Unpack[ColumnOptions]) -> Column[Any]:
    """Declare a text of any length."""
    return declare_column(name, Text(), **options)


def name_column(length: int = 150) -> Column[Any]:
    """Declare what people call a row."""
    return string_column("name", length)


def slug_column(**options: Unpack[ColumnOptions]) -> Column[Any]:
    """Declare a short name for addresses; not unique."""
    options["index"] = True
    return string_column("slug", 50, **options)


def description_column(**options: Unpack[ColumnOptions]) -> Column[Any]:
    """Declare the description that most tables have."""
    return string_column("description", 4096, **options)


def url_column(name: str, **options: Unpack[ColumnOptions]) -> Column[Any]:
    """Declare an address."""
    return string_column(name, 200, **options)


def file_column(name: str, **options: Unpack[ColumnOptions]) -> Column[Any]:
    """Declare the path of a file below the media folder; null when there is none."""
    options["null"] = True
    return string_column(name, 100, **options)


def json_column(name: str, **options: Unpack[ColumnOptions]) -> Column[Any]:
    """Declare a JSON value."""
    return declare_column(name, JSONB(), **options)


def boolean_column(name: str, **options: Unpack[ColumnOptions]) -> Column[Any]:
    """Declare a truth value."""
    return declare_column(name, Boolean(), **options)


def datetime_column(name: str, **options: Unpack[ColumnOptions]) -> Column[Any]:
    """Declare an instant."""
    return declare_column(name, DateTime(timezone=True), **options)


def date_column(name: str, **options: Unpack[ColumnOptions]) -> Column[Any]:
    """Declare a calendar day."""
    return declare_column(name, Date(), **options)


def integer_column(name: str, **options: Unpack[ColumnOptions]) -> Column[Any]:
    """Declare an integer."""
    return declare_column(name, Integer(), **options)


def non_negative_column(
    name: str, type_: TypeEngine[Any] | None = None, **options: Unpack[ColumnOptions]
) -> Column[Any]:
    """Declare an integer that is not below zero."""
    check = CheckConstraint(f"{name} >= 0", name=name)
    return declare_column(name, type_ or Integer(), check, **options)


def money_column(name: str, **options: Unpack[ColumnOptions]) -> Column[Any]:
    """Declare an amount of money to ten places."""
    return declare_column(name, Numeric(22, 10), **options)


def quantity_column(name: str) -> Column[Any]:
    """Declare a used or granted amount."""
    return declare_column(name, Numeric(20, 2))


def coordinate_columns() -> tuple[Column[Any], ...]:
    """Declare a place on earth."""
    return declare_column("latitude", Double(), null=True), declare_column(
        "longitude", Double(), null=True
    )


def translation_columns(name: str, type_: TypeEngine[Any]) -> tuple[Column[Any], ...]:
    """Declare what stands in place of column `name` in each language."""
    return tuple(declare_column(f"{name}_{language}", type_, null=True) for language in LANGUAGES)
