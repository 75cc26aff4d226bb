"""What a client asks of a list: which stretch of it, in what order, under which conditions."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from functools import cached_property
from typing import Any

import msgspec

from gateway.db.driver.encoding import text
from gateway.db.query_spec import Order, Side, Stretch
from gateway.schema.framework.errors import BadInputError
from gateway.schema.framework.filters import NOTHING, Filtered, Shape

LARGEST, USUAL = 300, 20
LONGEST_NUMBER = 40
"""No column has so many digits."""
encode, decode = msgspec.json.Encoder().encode, msgspec.json.Decoder(list[Any]).decode
Place = tuple[Any, ...]


@dataclass(frozen=True)
class Form:
    """What decides the text of a statement about a list; all else are parameters."""

    filtered: Shape
    side: Side | None
    search: str | None
    """The kind of search, if there is one."""
    visible_to: bool = False
    """Whether only what somebody else sees, too, is asked for."""
    stretch: Stretch | None = None
    """None for a statement about the whole list."""


@dataclass(frozen=True)
class Asked:
    """A stretch of a list, as a client asks for it."""

    order: Enum
    size: int
    backward: bool = False
    after: Place = ()
    before: Place = ()
    filtered: Filtered = NOTHING
    side: Side | None = None
    query: tuple[str, ...] = ()
    """The kind of search, if there is one, and what is searched for."""
    visible_to: str | None = None
    """The name of the user who has to see what is asked for, too."""

    @cached_property
    def whole(self) -> Form:
        """The form of a statement about the whole list."""
        search = next(iter(self.query), None)
        return Form(self.filtered.shape, self.side, search, self.visible_to is not None)

    @cached_property
    def form(self) -> Form:
        """The form of the statement of the page."""
        order: Order = self.order.value
        bounds = _nulls(self.after), _nulls(self.before)
        stretch = Stretch(order, self.size + 1, self.backward, *bounds)
        return replace(self.whole, stretch=stretch)

    def parameters(self) -> dict[str, str | None]:
        """Give what the statement of the page needs to know."""
        found = self.conditions()
        for name, bound in (("after", self.after), ("before", self.before)):
            found.update((f"{name}{i}", text(value)) for i, value in enumerate(bound))
        return found

    def conditions(self) -> dict[str, str | None]:
        """Give what a statement about the whole list needs to know."""
        found = {name: text(value) for name, value in self.filtered.parameters}
        found.update((f"query{i}", value) for i, value in enumerate(self.query[1:]))
        if self.visible_to is not None:
            found["visible_to"] = self.visible_to
        return found

    def cursor(self, row: Sequence[Any]) -> str:
        """Name the place of `row`, which ends in the keys that it is ordered by."""
        keys = row[-len(self.order.value.by) - 1 :]
        return urlsafe_b64encode(encode((str(self.order), *keys))).decode()

    def stretched(self, rows: list[Any]) -> "Stretched":
        """Make the page of `rows`: one more than asked for tells that the list goes on."""
        more, rows = len(rows) > self.size, rows[: self.size]
        if self.backward:
            return Stretched(self, rows[::-1], bool(self.before), more)
        return Stretched(self, rows, more, bool(self.after))


@dataclass(frozen=True)
class Stretched:
    """Rows, and whether there are others around them."""

    asked: Asked
    rows: list[Any]
    has_next_page: bool
    has_previous_page: bool

    def start_cursor(self) -> str | None:
        """Name the place of the first row."""
        return self.asked.cursor(self.rows[0]) if self.rows else None

    def end_cursor(self) -> str | None:
        """Name the place of the last row."""
        return self.asked.cursor(self.rows[-1]) if self.rows else None


def size(first: int | None, last: int | None) -> tuple[int, bool]:
    """Give how many rows are asked for, and whether from the end."""
    if first is not None and last is not None:
        raise BadInputError("Give `first` or `last`, not both.", "last")
    name, given = ("first", first) if last is None else ("last", last)
    wanted = USUAL if given is None else given
    if not 0 <= wanted <= LARGEST:
        raise BadInputError(f"`{name}` is a number from 0 to {LARGEST}.", name)
    return wanted, name == "last"


def place(order: Enum, cursor: str | None, argument: str) -> Place:
    """Give the keys in a cursor; nothing without one."""
    if cursor is None:
        return ()
    try:
        name, *keys = decode(urlsafe_b64decode(cursor))
    except (ValueError, NotBase64, RecursionError):
        raise BadInputError("The cursor is not one that this API gave.", argument) from None
    by = order.value.by
    if name != str(order):
        raise BadInputError(f"The cursor is not of a list ordered by {order}.", argument)
    kinds = [*((at.column.type.python_type, bool(at.column.nullable)) for at in by), (int, False)]
    try:
        return tuple([_key(*kind, key) for kind, key in zip(kinds, keys, strict=True)])
    except (ValueError, ArithmeticError):
        raise BadInputError("The cursor is not one that this API gave.", argument) from None


def _key(kind: type, nullable: bool, value: Any) -> Any:  # noqa: FBT001 - a column's trait
    """Give a key of a cursor as the database reads it; ValueError if it can't be a column's value.

    A cursor may be forged: nothing of it reaches the database unread.
    """
    if value is None and nullable:
        return None
    if kind is int and type(value) is int and -(2**31) <= value < 2**31:
        return value
    if not isinstance(value, str) or "\x00" in value or kind is int:
        raise ValueError(value)
    return _READ[kind](value) if kind in _READ else value


def _number(value: str) -> str:
    """Write a number as the database reads it; ValueError or ArithmeticError if it is none."""
    if len(value) > LONGEST_NUMBER:
        raise ValueError(value)
    read = Decimal(value)
    if not read.is_finite() or read.adjusted() > LONGEST_NUMBER:
        raise ValueError(value)
    return str(read)


_READ: Mapping[type, Callable[[str], str]] = {
    datetime: lambda value: datetime.fromisoformat(value).astimezone(UTC).isoformat(),
    date: lambda value: date.fromisoformat(value).isoformat(),
    Decimal: _number,
}
"""How keys are read that are no plain texts."""


def _nulls(bound: Place) -> tuple[bool, ...]:
    return tuple([value is None for value in bound])
