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

from gateway.db.driver.encoding import encode_text
from gateway.db.query_spec import PageWindow, Perspective, SortOrder
from gateway.schema.framework.errors import BadInputError
from gateway.schema.framework.filters import EMPTY_FILTER, FilterShape, ParsedFilter

MAX_PAGE_SIZE, DEFAULT_PAGE_SIZE = 300, 20
MAX_NUMBER_DIGITS = 40
"""No column has so many digits."""
_encode_json, _decode_json = msgspec.json.Encoder().encode, msgspec.json.Decoder(list[Any]).decode
CursorKeys = tuple[Any, ...]


@dataclass(frozen=True)
class ListShape:
    """What decides the text of a statement about a list; all else are parameters."""

    filter_shape: FilterShape
    perspective: Perspective | None
    search_kind: str | None
    """The kind of search, if there is one."""
    visible_to_user: bool = False
    """Whether only what somebody else sees, too, is asked for."""
    page_window: PageWindow | None = None
    """None for a statement about the whole list."""


@dataclass(frozen=True)
class PageRequest:
    """A stretch of a list, as a client asks for it."""

    order_by: Enum
    page_size: int
    backward: bool = False
    after: CursorKeys = ()
    before: CursorKeys = ()
    parsed_filter: ParsedFilter = EMPTY_FILTER
    perspective: Perspective | None = None
    search_parameters: tuple[str, ...] = ()
    """The kind of search, if there is one, and what is searched for."""
    visible_to_username: str | None = None
    """The name of the user who has to see what is asked for, too."""

    @cached_property
    def list_shape(self) -> ListShape:
        """The form of a statement about the whole list."""
        search_kind = next(iter(self.search_parameters), None)
        return ListShape(
            self.parsed_filter.shape,
            self.perspective,
            search_kind,
            self.visible_to_username is not None,
        )

    @cached_property
    def statement_shape(self) -> ListShape:
        """The form of the statement of the page."""
        sort_order: SortOrder = self.order_by.value
        null_flags = _get_null_flags(self.after), _get_null_flags(self.before)
        page_window = PageWindow(sort_order, self.page_size + 1, self.backward, *null_flags)
        return replace(self.list_shape, page_window=page_window)

    def build_parameters(self) -> dict[str, str | None]:
        """Give what the statement of the page needs to know."""
        parameters = self.build_list_parameters()
        for name, cursor_keys in (("after", self.after), ("before", self.before)):
            parameters.update(
                (f"{name}{i}", encode_text(value)) for i, value in enumerate(cursor_keys)
            )
        return parameters

    def build_list_parameters(self) -> dict[str, str | None]:
        """Give what a statement about the whole list needs to know."""
        parameters = {name: encode_text(value) for name, value in self.parsed_filter.parameters}
        parameters.update(
            (f"query{i}", value) for i, value in enumerate(self.search_parameters[1:])
        )
        if self.visible_to_username is not None:
            parameters["visible_to"] = self.visible_to_username
        return parameters

    def encode_cursor(self, row: Sequence[Any]) -> str:
        """Name the place of `row`, which ends in the keys that it is ordered by."""
        keys = row[-len(self.order_by.value.columns) - 1 :]
        return urlsafe_b64encode(_encode_json((str(self.order_by), *keys))).decode()

    def build_page_result(self, rows: list[Any]) -> "PageResult":
        """Make the page of `rows`: one more than asked for tells that the list goes on."""
        has_more, rows = len(rows) > self.page_size, rows[: self.page_size]
        if self.backward:
            return PageResult(self, rows[::-1], bool(self.before), has_more)
        return PageResult(self, rows, has_more, bool(self.after))


@dataclass(frozen=True)
class PageResult:
    """Rows, and whether there are others around them."""

    page_request: PageRequest
    rows: list[Any]
    has_next_page: bool
    has_previous_page: bool

    def start_cursor(self) -> str | None:
        """Name the place of the first row."""
        return self.page_request.encode_cursor(self.rows[0]) if self.rows else None

    def end_cursor(self) -> str | None:
        """Name the place of the last row."""
        return self.page_request.encode_cursor(self.rows[-1]) if self.rows else None


def parse_page_size(first: int | None, last: int | None) -> tuple[int, bool]:
    """Give how many rows are asked for, and whether from the end."""
    if first is not None and last is not None:
        raise BadInputError("Give `first` or `last`, not both.", "last")
    name, value = ("first", first) if last is None else ("last", last)
    page_size = DEFAULT_PAGE_SIZE if value is None else value
    if not 0 <= page_size <= MAX_PAGE_SIZE:
        raise BadInputError(f"`{name}` is a number from 0 to {MAX_PAGE_SIZE}.", name)
    return page_size, name == "last"


def decode_cursor(order_by: Enum, cursor: str | None, argument: str) -> CursorKeys:
    """Give the keys in a cursor; nothing without one."""
    if cursor is None:
        return ()
    try:
        name, *keys = _decode_json(urlsafe_b64decode(cursor))
    except (ValueError, NotBase64, RecursionError):
        raise BadInputError("The cursor is not one that this API gave.", argument) from None
    sort_columns = order_by.value.columns
    if name != str(order_by):
        raise BadInputError(f"The cursor is not of a list ordered by {order_by}.", argument)
    key_types = [
        *(
            (column_ref.column.type.python_type, bool(column_ref.column.nullable))
            for column_ref in sort_columns
        ),
        (int, False),
    ]
    try:
        return tuple(
            [_parse_key(*key_type, key) for key_type, key in zip(key_types, keys, strict=True)]
        )
    except (ValueError, ArithmeticError):
        raise BadInputError("The cursor is not one that this API gave.", argument) from None


def _parse_key(python_type: type, is_nullable: bool, value: Any) -> Any:  # noqa: FBT001 - a column's trait
    """Give a key of a cursor as the database reads it; ValueError if it can't be a column's value.

    A cursor may be forged: nothing of it reaches the database unread.
    """
    if value is None and is_nullable:
        return None
    if python_type is int and type(value) is int and -(2**31) <= value < 2**31:
        return value
    if not isinstance(value, str) or "\x00" in value or python_type is int:
        raise ValueError(value)
    return _KEY_PARSERS[python_type](value) if python_type in _KEY_PARSERS else value


def _parse_number(value: str) -> str:
    """Write a number as the database reads it; ValueError or ArithmeticError if it is none."""
    if len(value) > MAX_NUMBER_DIGITS:
        raise ValueError(value)
    number = Decimal(value)
    if not number.is_finite() or number.adjusted() > MAX_NUMBER_DIGITS:
        raise ValueError(value)
    return str(number)


_KEY_PARSERS: Mapping[type, Callable[[str], str]] = {
    datetime: lambda value: datetime.fromisoformat(value).astimezone(UTC).isoformat(),
    date: lambda value: date.fromisoformat(value).isoformat(),
    Decimal: _parse_number,
}
"""How keys are read that are no plain texts."""


def _get_null_flags(cursor_keys: CursorKeys) -> tuple[bool, ...]:
    return tuple([value is None for value in cursor_keys])
