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

OF, BASE = "of", "base"
"""Keys of `info`: the column that a view's column shows, and the table that a view extends."""
LANGUAGES = ("en", "et", "lt", "lv", "ru", "nb", "es", "fr", "it", "sv", "de", "da", "ar", "cs")


class Traits(TypedDict):
    """What may be said of a column besides its name and type."""

    null: NotRequired[bool]
    unique: NotRequired[bool]
    index: NotRequired[bool]
    since: NotRequired[int]
    until: NotRequired[int]


def column(name: str, kind: TypeEngine[Any], *rest: Any, **traits: Unpack[Traits]) -> Column[Any]:
    """Declare a column that has a value in every row, unless it may be `null`."""
    return Column(
        name,
        kind,
        *rest,
        nullable=traits.get("null", False),
        unique=traits.get("unique"),
        index=traits.get("index"),
        system="until" in traits,
        info={mark: traits[mark] for mark in ("since", "until") if mark in traits},
    )


def key() -> Column[Any]:
    """Declare the surrogate key that every table has and that references hold."""
    return Column("id", Integer, Identity(always=False), primary_key=True)


def uuid() -> Column[Any]:
    """Declare the name by which the outside world knows a row."""
    return column("uuid", Uuid(), unique=True)


def identity() -> tuple[Column[Any], ...]:
    """Declare a row's key and its public name."""
    return key(), uuid()


def timestamps() -> tuple[Column[Any], ...]:
    """Declare when a row was made and last saved."""
    return moment("created"), moment("modified")


def scope() -> tuple[Column[Any], ...]:
    """Declare a reference to a row of any table, by content type and key."""
    return (
        reference("content_type_id", "django_content_type", null=True),
        natural("object_id", null=True),
    )


def errors() -> tuple[Column[Any], ...]:
    """Declare what went wrong: a sentence, and where in the program."""
    return text("error_message"), text("error_traceback")


def reference(name: str, table: str | None, **traits: Unpack[Traits]) -> Column[Any]:
    """Declare a reference to the key of `table`, or of a table that is not declared here."""
    target = () if table is None else (_foreign_key(table),)
    traits.setdefault("index", not traits.get("unique", False))
    return column(name, Integer(), *target, **traits)


def _foreign_key(table: str) -> ForeignKey:
    return ForeignKey(f"{table}.id", deferrable=True, initially="DEFERRED")


def string(name: str, length: int = 255, **traits: Unpack[Traits]) -> Column[Any]:
    """Declare a text of at most `length` characters."""
    return column(name, String(length), **traits)


def text(name: str, **traits: Unpack[Traits]) -> Column[Any]:
    """Declare a text of any length."""
    return column(name, Text(), **traits)


def name(length: int = 150) -> Column[Any]:
    """Declare what people call a row."""
    return string("name", length)


def slug(**traits: Unpack[Traits]) -> Column[Any]:
    """Declare a short name for addresses; not unique."""
    traits["index"] = True
    return string("slug", 50, **traits)


def description(**traits: Unpack[Traits]) -> Column[Any]:
    """Declare the description that most tables have."""
    return string("description", 4096, **traits)


def url(name: str, **traits: Unpack[Traits]) -> Column[Any]:
    """Declare an address."""
    return string(name, 200, **traits)


def file(name: str, **traits: Unpack[Traits]) -> Column[Any]:
    """Declare the path of a file below the media folder; null when there is none."""
    traits["null"] = True
    return string(name, 100, **traits)


def json(name: str, **traits: Unpack[Traits]) -> Column[Any]:
    """Declare a JSON value."""
    return column(name, JSONB(), **traits)


def flag(name: str, **traits: Unpack[Traits]) -> Column[Any]:
    """Declare a truth value."""
    return column(name, Boolean(), **traits)


def moment(name: str, **traits: Unpack[Traits]) -> Column[Any]:
    """Declare an instant."""
    return column(name, DateTime(timezone=True), **traits)


def day(name: str, **traits: Unpack[Traits]) -> Column[Any]:
    """Declare a calendar day."""
    return column(name, Date(), **traits)


def number(name: str, **traits: Unpack[Traits]) -> Column[Any]:
    """Declare an integer."""
    return column(name, Integer(), **traits)


def natural(
    name: str, kind: TypeEngine[Any] | None = None, **traits: Unpack[Traits]
) -> Column[Any]:
    """Declare an integer that is not below zero."""
    check = CheckConstraint(f"{name} >= 0", name=name)
    return column(name, kind or Integer(), check, **traits)


def price(name: str, **traits: Unpack[Traits]) -> Column[Any]:
    """Declare an amount of money to ten places."""
    return column(name, Numeric(22, 10), **traits)


def quantity(name: str) -> Column[Any]:
    """Declare a used or granted amount."""
    return column(name, Numeric(20, 2))


def coordinates() -> tuple[Column[Any], ...]:
    """Declare a place on earth."""
    return column("latitude", Double(), null=True), column("longitude", Double(), null=True)


def translations(name: str, kind: TypeEngine[Any]) -> tuple[Column[Any], ...]:
    """Declare what stands in place of column `name` in each language."""
    return tuple(column(f"{name}_{language}", kind, null=True) for language in LANGUAGES)
