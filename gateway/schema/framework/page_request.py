"""Requests of pages: the arguments of a connection, parsed, and its cursors.

A cursor is opaque to clients: base64 of a JSON list that holds the sort order's
name, the row's values of the sort columns, and its id, which makes the order
total. The next page is what comes after these keys (keyset pagination), so it is
unaffected by rows that were inserted meanwhile.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from functools import cached_property
from typing import Any

import msgspec

from gateway.db.driver.date_spelling import check_date, check_timestamp
from gateway.db.driver.encoding import encode_text
from gateway.db.query_spec import PageWindow, Perspective, SortOrder
from gateway.schema.framework.errors import BadInputError
from gateway.schema.framework.filters import EMPTY_FILTER, FilterShape, ParsedFilter

MAX_PAGE_SIZE, DEFAULT_PAGE_SIZE = 300, 20
_NUMBER_PATTERN = re.compile(r"-?([0-9]{1,131072}(\.[0-9]{1,16383})?|Infinity)|NaN")
"""What PostgreSQL's type numeric can hold."""
_encode_json, _decode_json = msgspec.json.Encoder().encode, msgspec.json.Decoder(list[Any]).decode
CursorKeys = tuple[Any, ...]


@dataclass(frozen=True)
class ListShape:
    """What decides the text of a list's SQL statement; all else are parameters."""

    filter_shape: FilterShape
    perspective: Perspective | None
    search_kind: str | None
    """The kind of search; None without a search."""
    visible_to_user: bool = False
    """Whether the list is restricted to what another user can see."""
    page_window: PageWindow | None = None
    """The page; None for a statement about the whole list."""


@dataclass(frozen=True)
class PageRequest:
    """A page of a list that a client requests."""

    order_by: Enum
    page_size: int
    backward: bool = False
    after: CursorKeys = ()
    before: CursorKeys = ()
    parsed_filter: ParsedFilter = EMPTY_FILTER
    perspective: Perspective | None = None
    search_parameters: tuple[str, ...] = ()
    """The kind of search and its parameters; empty without a search."""
    visible_to_username: str | None = None
    """The user who must be able to see the rows, too; None for no such restriction."""

    @cached_property
    def list_shape(self) -> ListShape:
        """The shape of a statement about the whole list."""
        search_kind = next(iter(self.search_parameters), None)
        return ListShape(
            self.parsed_filter.shape,
            self.perspective,
            search_kind,
            self.visible_to_username is not None,
        )

    @cached_property
    def statement_shape(self) -> ListShape:
        """The shape of the page's statement, which reads one row more than the page has."""
        sort_order: SortOrder = self.order_by.value
        null_flags = _get_null_flags(self.after), _get_null_flags(self.before)
        page_window = PageWindow(sort_order, self.page_size + 1, self.backward, *null_flags)
        return replace(self.list_shape, page_window=page_window)

    def build_parameters(self) -> dict[str, str | None]:
        """Return the parameters of the page's statement."""
        parameters = self.build_list_parameters()
        for name, cursor_keys in (("after", self.after), ("before", self.before)):
            parameters.update(
                (f"{name}{i}", encode_text(value)) for i, value in enumerate(cursor_keys)
            )
        return parameters

    def build_list_parameters(self) -> dict[str, str | None]:
        """Return the parameters of a statement about the whole list."""
        parameters = {name: encode_text(value) for name, value in self.parsed_filter.parameters}
        parameters.update(
            (f"query{i}", value) for i, value in enumerate(self.search_parameters[1:])
        )
        if self.visible_to_username is not None:
            parameters["visible_to"] = self.visible_to_username
        return parameters

    def encode_cursor(self, row: Sequence[Any]) -> str:
        """Return the cursor of `row`, whose last columns are the sort keys."""
        keys = row[-len(self.order_by.value.columns) - 1 :]
        return urlsafe_b64encode(_encode_json((str(self.order_by), *keys))).decode()

    def build_page_result(self, rows: list[Any]) -> "PageResult":
        """Return the page of `rows`; one more than its size means that the list continues."""
        has_more, rows = len(rows) > self.page_size, rows[: self.page_size]
        if self.backward:
            return PageResult(self, rows[::-1], bool(self.before), has_more)
        return PageResult(self, rows, has_more, bool(self.after))


@dataclass(frozen=True)
class PageResult:
    """The rows of a page, and whether the list has rows before and after it."""

    page_request: PageRequest
    rows: list[Any]
    has_next_page: bool
    has_previous_page: bool

    def start_cursor(self) -> str | None:
        """Return the cursor of the first row; None if the page is empty."""
        return self.page_request.encode_cursor(self.rows[0]) if self.rows else None

    def end_cursor(self) -> str | None:
        """Return the cursor of the last row; None if the page is empty."""
        return self.page_request.encode_cursor(self.rows[-1]) if self.rows else None


def parse_page_size(first: int | None, last: int | None) -> tuple[int, bool]:
    """Return the page's size, and whether it is counted from the end; raises BadInputError."""
    if first is not None and last is not None:
        raise BadInputError("`first` and `last` exclude each other, got both.", "last")
    name, value = ("first", first) if last is None else ("last", last)
    page_size = DEFAULT_PAGE_SIZE if value is None else value
    if not 0 <= page_size <= MAX_PAGE_SIZE:
        raise BadInputError(
            f"`{name}` must be between 0 and {MAX_PAGE_SIZE}, got {page_size}.", name
        )
    return page_size, name == "last"


def decode_cursor(order_by: Enum, cursor: str | None, argument: str) -> CursorKeys:
    """Return the sort keys in a cursor, none without one; raises BadInputError if it is invalid."""
    if cursor is None:
        return ()
    invalid_cursor = f"`{argument}` must be a cursor that this API returned."
    try:
        name, *keys = _decode_json(urlsafe_b64decode(cursor))
    except (ValueError, NotBase64, RecursionError):
        raise BadInputError(invalid_cursor, argument) from None
    if name != str(order_by):
        message = f"`{argument}` must be a cursor of a list with `orderBy: {order_by.name}`."
        raise BadInputError(message, argument)
    columns = [column_ref.column for column_ref in order_by.value.columns]
    key_types = [*((each.type.python_type, bool(each.nullable)) for each in columns), (int, False)]
    try:
        return tuple(
            [_check_key(*key_type, key) for key_type, key in zip(key_types, keys, strict=True)]
        )
    except ValueError:
        raise BadInputError(invalid_cursor, argument) from None


def _check_key(python_type: type, is_nullable: bool, value: Any) -> Any:  # noqa: FBT001 - a column's property
    """Return a key of a cursor as it is; raises ValueError if its column can't hold it.

    A client may have forged the cursor.
    """
    if value is None and is_nullable:
        return None
    if python_type is int and type(value) is int and -(2**31) <= value < 2**31:
        return value
    if not isinstance(value, str) or "\x00" in value or python_type is int:
        raise ValueError(value)
    return _KEY_CHECKS[python_type](value) if python_type in _KEY_CHECKS else value


def _check_number(value: str) -> str:
    """Return a number as it is; raises ValueError if PostgreSQL has none with this spelling."""
    if not _NUMBER_PATTERN.fullmatch(value):
        raise ValueError(value)
    return value


_KEY_CHECKS: Mapping[type, Callable[[str], str]] = {
    datetime: check_timestamp,
    date: check_date,
    Decimal: _check_number,
}
"""Checks of keys by the column's Python type; keys of other types are plain texts."""


def _get_null_flags(cursor_keys: CursorKeys) -> tuple[bool, ...]:
    return tuple([value is None for value in cursor_keys])
